import { CompletionContext } from '@codemirror/autocomplete';
import { ensureSyntaxTree } from '@codemirror/language';
import { EditorState } from '@codemirror/state';

import { listLimit, ResourceClient } from './client';
import { promqlSource, variableSource } from './completion';
import { promql } from './language';

const names = ['http_requests_total', 'up'];
const answers: Record<string, unknown> = {
  'api/v1/label/__name__/values': names,
  'api/v1/labels': ['job', 'instance'],
  'api/v1/label/job/values': ['api', 'a "b"'],
  'api/v1/metadata': { up: [{ type: 'gauge', help: 'Whether it is up.' }] },
};

/** Completes at the bar. */
async function complete(text: string, all: Record<string, unknown> = answers) {
  const pos = text.indexOf('|');
  const doc = text.replace('|', '');
  const language = promql();
  const state = EditorState.create({ doc, extensions: language.extension });
  ensureSyntaxTree(state, doc.length, 5000);
  const context = new CompletionContext(state, pos, true);
  const client = new ResourceClient(
    { getResource: (path) => Promise.resolve({ data: all[path] } as never) },
    () => undefined
  );
  const result = await promqlSource(client)(context);
  const variables = variableSource(() => ['job', 'service'])(context);
  return { result, variables: await variables };
}

const labels = (result: { options: readonly { label: string }[] } | null) => result?.options.map((o) => o.label) ?? [];

it.each([
  ['metrics and functions', 'http|', ['http_requests_total', 'rate', 'sum']],
  ['labels of a metric', 'up{|}', ['job', 'instance']],
  ['labels after a macro', 'sum by (|) (rate(http_requests_total[$__rate_interval]))', ['job', 'instance']],
  ['values', 'up{job="|"}', ['api', 'a "b"']],
])('completes %s', async (_what, text, want) => {
  const { result } = await complete(text);
  expect(labels(result)).toEqual(expect.arrayContaining(want));
});

it('tells the type and the meaning of a metric', async () => {
  const { result } = await complete('u|');
  expect(result?.options.find((o) => o.label === 'up')).toMatchObject({ detail: 'gauge', info: 'Whether it is up.' });
});

it('asks again with each character where the list of metrics was cut', async () => {
  const many = Array.from({ length: listLimit }, (_, i) => `m${i}`);
  expect((await complete('u|')).result?.validFor).toBeDefined();
  expect((await complete('u|', { ...answers, 'api/v1/label/__name__/values': many })).result?.validFor).toBeUndefined();
});

describe('variables and macros', () => {
  it.each([
    ['after a dollar sign', 'up{job="$|"}', '$job', 8],
    ['after some letters', 'rate(a[$__ra|', '$__rate_interval', 7],
    ['in braces', 'rate(a[${__|', '${__rate_interval}', 7],
    ['where a range is expected', 'rate(a[|])', '$__rate_interval', 7],
    ['where a range has been begun', 'rate(a[5|])', '$__rate_interval', 7],
  ])('%s', async (_what, text, want, from) => {
    const { variables } = await complete(text);
    expect(labels(variables)).toContain(want);
    expect(variables?.from).toBe(from);
  });

  it('are not offered elsewhere', async () => {
    expect((await complete('up|')).variables).toBeNull();
  });
});
