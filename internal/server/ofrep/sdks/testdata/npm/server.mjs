// Evaluates flags with the server SDK and its OFREP provider, and writes the
// details as JSON.
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const { TIDEMARK_URL, TIDEMARK_TOKEN } = process.env;
await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl: TIDEMARK_URL, headers: [['Authorization', `Bearer ${TIDEMARK_TOKEN}`]] }),
);
const client = OpenFeature.getClient();
const ann = { targetingKey: 'ann', beta: true };
const bob = { targetingKey: 'bob', beta: false };
console.log(
  JSON.stringify({
    banner: await client.getBooleanDetails('banner', false, ann),
    colour: await client.getStringDetails('colour', 'grey', ann),
    colourBob: await client.getStringDetails('colour', 'grey', bob),
    cohort: await client.getBooleanDetails('cohort', false, ann),
    cohortNobody: await client.getBooleanDetails('cohort', false, {}),
    limit: await client.getNumberDetails('limit', 1, ann),
    ratio: await client.getNumberDetails('ratio', 1, ann),
    layout: await client.getObjectDetails('layout', {}, ann),
    steps: await client.getObjectDetails('steps', [], ann),
    old: await client.getBooleanDetails('old', true, ann),
    none: await client.getStringDetails('none', 'mine', ann),
    wrongType: await client.getNumberDetails('banner', 7, ann),
  }),
);
await OpenFeature.close();
