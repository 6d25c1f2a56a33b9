import { interpolateExpr, interpolateFilter, interpolateText } from './interpolate';
import { template, type Variable } from './test/template';
import type { Filter } from './types';

const variables: Record<string, Variable> = {
  job: { value: 'a.b', multi: false },
  quoted: { value: 'say "hi" \\o/' },
  many: { value: ['a.b', 'c|d'], multi: true },
  one: { value: ['a.b'], multi: true },
  listed: { value: 'a.b', includeAll: true },
  metric: { value: 'up{x="y"}' },
  all: { value: ['web', 'api'], multi: true, includeAll: true, all: true },
  allOfOne: { value: ['web'], multi: true, includeAll: true, all: true },
  none: { value: [], multi: true },
  anything: { value: '.*', includeAll: true },
  empty: { value: '' },
};

describe('interpolateExpr', () => {
  test.each<[string, string]>([
    // One value is taken as it is, and can't end the literal that it stands in.
    ['up{job="$job"}', 'up{job="a.b"}'],
    ['up{a="$quoted"}', 'up{a="say \\"hi\\" \\\\o/"}'],
    ["up{a='$quoted'}", 'up{a=\'say "hi" \\\\o/\'}'],
    ['up{a=`$quoted`}', 'up{a=`say "hi" \\o/`}'],
    // Several are a regular expression, escaped once for the expression and once for the literal.
    ['up{job=~"$many"}', 'up{job=~"(a\\\\.b|c\\\\|d)"}'],
    ['up{job=~`$many`}', 'up{job=~`(a\\.b|c\\|d)`}'],
    ['up{job=~"$one"}', 'up{job=~"a\\\\.b"}'],
    ['up{job=~"$listed"}', 'up{job=~"a\\\\.b"}'],
    ['up{job=~"x-$many-y"}', 'up{job=~"x-(a\\\\.b|c\\\\|d)-y"}'],
    ['up{job=~"${many:raw}"}', 'up{job=~"{a.b,c|d}"}'],
    // Outside of literals a value is PromQL.
    ['sum($metric)', 'sum(up{x="y"})'],
    ['topk(5, $metric) # $metric', 'topk(5, up{x="y"}) # $metric'],
    ['$unknown', '$unknown'],
    // What depends on the step is the backend's to fill in, whatever Grafana has it for.
    ['rate(up[$__rate_interval])', 'rate(up[$__rate_interval])'],
    ['rate(up[$__interval])', 'rate(up[$__interval])'],
    ['rate(up[${__interval}])', 'rate(up[$__interval])'],
    ['rate(up[${__range_s}s])', 'rate(up[${__range_s}s])'],
    ['a$__interval_ms "$__range"', 'a$__interval_ms "$__range"'],
  ])('%s', (expr, want) => {
    const scopedVars = { __interval: { text: '1m', value: '1m' }, __interval_ms: { text: '60000', value: 60000 } };
    expect(interpolateExpr(template(variables), expr, scopedVars)).toBe(want);
  });

  test('scoped variables come first', () => {
    expect(interpolateExpr(template(variables), 'up{job="$job"}', { job: { text: 'c', value: 'c' } })).toBe(
      'up{job="c"}'
    );
  });
});

test('interpolateText keeps label templates and macros', () => {
  expect(interpolateText(template(variables), '{{job}} of $job per ${__interval}', {})).toBe(
    '{{job}} of a.b per $__interval'
  );
});

describe('interpolateFilter', () => {
  test.each<[string, Filter, Filter]>([
    ['one value', { services: ['$job', 'x'] }, { services: ['a.b', 'x'] }],
    ['several values', { services: ['$many'] }, { services: ['a.b', 'c|d'] }],
    ['several values within a word', { services: ['x-$many'] }, { services: ['x-a.b', 'x-c|d'] }],
    ['all values', { services: ['$all'], kinds: ['deploy'] }, { services: [], kinds: ['deploy'] }],
    ['all values, of which there is one', { services: ['$allOfOne'] }, { services: [] }],
    ['none of several values', { services: ['$none', 'x'] }, { services: ['x'] }],
    ['a pattern for all', { environments: ['$anything'] }, { environments: [] }],
    ['no value', { who: ['$empty'] }, { who: [] }],
    ['twice the same', { kinds: ['$job', 'a.b'] }, { kinds: ['a.b'] }],
    ['labels and text', { labels: { team: '$job' }, text: 'by $job' }, { labels: { team: 'a.b' }, text: 'by a.b' }],
  ])('%s', (_name, filter, want) => {
    expect(interpolateFilter(template(variables), filter, {})).toEqual(want);
  });
});
