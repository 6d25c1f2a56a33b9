import { AbstractLabelOperator, type DataQuery, type DataSourceApi } from '@grafana/data';

import { exportQueries, importQueries } from './imports';

function origin(id: string, more: object = {}): DataSourceApi {
  return { meta: { id }, ...more } as DataSourceApi;
}

test.each(['prometheus', 'grafana-amazonprometheus-datasource', 'grafana-azureprometheus-datasource'])(
  'queries of %s come whole, without what is of no meaning here',
  async (id) => {
    const query = {
      refId: 'A',
      expr: 'up',
      legendFormat: '{{job}}',
      instant: true,
      editorMode: 'builder',
    } as DataQuery;
    expect(await importQueries([query], origin(id))).toEqual([
      { refId: 'A', expr: 'up', legendFormat: '{{job}}', instant: true },
    ]);
  }
);

test('queries of others come as the selector of their labels', async () => {
  const labelMatchers = [
    { name: 'job', value: 'a', operator: AbstractLabelOperator.Equal },
    { name: 'env', value: 'p.*', operator: AbstractLabelOperator.NotEqualRegEx },
  ];
  const exportToAbstractQueries = async () => [{ refId: 'B', labelMatchers }];
  expect(await importQueries([{ refId: 'B' }], origin('loki', { exportToAbstractQueries }))).toEqual([
    { refId: 'B', expr: '{job="a", env!~"p.*"}', range: true },
  ]);
});

test('of others still, nothing', async () => {
  expect(await importQueries([{ refId: 'A' }], origin('mysql'))).toEqual([]);
});

test('queries go as the labels that they select', () => {
  expect(
    exportQueries([
      { refId: 'A', expr: 'rate(up{job!="a"}[5m])' },
      { refId: 'B', queryType: 'changes' },
    ])
  ).toEqual([
    {
      refId: 'A',
      labelMatchers: [
        { name: '__name__', value: 'up', operator: AbstractLabelOperator.Equal },
        { name: 'job', value: 'a', operator: AbstractLabelOperator.NotEqual },
      ],
    },
    { refId: 'B', labelMatchers: [] },
  ]);
});
