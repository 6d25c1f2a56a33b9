import { lastHour, start } from './test/requests';
import { template, type Variable } from './test/template';
import { VariableValues } from './variables';
import type { StoredVariable } from './variableText';

const range = lastHour();
const span = { start: start / 1000 - 3600, end: start / 1000 };

const variables: Record<string, Variable> = {
  jobs: { value: ['a', 'b.c'], multi: true },
  service: { value: 'web' },
  all: { value: ['p', 'q'], multi: true, includeAll: true, all: true },
};

async function find(stored: StoredVariable, answer: unknown, context = { range }) {
  const getResource = jest.fn().mockResolvedValue(answer);
  const values = new VariableValues({ getResource }, template(variables), '15s');
  const found = await values.find(stored, context);
  return { texts: found.map(({ text }) => text), asked: getResource.mock.calls };
}

const refId = 'v';

test.each<[string, StoredVariable, unknown[]]>([
  ['label names', { refId, kind: 'label_names' }, ['api/v1/labels', span]],
  ['of a metric', { refId, kind: 'label_names', match: 'up' }, ['api/v1/labels', { ...span, 'match[]': 'up' }]],
  ['label values', { refId, kind: 'label_values', label: 'job' }, ['api/v1/label/job/values', span]],
  [
    'of a selector with a variable',
    { refId, kind: 'label_values', label: 'instance', match: 'up{job=~"$jobs"}' },
    ['api/v1/label/instance/values', { ...span, 'match[]': 'up{job=~"(a|b\\\\.c)"}' }],
  ],
  ['of an odd label', { refId, kind: 'label_values', label: 'a/b.c' }, ['api/v1/label/a%2Fb.c/values', span]],
  ['metrics', { refId, kind: 'metrics' }, ['api/v1/label/__name__/values', span]],
  [
    'metrics by a pattern',
    { refId, kind: 'metrics', pattern: '^http_\\w+' },
    ['api/v1/label/__name__/values', { ...span, 'match[]': '{__name__=~".*(?:^http_\\\\w+).*"}' }],
  ],
])('%s', async (_name, query, want) => {
  const { texts, asked } = await find(query, { status: 'success', data: ['x', 'y'] });
  expect(texts).toEqual(['x', 'y']);
  expect(asked).toEqual([want]);
});

test('series', async () => {
  const { texts, asked } = await find('up{job=~"$jobs"}', {
    data: [{ __name__: 'up', job: 'a', path: 'C:\\"x"' }, { __name__: 'down' }, { job: 'b' }],
  });
  expect(asked).toEqual([['api/v1/series', { ...span, 'match[]': 'up{job=~"(a|b\\\\.c)"}' }]]);
  expect(texts).toEqual(['up{job="a",path="C:\\\\\\"x\\""}', 'down', '{job="b"}']);
});

describe('query result', () => {
  test('of a vector: series, value and time', async () => {
    const { texts, asked } = await find('query_result(max_over_time(up[$__range]) + ${__range_s})', {
      data: { resultType: 'vector', result: [{ metric: { __name__: 'up', a: 'b' }, value: [1.5, '3'] }] },
    });
    expect(texts).toEqual(['up{a="b"} 3 1500']);
    expect(asked).toEqual([['api/v1/query', { query: 'max_over_time(up[3600s]) + 3600', time: start / 1000 }]]);
  });

  test('macros of the step go by how often is scraped', async () => {
    const { asked } = await find('query_result(rate(up[$__rate_interval]) * $__interval_ms)', {
      data: { resultType: 'scalar', result: [0, '1'] },
    });
    expect(asked[0][1].query).toBe('rate(up[60000ms]) * 15000');
  });

  test('of a number', async () => {
    const { texts } = await find('query_result(scalar(up))', { data: { resultType: 'scalar', result: [0, '7'] } });
    expect(texts).toEqual(['7']);
  });

  test('of a range is refused', async () => {
    const matrix = { data: { resultType: 'matrix', result: [] } };
    await expect(find('query_result(up[5m])', matrix)).rejects.toThrow(/query_result: .* instant vector/);
  });
});

test.each(['services', 'environments', 'versions', 'flags', 'kinds'] as const)('%s', async (kind) => {
  const { texts, asked } = await find(
    { refId, kind, service: '$service', environment: '' },
    { values: ['x'], cut: false }
  );
  expect(texts).toEqual(['x']);
  expect(asked).toEqual([[`changes/values/${kind}`, { from: start - 3_600_000, to: start, service: ['web'] }]]);
});

test('what changes name is asked for each value of a variable', async () => {
  const { asked } = await find({ refId, kind: 'versions', service: '$jobs', environment: '$all' }, { values: [] });
  expect(asked[0][1]).toEqual({ from: start - 3_600_000, to: start, service: ['a', 'b.c'] });
});

test.each<[string, StoredVariable]>([
  ['nothing', ''],
  ['label values without a label', { refId, kind: 'label_values' }],
  ['series without a selector', { refId, kind: 'series' }],
  ['a result without an expression', { refId, kind: 'query_result' }],
])('%s: asks nobody', async (_name, query) => {
  const { texts, asked } = await find(query, {});
  expect(texts).toEqual([]);
  expect(asked).toEqual([]);
});
