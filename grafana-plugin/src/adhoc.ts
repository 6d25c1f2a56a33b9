import type { AdHocVariableFilter } from '@grafana/data';

import { escapeRegex, type Matcher } from './promql';
import type { Filter, TidemarkOptions } from './types';

/** A filter whose operator PromQL has no matcher for. The message is for the person who set it. */
export class UnknownOperatorError extends Error {
  constructor({ key, operator, value }: AdHocVariableFilter) {
    super(`ad-hoc filter ${key} ${operator} ${value}: a label can be compared with =, !=, =~, !~, and one of, only`);
    this.name = 'UnknownOperatorError';
  }
}

const operators = ['=', '!=', '=~', '!~', '=|', '!=|'];

/** The matchers that ad-hoc filters stand for. Filters that are not filled in yet are left out. */
export function matchersOf(filters: AdHocVariableFilter[] | undefined): Matcher[] {
  return (filters ?? []).filter(({ key }) => key).map(matcherOf);
}

/** The matchers of those ad-hoc filters that have one. What is offered for a filter does not depend on what is wrong with another. */
export function knownMatchersOf(filters: AdHocVariableFilter[]): Matcher[] {
  return matchersOf(filters.filter(({ operator }) => operators.includes(operator)));
}

/**
 * Narrows a selection of changes by those ad-hoc filters that name a service or an environment. A list that the query itself
 * has set stays as it is.
 */
export function narrow(filter: Filter, filters: AdHocVariableFilter[] | undefined, options: TidemarkOptions): Filter {
  const narrowed = { ...filter };
  for (const adhoc of filters ?? []) {
    const list = listOf(adhoc.key, options);
    if (list && !filter[list]?.length && (adhoc.operator === '=' || adhoc.operator === '=|')) {
      narrowed[list] = valuesOf(adhoc);
    }
  }
  return narrowed;
}

/** The labels that name a series' service, by the data source's settings. */
export function serviceLabels(options: TidemarkOptions): string[] {
  return options.serviceLabels ?? ['service', 'service_name'];
}

/** The labels that name a series' environment, by the data source's settings. */
export function environmentLabels(options: TidemarkOptions): string[] {
  return options.environmentLabels ?? ['environment', 'deployment_environment_name'];
}

function listOf(key: string, options: TidemarkOptions): 'services' | 'environments' | undefined {
  if (serviceLabels(options).includes(key)) {
    return 'services';
  }
  return environmentLabels(options).includes(key) ? 'environments' : undefined;
}

function matcherOf(filter: AdHocVariableFilter): Matcher {
  const { key: name, operator, value } = filter;
  switch (operator) {
    case '=':
    case '!=':
    case '=~':
    case '!~':
      return { name, operator, value };
    case '=|':
    case '!=|':
      return { name, operator: operator === '=|' ? '=~' : '!~', value: valuesOf(filter).map(escapeRegex).join('|') };
    default:
      throw new UnknownOperatorError(filter);
  }
}

function valuesOf({ value, values }: AdHocVariableFilter): string[] {
  return values?.length ? values : [value];
}
