import type { AdHocVariableFilter } from '@grafana/data';

import { matchersOf, narrow } from './adhoc';
import { addMatchers } from './promql';
import type { Filter } from './types';

test.each<[AdHocVariableFilter, string]>([
  [{ key: 'a', operator: '=', value: 'x"y' }, 'up{a="x\\"y"}'],
  [{ key: 'a', operator: '=', value: '' }, 'up{a=""}'],
  [{ key: 'a', operator: '!=', value: 'x' }, 'up{a!="x"}'],
  [{ key: 'a', operator: '=~', value: 'x.*' }, 'up{a=~"x.*"}'],
  [{ key: 'a', operator: '!~', value: 'x\\.y' }, 'up{a!~"x\\\\.y"}'],
  [{ key: 'a', operator: '=|', value: 'x', values: ['x.1', 'y'] }, 'up{a=~"x\\\\.1|y"}'],
  [{ key: 'a', operator: '!=|', value: 'x', values: ['x', 'y'] }, 'up{a!~"x|y"}'],
  [{ key: 'a', operator: '=|', value: 'x' }, 'up{a=~"x"}'],
  [{ key: '', operator: '=', value: '' }, 'up'],
])('%j', (filter, want) => {
  expect(addMatchers('up', matchersOf([filter]))).toBe(want);
});

test('an operator that PromQL lacks is refused, not dropped', () => {
  expect(() => matchersOf([{ key: 'a', operator: '<', value: '3' }])).toThrow(/ad-hoc filter a < 3/);
});

test.each<[string, Filter, AdHocVariableFilter[], Filter]>([
  ['a service', {}, [{ key: 'service', operator: '=', value: 'web' }], { services: ['web'] }],
  [
    'services and an environment',
    {},
    [
      { key: 'service_name', operator: '=|', value: 'web', values: ['web', 'api'] },
      { key: 'environment', operator: '=', value: 'prod' },
    ],
    { services: ['web', 'api'], environments: ['prod'] },
  ],
  [
    'the query comes first',
    { services: ['x'] },
    [{ key: 'service', operator: '=', value: 'web' }],
    { services: ['x'] },
  ],
  ['what the log can not say', {}, [{ key: 'service', operator: '!=', value: 'web' }], {}],
  ['other labels', {}, [{ key: 'code', operator: '=', value: '500' }], {}],
])('narrow by %s', (_name, filter, filters, want) => {
  expect(narrow(filter, filters, {})).toEqual(want);
});

test('narrow goes by the labels of the settings', () => {
  const filters = [
    { key: 'app', operator: '=', value: 'web' },
    { key: 'service', operator: '=', value: 'api' },
  ];
  expect(narrow({}, filters, { serviceLabels: ['app'] })).toEqual({ services: ['web'] });
});
