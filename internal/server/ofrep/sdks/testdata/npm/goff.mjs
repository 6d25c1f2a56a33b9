// Evaluates flags with GO Feature Flag's own provider, and writes the details as
// JSON. Closing it reports what it has collected.
import { OpenFeature } from '@openfeature/server-sdk';
import { GoFeatureFlagProvider } from '@openfeature/go-feature-flag-provider';

const { TIDEMARK_URL, TIDEMARK_TOKEN } = process.env;
const logger = { error: (...said) => console.error(...said), warn() {}, info() {}, debug() {} };
const provider = new GoFeatureFlagProvider({ endpoint: TIDEMARK_URL, apiKey: TIDEMARK_TOKEN }, logger);
await OpenFeature.setProviderAndWait(provider);
const client = OpenFeature.getClient();
const ann = { targetingKey: 'ann', beta: true, anonymous: false };
const banner = await client.getBooleanDetails('banner', false, ann);
console.log(
  JSON.stringify({
    banner,
    bannerAgain: await client.getBooleanDetails('banner', false, ann),
    colour: await client.getStringDetails('colour', 'grey', ann),
    cohort: await client.getBooleanDetails('cohort', false, ann),
    limit: await client.getNumberDetails('limit', 1, ann),
    ratio: await client.getNumberDetails('ratio', 1, ann),
    layout: await client.getObjectDetails('layout', {}, ann),
    steps: await client.getObjectDetails('steps', [], ann),
    old: await client.getBooleanDetails('old', true, ann),
    none: await client.getStringDetails('none', 'mine', ann),
  }),
);
await OpenFeature.close();
