import { readVariable, type StoredVariable } from './variableText';
import type { VariableQuery } from './types';

test.each<[StoredVariable | undefined, Partial<VariableQuery> | undefined]>([
  ['label_names()', { kind: 'label_names', match: '' }],
  ['label_names(up)', { kind: 'label_names', match: 'up' }],
  ['label_values(job)', { kind: 'label_values', label: 'job', match: '' }],
  ['label_values(up, job)', { kind: 'label_values', label: 'job', match: 'up' }],
  [
    ' label_values( up{a="b, c",d=~"$e"} ,  job ) ',
    { kind: 'label_values', label: 'job', match: 'up{a="b, c",d=~"$e"}' },
  ],
  ['label_values(up, "service.name")', { kind: 'label_values', label: 'service.name', match: 'up' }],
  ['label_values($metric, $label)', { kind: 'label_values', label: '$label', match: '$metric' }],
  ['metrics(http_.*)', { kind: 'metrics', pattern: 'http_.*' }],
  ['metrics(.*(a|b))', { kind: 'metrics', pattern: '.*(a|b)' }],
  ['query_result(topk(3, sum by (a) (up)))', { kind: 'query_result', expr: 'topk(3, sum by (a) (up))' }],
  ['up{a="b"}', { kind: 'series', match: 'up{a="b"}' }],
  [{ query: 'label_values(job)', refId: 'PrometheusVariableQueryEditor-VariableQuery' }, { kind: 'label_values' }],
  [
    { refId: 'a', kind: 'flags', service: 'web' },
    { refId: 'a', kind: 'flags', service: 'web' },
  ],
  ['', undefined],
  [{}, undefined],
  [undefined, undefined],
])('%j', (stored, want) => {
  const read = readVariable(stored);
  expect(want ? read : [read]).toEqual(want ? expect.objectContaining(want) : [undefined]);
});
