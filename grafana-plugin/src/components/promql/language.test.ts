import { EditorState } from '@codemirror/state';
import { ensureSyntaxTree } from '@codemirror/language';
import type { EditorView } from '@codemirror/view';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';

import { diagnose, promql } from './language';

function stateOf(doc: string): EditorState {
  const state = EditorState.create({ doc, extensions: promql().extension });
  ensureSyntaxTree(state, doc.length, 5000);
  return state;
}

async function problemsOf(expr: string): Promise<string[]> {
  const state = stateOf(expr);
  const problems = await diagnose({ state } as EditorView, new PromQLExtension().getLinter());
  return problems.map((p) => p.message);
}

describe('what is not marked', () => {
  it.each([
    [''],
    ['  '],
    ['up'],
    ['rate(http_requests_total{job=~"$job"}[$__rate_interval])'],
    ['sum by ($label) (rate($metric[$__interval]))'],
    ['increase(${name}_total[${__range_s}s])'],
    ['topk($n, sum by (job) (up))'],
    ['histogram_quantile($quantile, sum by (le) (rate(a_bucket[5m])))'],
    ['a > $limit'],
    ['$fn(a[5m])'],
    ['$agg by (job) (a)'],
    ['{$filters}'],
    ['max_over_time(rate(a[1m])[$__range:$__interval])'],
    ['a offset $shift'],
    ['a @ ${when}'],
    ['sum(\n  rate(a[5m]) # per second\n)\n/\nsum(b)'],
  ])('%s', async (expr) => {
    expect(await problemsOf(expr)).toEqual([]);
  });
});

describe('what is marked', () => {
  it.each([
    ['an unknown function', 'ratex(a[5m])', ''],
    ['a missing range beside a macro', 'rate(a) + rate(b[$__rate_interval])', 'expected type matrix'],
    ['a range that is too much', 'sum(a[$__range])', 'expected type vector'],
    ['a missing operand', 'a + ', 'binary expression must contain'],
    ['two expressions', 'a b + c', ''],
    ['too few arguments, with a variable elsewhere', 'clamp_max(a) / $n', 'expected 2 argument(s)'],
  ])('%s', async (_what, expr, want) => {
    const problems = await problemsOf(expr);
    expect(problems.join('\n')).toContain(want);
    expect(problems).not.toHaveLength(0);
  });
});

it('keeps the tree whole around a macro', () => {
  const tree = ensureSyntaxTree(stateOf('sum by (job) (rate(a{b="c"}[$__rate_interval]))'), 100, 5000);
  expect(tree?.toString()).not.toContain('⚠');
});
