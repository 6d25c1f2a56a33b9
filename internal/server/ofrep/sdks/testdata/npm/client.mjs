// Evaluates flags with the web SDK and its OFREP provider, and goes on to tell of
// each change. It runs in Node as in a browser.
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';

export async function run(url, token, say, options = {}) {
  await OpenFeature.setContext({ targetingKey: 'ann', beta: true });
  const client = OpenFeature.getClient();
  const all = () => ({
    banner: client.getBooleanDetails('banner', false),
    colour: client.getStringDetails('colour', 'grey'),
    cohort: client.getBooleanDetails('cohort', false),
    limit: client.getNumberDetails('limit', 1),
    ratio: client.getNumberDetails('ratio', 1),
    layout: client.getObjectDetails('layout', {}),
    steps: client.getObjectDetails('steps', []),
    old: client.getBooleanDetails('old', true),
    none: client.getStringDetails('none', 'mine'),
    wrongType: client.getNumberDetails('banner', 7),
  });
  const provider = new OFREPWebProvider({
    baseUrl: url,
    headers: [['Authorization', `Bearer ${token}`]],
    cacheMode: 'disabled',
    ...options,
  });
  await OpenFeature.setProviderAndWait(provider);
  client.addHandler(ProviderEvents.ConfigurationChanged, (event) =>
    say({ event: 'changed', flags: event?.flagsChanged ?? [], details: all() }),
  );
  client.addHandler(ProviderEvents.Error, (event) => say({ event: 'error', message: event?.message }));
  client.addHandler(ProviderEvents.Stale, (event) => say({ event: 'stale', message: event?.message }));
  await say({ event: 'ready', details: all() });
}
