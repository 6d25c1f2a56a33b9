import type { QueryFilterOptions, ToggleFilterAction } from '@grafana/data';

import { environmentLabels, serviceLabels } from './adhoc';
import { addMatchers, hasMatcher, removeMatcher, type Matcher, type MatchOperator } from './promql';
import { asksChanges } from './targets';
import type { Filter, TidemarkOptions, TidemarkQuery } from './types';

type List = 'kinds' | 'services' | 'environments' | 'statuses' | 'who';

const lists: Record<string, List | undefined> = { kind: 'kinds', status: 'statuses', who: 'who' };

/** Adds a condition on a label to a query, which a person has clicked on in its answer. */
export function addFilter(
  query: TidemarkQuery,
  { key, value }: QueryFilterOptions,
  operator: '=' | '!=',
  options: TidemarkOptions
): TidemarkQuery {
  if (!asksChanges(query)) {
    return { ...query, expr: addMatchers(query.expr ?? '', [{ name: key, operator, value }]) };
  }
  // The change log has no condition that leaves something out.
  return operator === '=' ? { ...query, filter: select(query.filter ?? {}, key, value, options) } : query;
}

/** Adds a condition on a label, takes it away if it is there already, or replaces its opposite. */
export function toggleFilter(
  query: TidemarkQuery,
  { type, options: { key, value } }: ToggleFilterAction,
  options: TidemarkOptions
): TidemarkQuery {
  const operator = type === 'FILTER_FOR' ? '=' : '!=';
  if (!asksChanges(query)) {
    const matcher = (operator: MatchOperator): Matcher => ({ name: key, operator, value });
    const expr = query.expr ?? '';
    if (hasMatcher(expr, matcher(operator))) {
      return { ...query, expr: removeMatcher(expr, matcher(operator)) };
    }
    const freed = removeMatcher(expr, matcher(operator === '=' ? '!=' : '='));
    return { ...query, expr: addMatchers(freed, [matcher(operator)]) };
  }
  if (hasFilter(query, { key, value }, options)) {
    return { ...query, filter: unselect(query.filter ?? {}, key, value, options) };
  }
  return addFilter(query, { key, value }, operator, options);
}

/** Whether a query demands that a label has a value. */
export function hasFilter(query: TidemarkQuery, { key, value }: QueryFilterOptions, options: TidemarkOptions): boolean {
  if (!asksChanges(query)) {
    return hasMatcher(query.expr ?? '', { name: key, operator: '=', value });
  }
  const list = listOf(key, options);
  return list ? (query.filter?.[list]?.includes(value) ?? false) : query.filter?.labels?.[key] === value;
}

function select(filter: Filter, key: string, value: string, options: TidemarkOptions): Filter {
  const list = listOf(key, options);
  if (!list) {
    return { ...filter, labels: { ...filter.labels, [key]: value } };
  }
  return { ...filter, [list]: [...new Set([...(filter[list] ?? []), value])] };
}

function unselect(filter: Filter, key: string, value: string, options: TidemarkOptions): Filter {
  const list = listOf(key, options);
  if (list) {
    return { ...filter, [list]: filter[list]?.filter((one) => one !== value) };
  }
  const labels = { ...filter.labels };
  delete labels[key];
  return { ...filter, labels };
}

function listOf(key: string, options: TidemarkOptions): List | undefined {
  if (serviceLabels(options).includes(key)) {
    return 'services';
  }
  return environmentLabels(options).includes(key) ? 'environments' : lists[key];
}
