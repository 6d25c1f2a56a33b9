import { addFilter, hasFilter, toggleFilter } from './explore';
import type { Filter, TidemarkQuery } from './types';

const metrics = (expr: string): TidemarkQuery => ({ refId: 'A', expr });
const changes = (filter?: Filter): TidemarkQuery => ({ refId: 'A', queryType: 'changes', filter });
const web = { key: 'service', value: 'web' };

test.each<[TidemarkQuery, '=' | '!=', { key: string; value: string }, TidemarkQuery]>([
  [metrics('up'), '=', web, metrics('up{service="web"}')],
  [metrics('up'), '!=', web, metrics('up{service!="web"}')],
  [changes(), '=', web, changes({ services: ['web'] })],
  [changes({ services: ['web'] }), '=', web, changes({ services: ['web'] })],
  [changes(), '=', { key: 'environment', value: 'prod' }, changes({ environments: ['prod'] })],
  [changes(), '=', { key: 'status', value: 'failed' }, changes({ statuses: ['failed'] })],
  [changes(), '=', { key: 'team', value: 'x' }, changes({ labels: { team: 'x' } })],
  [changes(), '!=', web, changes()],
])('addFilter %j %s %j', (query, operator, filter, want) => {
  expect(addFilter(query, filter, operator, {})).toEqual(want);
});

test.each<[TidemarkQuery, 'FILTER_FOR' | 'FILTER_OUT', TidemarkQuery]>([
  [metrics('up'), 'FILTER_FOR', metrics('up{service="web"}')],
  [metrics('up{service="web"}'), 'FILTER_FOR', metrics('up{}')],
  [metrics('up{service="web", a="b"}'), 'FILTER_OUT', metrics('up{a="b", service!="web"}')],
  [metrics('up{service!="web"}'), 'FILTER_OUT', metrics('up{}')],
  [changes(), 'FILTER_FOR', changes({ services: ['web'] })],
  [changes({ services: ['web', 'api'] }), 'FILTER_FOR', changes({ services: ['api'] })],
])('toggleFilter %j %s', (query, type, want) => {
  expect(toggleFilter(query, { type, options: web }, {})).toEqual(want);
});

test('toggling twice is as before', () => {
  const filter = { type: 'FILTER_FOR' as const, options: { key: 'team', value: 'x' } };
  const once = toggleFilter(changes({ labels: { a: 'b' } }), filter, {});
  expect(once.filter?.labels).toEqual({ a: 'b', team: 'x' });
  expect(toggleFilter(once, filter, {}).filter?.labels).toEqual({ a: 'b' });
});

test.each<[TidemarkQuery, boolean]>([
  [metrics('up{service="web"}'), true],
  [metrics('up{service!="web"}'), false],
  [metrics(''), false],
  [changes({ services: ['web'] }), true],
  [changes({ services: ['api'] }), false],
  [changes(), false],
])('hasFilter %j', (query, want) => {
  expect(hasFilter(query, web, {})).toBe(want);
});
