import { EqlRegex, EqlSingle, Neq } from '@prometheus-io/lezer-promql';

import { listLimit, ResourceClient } from './client';

const span = { from: 1_700_000_030_000, to: 1_700_003_630_000 };
const during = { start: 1_699_999_980, end: 1_700_003_640 };

function setUp(answer: (path: string, params: Record<string, unknown>) => unknown) {
  const getResource = jest.fn(async (path: string, params: Record<string, unknown> = {}) => answer(path, params));
  const clock = { now: 0 };
  const client = new ResourceClient(
    { getResource: getResource as never },
    () => span,
    () => clock.now
  );
  return { client, getResource, clock };
}

const matcher = (name: string, type: number, value: string) => ({ name, type, value, matchesEmpty: () => false });

it('asks for the labels of a metric within the time range, in whole minutes', async () => {
  const { client, getResource } = setUp(() => ({ status: 'success', data: ['job'] }));
  expect(await client.labelNames('up')).toEqual(['job']);
  expect(getResource).toHaveBeenCalledWith('api/v1/labels', {
    ...during,
    limit: listLimit,
    'match[]': '{__name__="up"}',
  });
});

describe('the selector of label values', () => {
  it.each([
    ['no metric', undefined, [], undefined],
    ['a metric', 'up', [], '{__name__="up"}'],
    ['a metric in quotes', 'my "metric"', [], '{__name__="my \\"metric\\""}'],
    ['other labels', 'up', [matcher('job', EqlSingle, 'a'), matcher('b', Neq, 'c')], '{__name__="up",job="a",b!="c"}'],
    ['a regular expression', undefined, [matcher('job', EqlRegex, 'a.*')], '{job=~"a.*"}'],
    ['not the label itself', 'up', [matcher('instance', EqlSingle, 'x')], '{__name__="up"}'],
    ['not an unfinished one', 'up', [matcher('job', EqlSingle, '')], '{__name__="up"}'],
    ['not a variable', 'up', [matcher('job', EqlRegex, '$job')], '{__name__="up"}'],
    ['not a metric that is a variable', '$metric', [], undefined],
    ['nothing that selects all', undefined, [matcher('job', Neq, 'a')], undefined],
    ['a label in quotes', 'up', [matcher('my.label', EqlSingle, 'a')], '{__name__="up","my.label"="a"}'],
  ])('%s', async (_what, metric, matchers, want) => {
    const { client, getResource } = setUp(() => ({ data: [] }));
    await client.labelValues('instance', metric, matchers as never);
    const [path, params] = getResource.mock.calls[0];
    expect(path).toBe('api/v1/label/instance/values');
    expect(params?.['match[]']).toBe(want);
  });
});

it('escapes the name of a label in the path', async () => {
  const { client, getResource } = setUp(() => ({ data: [] }));
  await client.labelValues('a/b');
  expect(getResource.mock.calls[0][0]).toBe('api/v1/label/a%2Fb/values');
});

it('asks once a minute for the same', async () => {
  const { client, getResource, clock } = setUp(() => ({ data: ['up'] }));
  await Promise.all([client.metricNames(), client.metricNames('u')]);
  expect(getResource).toHaveBeenCalledTimes(1);
  clock.now = 61_000;
  await client.metricNames();
  expect(getResource).toHaveBeenCalledTimes(2);
});

it('answers with nothing when it fails, and asks again', async () => {
  let fail = true;
  const { client } = setUp(() => {
    if (fail) {
      throw new Error('502');
    }
    return { data: ['up'] };
  });
  expect(await client.metricNames()).toEqual([]);
  fail = false;
  expect(await client.metricNames()).toEqual(['up']);
});

describe('more metrics than one list holds', () => {
  const many = Array.from({ length: listLimit }, (_, i) => `m${i}`);

  it('asks for those that hold what was typed', async () => {
    const { client, getResource } = setUp((_path, params) => ({
      data: params['match[]'] ? ['http_requests_total'] : many,
    }));
    expect(await client.metricNames('requests.')).toEqual(['http_requests_total']);
    expect(getResource.mock.calls[1][1]?.['match[]']).toBe('{__name__=~".*requests\\\\..*"}');
    expect(client.metricsCut).toBe(true);
  });

  it('knows that the list without anything typed was cut', async () => {
    const { client } = setUp(() => ({ data: many }));
    expect(await client.metricNames()).toHaveLength(listLimit);
    expect(client.metricsCut).toBe(true);
  });
});

it('makes maps of series', async () => {
  const { client } = setUp(() => ({ data: [{ __name__: 'up', job: 'a' }] }));
  expect(await client.series('up')).toEqual([new Map(Object.entries({ __name__: 'up', job: 'a' }))]);
  expect(await client.series('')).toEqual([]);
});
