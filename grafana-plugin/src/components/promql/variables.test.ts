import { hasReference, maskReferences, references } from './variables';

describe('maskReferences', () => {
  it.each([
    ['nothing to mask', 'up{job="a"}', 'up{job="a"}'],
    ['a range', 'rate(a[$__rate_interval])', 'rate(a[111111111111111m])'],
    ['a range in braces', 'rate(a[${__range}])', 'rate(a[111111111m])'],
    ['a range with its unit outside', 'rate(a[${__range_s}s])', 'rate(a[111111111111s])'],
    ['both parts of a subquery', 'max_over_time(a[$range:$step])', 'max_over_time(a[11111m:1111m])'],
    ['an offset', 'a offset $shift', 'a offset 11111m'],
    ['a negative offset', 'a offset -$shift', 'a offset -11111m'],
    ['a time', 'a @ $when', 'a @ 1111m'],
    ['a metric', 'sum($metric)', 'sum(vvvvvvv)'],
    ['a part of a metric', '${name}_total{a="b"}', 'vvvvvvv_total{a="b"}'],
    ['the old form', 'sum by ([[label]]) (a)', 'sum by (vvvvvvvvv) (a)'],
    ['a format', 'a > ${limit:raw}', 'a > vvvvvvvvvvvv'],
    ['not in strings', `a{b="$c", d='$e', f=\`$g\`}`, `a{b="$c", d='$e', f=\`$g\`}`],
    ['not in a string with an escaped quote', 'a{b="\\"$c"} + $d', 'a{b="\\"$c"} + vv'],
    ['not in comments', 'a # $b\n+ $c', 'a # $b\n+ vv'],
    ['an unfinished string', 'a{b="$c', 'a{b="$c'],
    ['a lone dollar sign', 'a + $', 'a + $'],
  ])('%s', (_what, expr, want) => {
    expect(maskReferences(expr)).toBe(want);
    expect(maskReferences(expr)).toHaveLength(expr.length);
  });
});

describe('references', () => {
  it.each([
    ['$fn(a)', 'function'],
    ['${agg} by (b) (a)', 'function'],
    ['a[$d]', 'duration'],
    ['a > $limit', 'name'],
  ])('%s stands for a %s', (expr, place) => {
    expect(references(expr).map((r) => r.place)).toEqual([place]);
  });
});

describe('hasReference', () => {
  it.each([
    ['$a', true],
    ['x-${a:regex}', true],
    ['[[a]]', true],
    ['a$', false],
    ['', false],
  ])('%s: %s', (text, want) => {
    expect(hasReference(text)).toBe(want);
  });
});
