// A quarter of an hour of a shop: a deploy that goes well, one of another
// service that fails, and one that breaks the checkout until a flag is flipped.

const minute = 60_000;

/** How far before `now` each thing happened, in milliseconds. */
const at = { deployed: 11 * minute, failed: 8 * minute, broke: 6 * minute, noticed: 5 * minute, flipped: 3 * minute };

/** Records the changes and pushes the samples of the story, up to now. */
export async function tell(tidemark, now = Date.now()) {
  const ago = (ms) => new Date(now - ms).toISOString();
  const production = { environment: 'production' };
  for (const change of [
    {
      kind: 'deploy',
      service: 'web',
      version: 'v41',
      who: 'ann',
      status: 'succeeded',
      title: 'deploy web v41',
      start: ago(at.deployed),
      end: ago(at.deployed - 40_000),
    },
    {
      kind: 'deploy',
      service: 'api',
      version: 'v7',
      who: 'ben',
      status: 'failed',
      title: 'deploy api v7',
      start: ago(at.failed),
      end: ago(at.failed - 30_000),
    },
    {
      kind: 'deploy',
      service: 'web',
      version: 'v42',
      previous_version: 'v41',
      who: 'ann',
      status: 'succeeded',
      title: 'deploy web v42',
      text: 'The new checkout <b>for everybody</b>',
      start: ago(at.broke),
      end: ago(at.broke - 40_000),
      links: [{ rel: 'source', title: 'Pull request 812', href: 'https://git.example.com/web/pull/812' }],
    },
    {
      kind: 'incident',
      service: 'web',
      who: 'pager',
      status: 'succeeded',
      title: 'errors at the checkout',
      start: ago(at.noticed),
      end: ago(at.flipped - 60_000),
    },
    {
      kind: 'flag',
      service: 'web',
      who: 'ben',
      status: 'succeeded',
      title: 'new-checkout off',
      flag: { key: 'new-checkout', from: 'on', to: 'off' },
      start: ago(at.flipped),
      end: ago(at.flipped),
    },
  ]) {
    await tidemark.record({ ...production, ...change });
  }
  await tidemark.push('http_requests', counters(now));
  await tidemark.pushMetrics({ job: 'shop' }, durations(now));
}

/** The request that is an example of the slow ones. */
export const slowTrace = '4bf92f3577b34da6a3ce929d0e0e4736';

/** How long the checkout took, with an example, and how long searches took, as a native histogram. */
function durations(now) {
  const start = now - 16 * minute;
  const times = Array.from({ length: 61 }, (_, i) => now - (60 - i) * 15_000);
  const attributes = { service: 'web' };
  return [
    {
      name: 'checkout_duration_seconds',
      kind: 'histogram',
      points: times.map((time, i) => ({
        attributes,
        start,
        time,
        bounds: [0.1, 1],
        counts: [90 * i, 9 * i, i],
        sum: 12 * i,
        exemplars: [{ time, value: 1.5, traceId: slowTrace }],
      })),
    },
    {
      name: 'search_duration_seconds',
      kind: 'native',
      points: times.map((time, i) => ({
        attributes,
        start,
        time,
        scale: 0,
        offset: -4,
        counts: [5 * i, 20 * i, 9 * i],
        sum: 3 * i,
      })),
    },
  ];
}

/** The cumulative counters of the shop's requests, a point every 15 seconds. */
function counters(now) {
  const series = [
    { service: 'web', code: '200', rate: () => 42 },
    { service: 'web', code: '500', rate: (ago) => (ago < at.broke && ago > at.flipped ? 5.5 : 0.2) },
    { service: 'api', code: '200', rate: () => 90 },
    { service: 'api', code: '500', rate: () => 0.4 },
  ];
  const start = now - 16 * minute;
  return series.flatMap(({ rate, ...attributes }) => {
    const points = [];
    let value = 0;
    for (let time = start; time <= now; time += 15_000) {
      // A little unrest that is the same in each run.
      value += 15 * rate(now - time) * (1 + 0.1 * Math.sin(time / 41_000) + 0.05 * Math.cos(time / 17_000));
      points.push({ attributes, time, start, value });
    }
    return points;
  });
}
