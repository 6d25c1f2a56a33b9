import {
  AbstractLabelOperator,
  hasQueryExportSupport,
  type AbstractQuery,
  type DataQuery,
  type DataSourceApi,
} from '@grafana/data';

import { firstSelector, writeSelector, type MatchOperator } from './promql';
import type { TidemarkQuery } from './types';

const operators: Record<AbstractLabelOperator, MatchOperator> = {
  [AbstractLabelOperator.Equal]: '=',
  [AbstractLabelOperator.NotEqual]: '!=',
  [AbstractLabelOperator.EqualRegEx]: '=~',
  [AbstractLabelOperator.NotEqualRegEx]: '!~',
};

const abstract = Object.fromEntries(
  Object.entries(operators).map(([name, operator]) => [operator, name as AbstractLabelOperator])
) as Record<MatchOperator, AbstractLabelOperator>;

/**
 * Takes over the queries of another data source. Those of one that speaks PromQL come whole; of one that says which labels its
 * queries select, a selector of these.
 */
export async function importQueries(queries: DataQuery[], origin: DataSourceApi): Promise<TidemarkQuery[]> {
  if (speaksPromQL(origin.meta.id)) {
    return queries.map(fromPrometheus);
  }
  if (!hasQueryExportSupport(origin)) {
    return [];
  }
  return (await origin.exportToAbstractQueries(queries)).map(({ refId, labelMatchers }) => ({
    refId,
    expr: writeSelector(
      labelMatchers.map(({ operator, ...matcher }) => ({ ...matcher, operator: operators[operator] }))
    ),
    range: true,
  }));
}

/** Says which labels queries select, for data sources of other kinds. */
export function exportQueries(queries: TidemarkQuery[]): AbstractQuery[] {
  return queries.map(({ refId, expr }) => ({
    refId,
    labelMatchers: firstSelector(expr ?? '').map(({ operator, ...matcher }) => ({
      ...matcher,
      operator: abstract[operator],
    })),
  }));
}

function speaksPromQL(id: string): boolean {
  return id === 'prometheus' || /^grafana-.*prometheus-datasource$/.test(id);
}

function fromPrometheus(query: DataQuery): TidemarkQuery {
  // The names of its fields are ours.
  const { refId, hide, expr, legendFormat, interval, range, instant, exemplar, format } = query as TidemarkQuery;
  return { refId, hide, expr, legendFormat, interval, range, instant, exemplar, format };
}
