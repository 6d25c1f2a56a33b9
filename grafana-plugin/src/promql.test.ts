import {
  addMatchers,
  firstSelector,
  hasMatcher,
  removeMatcher,
  writeSelector,
  type Matcher,
  type MatchOperator,
} from './promql';

const job: Matcher = { name: 'job', operator: '=', value: 'api' };

describe('addMatchers', () => {
  test.each<[string, string]>([
    ['up', 'up{job="api"}'],
    ['up{}', 'up{job="api"}'],
    ['up{a="b"}', 'up{a="b", job="api"}'],
    ['up{a="b",}', 'up{a="b", job="api",}'],
    ['up{ a="b" }', 'up{ a="b", job="api" }'],
    ['{__name__="up"}', '{__name__="up", job="api"}'],
    ['{"http.requests"}', '{"http.requests", job="api"}'],
    ['sum by (up) (rate(up[5m]))', 'sum by (up) (rate(up{job="api"}[5m]))'],
    ['a / on (b) group_left c{d!="e"} offset 5m', 'a{job="api"} / on (b) group_left c{d!="e", job="api"} offset 5m'],
    ['up{job="api"}', 'up{job="api"}'],
    ['up{job="api"} - down', 'up{job="api"} - down{job="api"}'],
    ['vector(1)', 'vector(1)'],
    ['1 + 2', '1 + 2'],
    ['', ''],
    ['up # every up', 'up{job="api"} # every up'],
    ['label_replace(up, "a", "$1", "b", "up(.*)")', 'label_replace(up{job="api"}, "a", "$1", "b", "up(.*)")'],
    // What Grafana or the backend fills in later stands in the way of no parser.
    ['rate(up[$__rate_interval])', 'rate(up{job="api"}[$__rate_interval])'],
    ['rate(up[${__range_s}s])', 'rate(up{job="api"}[${__range_s}s])'],
    ['max_over_time(up[1h:$__interval])', 'max_over_time(up{job="api"}[1h:$__interval])'],
    ['up / $__range_s', 'up{job="api"} / $__range_s'],
    ['${__interval_ms} * up', '${__interval_ms} * up{job="api"}'],
    ['$metric / 2', '$metric{job="api"} / 2'],
    // What stands behind a comment would be no matcher.
    ['up{a="b" # c\n}', 'up{a="b", job="api" # c\n}'],
    ['up{ # c\n}', 'up{job="api" # c\n}'],
    ['up{ # c\n a="b"}', 'up{ # c\n a="b", job="api"}'],
  ])('%s', (expr, want) => {
    expect(addMatchers(expr, [job])).toBe(want);
  });

  test.each<[string, MatchOperator, string, string]>([
    ['up', '=', 'up', 'up'],
    ['up{a="b"}', '!=', 'down', 'up{a="b"}'],
    ['{"http.requests"}', '=', 'http.requests', '{"http.requests"}'],
    ['{__name__="up"}', '=', 'up', '{__name__="up"}'],
    // What can't be both selects nothing, as with any other label.
    ['up', '=', 'down', '{__name__="up", __name__="down"}'],
    ['up', '!=', 'up', '{__name__="up", __name__!="up"}'],
    ['up{}', '=~', 'u.*', '{__name__="up", __name__=~"u.*"}'],
    ['up{a="b"}', '!~', 'u.*', '{__name__="up", a="b", __name__!~"u.*"}'],
    ['{"http.requests", a="b"}', '!=', 'http.requests', '{__name__="http.requests", a="b", __name__!="http.requests"}'],
    ['{__name__=~"up|down"}', '=', 'up', '{__name__=~"up|down", __name__="up"}'],
    ['up or down', '=', 'up', 'up or {__name__="down", __name__="up"}'],
    ['$metric{a="b"}', '=', 'up', '{__name__="$metric", a="b", __name__="up"}'],
    ['rate(up{a="b"}[5m])', '=', 'down', 'rate({__name__="up", a="b", __name__="down"}[5m])'],
  ])('the name of %s %s %s', (expr, operator, value, want) => {
    const added = addMatchers(expr, [{ name: '__name__', operator, value }]);
    expect(added).toBe(want);
    expect(addMatchers(added, [{ name: '__name__', operator, value }])).toBe(want);
  });

  test('names and values are written so that they are read back', () => {
    const odd: Matcher = { name: 'service.name', operator: '=~', value: 'a\\.b "c"\n' };
    const expr = addMatchers('up', [odd]);
    expect(expr).toBe('up{"service.name"=~"a\\\\.b \\"c\\"\\n"}');
    expect(hasMatcher(expr, odd)).toBe(true);
    expect(addMatchers(expr, [odd])).toBe(expr);
  });

  test('several at once', () => {
    expect(addMatchers('up{a="b"}', [job, { name: 'x', operator: '!~', value: 'y|z' }])).toBe(
      'up{a="b", job="api", x!~"y|z"}'
    );
  });
});

test.each<[string, string]>([
  ['up{job="api"}', 'up{}'],
  ['up{job="api", a="b"}', 'up{a="b"}'],
  ['up{a="b", job="api"}', 'up{a="b"}'],
  ['up{a="b", job="api", c="d"}', 'up{a="b", c="d"}'],
  ['up{job="api"} / up{job=\'api\'}', 'up{} / up{}'],
  ['up{job="other"}', 'up{job="other"}'],
  ['up{job!="api"}', 'up{job!="api"}'],
])('removeMatcher from %s', (expr, want) => {
  expect(removeMatcher(expr, job)).toBe(want);
});

test.each<[string, string]>([
  ['"a\\x41\\u0042\\n\\101"', 'aAB\nA'],
  ["'it\\'s'", "it's"],
  ['`raw\\n`', 'raw\\n'],
])('a literal %s is read as Go reads it', (literal, value) => {
  expect(hasMatcher(`up{a=${literal}}`, { name: 'a', operator: '=', value })).toBe(true);
});

test('firstSelector takes the name as a matcher', () => {
  expect(firstSelector('sum(rate(up{job=~"a|b", "l.x"!="y"}[5m])) / down')).toEqual([
    { name: '__name__', operator: '=', value: 'up' },
    { name: 'job', operator: '=~', value: 'a|b' },
    { name: 'l.x', operator: '!=', value: 'y' },
  ]);
  expect(firstSelector('1')).toEqual([]);
});

test('writeSelector', () => {
  expect(writeSelector([{ name: '__name__', operator: '=', value: 'up' }, job])).toBe('{__name__="up", job="api"}');
});
