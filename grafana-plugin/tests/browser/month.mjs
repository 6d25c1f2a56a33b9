// A month of a shop, for whole dashboards: what changed in it, and the last hour's samples of its services, of their host and of
// Tidemark. Each service counts its requests under other names, of those that the dashboards know.

const minute = 60_000;
const day = 24 * 60 * minute;

/** How far apart samples are, and how far back they go. */
const every = 15_000;
const remembered = 65 * minute;

/** How long the services go on, so that a slow run still sees them at work. */
const foreseen = 5 * minute;

/** When the checkout of web broke and was mended, before now. */
const broke = 21 * minute;
const mended = 13 * minute;

/** Numbers that look like chance and are the same in each run. */
function chance(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

/** Tells the month, up to now. Of what Tidemark scrapes, since it was started, it must have a first sample. */
export async function tellMonth(tidemark, { metricNames, started }, now = Date.now()) {
  const changes = [...earlier(now), ...lately(now)];
  for (let i = 0; i < changes.length; i += 100) {
    await tidemark.recordAll(changes.slice(i, i + 100));
  }
  await tidemark.pushMetrics({ job: 'shop' }, services(now));
  for (const { job, instance, metrics } of await rewound(tidemark, metricNames, started)) {
    for (let i = 0; i < metrics.length; i += 20) {
      await tidemark.pushMetrics({ job, instance }, metrics.slice(i, i + 20));
    }
  }
}

const people = ['ann', 'ben', 'chloe', 'dev', 'github-actions'];

/** A deploy and what else happens on an ordinary day, for a month. */
function earlier(now) {
  const next = chance(7);
  const changes = [];
  const add = (start, lasting, change) =>
    changes.push({
      environment: 'production',
      who: people[next(people.length)],
      status: 'succeeded',
      ...change,
      start: new Date(start).toISOString(),
      end: new Date(start + lasting).toISOString(),
    });
  const version = { web: 301, api: 70, checkout: 1180 };
  for (let ago = 29; ago >= 1; ago--) {
    const at = () => now - ago * day + next(20 * 60) * minute;
    for (const service of ['web', 'web', 'api', 'checkout', 'checkout'].filter(() => next(3) > 0)) {
      const status = ['succeeded', 'succeeded', 'succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled'][next(7)];
      const to = `v${++version[service]}`;
      for (const environment of ['staging', 'production']) {
        const lasting = (40 + next(300)) * 1000;
        add(at(), lasting, {
          kind: 'deploy',
          service,
          environment,
          version: to,
          status,
          title: `deploy ${service} ${to}`,
        });
      }
    }
    if (next(3) === 0) {
      const [key, service, ...values] = [
        ['new-checkout', 'web', false, true],
        ['search-backend', 'api', 'solr', 'vespa'],
        ['banner', 'web', 'blue', 'green', 'none'],
        ['fraud-check', 'checkout', '10%', '50%', '100%'],
      ][next(4)];
      const to = values[next(values.length)];
      add(at(), 0, { kind: 'flag', service, title: `${key} ${to}`, flag: { key, to } });
    }
    if (next(4) === 0) {
      const [kind, title, lasting] = [
        ['incident', 'checkout is slow', 40 * minute],
        ['config', 'connection pool 20 → 40', 0],
        ['maintenance', 'database upgraded', 90 * minute],
        ['drill', 'zone b taken away', 30 * minute],
        ['restart', 'web restarted', 20_000],
      ][next(5)];
      add(at(), lasting, { kind, service: 'checkout', title });
    }
  }
  return changes;
}

/** The last hours: a deploy of web breaks the checkout, until a flag is flipped. */
function lately(now) {
  const iso = (ago) => new Date(now - ago).toISOString();
  const change = (ago, lasting, more) => ({
    environment: 'production',
    status: 'succeeded',
    ...more,
    start: iso(ago),
    end: lasting === undefined ? undefined : iso(ago - lasting),
  });
  return [
    change(52 * minute, 90_000, {
      kind: 'deploy',
      service: 'web',
      version: 'v341',
      who: 'ann',
      title: 'deploy web v341',
    }),
    change(47 * minute, 0, {
      kind: 'flag',
      service: 'web',
      who: 'ben',
      title: 'new-checkout on',
      flag: { key: 'new-checkout', from: false, to: true },
    }),
    change(38 * minute, 70_000, {
      kind: 'deploy',
      service: 'api',
      version: 'v99',
      who: 'github-actions',
      status: 'failed',
      title: 'deploy api v99',
    }),
    change(33 * minute, 20_000, {
      kind: 'deploy',
      service: 'api',
      version: 'v100',
      who: 'github-actions',
      status: 'lost',
      title: 'deploy api v100',
    }),
    change(broke + minute, 60_000, {
      kind: 'deploy',
      service: 'web',
      version: 'v342',
      previous_version: 'v341',
      who: 'ann',
      title: 'deploy web v342',
      links: [{ rel: 'source', title: 'Pull request 812', href: 'https://git.example.com/web/pull/812' }],
    }),
    change(broke - 2 * minute, broke - mended, {
      kind: 'incident',
      service: 'web',
      who: 'pager',
      title: 'errors at the checkout',
    }),
    change(mended, 0, {
      kind: 'flag',
      service: 'web',
      who: 'ben',
      title: 'new-checkout off',
      flag: { key: 'new-checkout', from: true, to: false },
    }),
    change(9 * minute, 0, {
      kind: 'flag',
      service: 'web',
      who: 'ben',
      status: 'failed',
      title: 'banner green',
      flag: { key: 'banner', from: 'blue', to: 'green' },
    }),
    change(7 * minute, undefined, {
      kind: 'maintenance',
      service: 'checkout',
      who: 'dev',
      status: 'running',
      title: 'payment provider is exchanged',
    }),
    change(2 * minute, undefined, {
      kind: 'deploy',
      service: 'checkout',
      version: 'v1260',
      who: 'chloe',
      status: 'running',
      title: 'deploy checkout v1260',
    }),
  ];
}

/** The requests, durations and processes of three services. */
function services(now) {
  const errors = (ago) => (ago < broke && ago > mended ? 0.11 : 0.003);
  const metrics = {};
  const add = (name, kind, point, unit) => (metrics[name] ??= { name, kind, unit, points: [] }).points.push(point);
  const start = now - remembered;
  for (const { service, rate, failing, slow } of [
    { service: 'web', rate: 46, failing: errors, slow: (ago) => (ago < broke && ago > mended ? 6 : 1) },
    { service: 'api', rate: 91, failing: () => 0.004, slow: () => 0.5 },
    { service: 'checkout', rate: 12, failing: () => 0.001, slow: () => 1.6 },
  ]) {
    const counted = {};
    let busy = 0;
    for (let time = start; time <= now + foreseen; time += every) {
      const ago = now - time;
      const unrest = 1 + 0.12 * Math.sin(time / 410_000 + rate) + 0.06 * Math.cos(time / 97_000);
      busy += (every / 1000) * 0.31 * unrest * slow(ago) ** 0.5;
      for (const [code, share] of [
        ['200', 1 - failing(ago) - 0.01],
        ['404', 0.01],
        ['503', failing(ago)],
      ]) {
        const requests = (every / 1000) * rate * unrest * share;
        const count = (counted[code] ??= { classic: Array(11).fill(0), native: Array(24).fill(0), sum: 0, all: 0 });
        count.all += requests;
        for (let i = 0; i < 40; i++) {
          const seconds = 0.02 * slow(ago) * Math.exp(3.2 * (i / 40) ** 3);
          count.sum += (seconds * requests) / 40;
          const bucket = bounds.findIndex((bound) => seconds <= bound);
          count.classic[bucket < 0 ? bounds.length : bucket] += requests / 40;
          count.native[Math.min(23, Math.max(0, Math.ceil(Math.log2(seconds) * 2) + 15))] += requests / 40;
        }
        const place = { service, environment: 'production' };
        const point = (labels) => ({ attributes: { ...place, ...labels }, start, time, sum: count.sum });
        switch (service) {
          case 'web':
            add(
              'http.server.request.duration',
              'histogram',
              {
                ...point({ 'http.response.status_code': code }),
                ...{ bounds, counts: count.classic.map(Math.round) },
              },
              's'
            );
            break;
          case 'api':
            add(
              'http.server.request.duration_',
              'native',
              {
                ...point({ 'http.response.status_code': code }),
                ...{ scale: 1, offset: -16, counts: count.native.map(Math.round) },
              },
              's'
            );
            break;
          default:
            add('http_requests', 'counter', { ...point({ code }), value: Math.round(count.all) });
            add('http_request_duration_seconds', 'histogram', {
              ...point({ code }),
              ...{ bounds, counts: count.classic.map(Math.round) },
            });
        }
      }
      for (const pod of ['a', 'b']) {
        const attributes = { service, environment: 'production', instance: `${service}-${pod}:8080` };
        add('up', 'gauge', { attributes, time, value: 1 });
        add('process_cpu_seconds', 'counter', { attributes, start, time, value: busy * (pod === 'a' ? 1 : 0.83) });
        add('process_resident_memory_bytes', 'gauge', {
          attributes,
          time,
          value: (pod === 'a' ? 231e6 : 214e6) * (1 + 0.04 * Math.sin(time / 600_000 + rate)),
        });
      }
    }
  }
  return Object.values(metrics).map((metric) => ({ ...metric, name: metric.name.replace(/_$/, '') }));
}

const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What Tidemark scrapes itself, without the many buckets that no dashboard asks for. */
const scraped = ['{job=~"node|tidemark", __name__!~".+_bucket"}[2m]', '{__name__=~".+_bucket", route="/api/v1/*"}[2m]'];

/** What stays as it is, however long one looks back. */
const constant =
  /_info$|_time_seconds$|MemTotal|_size_bytes$|_max(imum)?$|_limit$|_files$|^node_filesystem|^up$|successful$/;
const counting = /_total$|_sum$|_count$|_bucket$|pswp|pgmajfault|RetransSegs|oom_kill/;

/**
 * Makes up the past of what Tidemark scrapes itself, which has existed for seconds only: what counts has counted at one pace, and
 * the rest has gone up and down a little around what it is.
 */
async function rewound(tidemark, metricNames, started) {
  const sources = {};
  const answers = await Promise.all(scraped.map((selector) => tidemark.query(selector)));
  for (const { metric, values = [] } of answers.flat()) {
    const first = values[0]?.[1];
    const { __name__: name, job, instance, ...attributes } = metric;
    if (!metricNames.has(name) || !Number.isFinite(Number(first))) {
      continue;
    }
    const source = (sources[job] ??= { job, instance, metrics: {} });
    const { points } = (source.metrics[name] ??= { name, kind: 'gauge', points: [] });
    const phase = phaseOf(name, attributes);
    for (let time = started - remembered; time < started; time += every) {
      points.push({ attributes, time, value: before(name, Number(first), started - time, phase) });
    }
  }
  return Object.values(sources).map((source) => ({ ...source, metrics: Object.values(source.metrics) }));
}

/** The parts of one histogram go up and down together. */
function phaseOf(name, { le: _, ...attributes }) {
  const text = name.replace(/_(sum|count|bucket)$/, '') + Object.values(attributes).join();
  return [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 628, 0) / 100;
}

function before(name, value, ago, phase) {
  if (constant.test(name)) {
    return value;
  }
  const wave = (ms, length) => Math.sin(ms / length + phase) - Math.sin(phase);
  if (counting.test(name)) {
    const length = 400_000;
    return Math.max(0, value * (1 - (ago + 0.5 * length * wave(ago, length)) / (4 * remembered)));
  }
  const swing = name.startsWith('node_memory') ? 0.01 : 0.08;
  const around = value * (1 + swing * wave(ago, 500_000) + (swing / 4) * wave(ago, 45_000));
  return Number.isInteger(value) ? Math.round(around) : around;
}
