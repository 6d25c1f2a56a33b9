import { CoreApp } from '@grafana/data';

import type { QueryType, TidemarkQuery } from '../types';

/** A query type that a person can choose. */
export interface QueryTypeOption {
  value: Exclude<QueryType, 'overlay'>;
  label: string;
  /** What the answer is, in a sentence. */
  description: string;
}

/** In the order in which they are offered. */
export const queryTypes: QueryTypeOption[] = [
  {
    value: 'metrics',
    label: 'Metrics',
    description: 'Samples by a PromQL expression, with the changes of the same time drawn on the graph.',
  },
  {
    value: 'changes',
    label: 'Changes',
    description: 'The changes that happened, or went on, in the time range, newest first.',
  },
  {
    value: 'last',
    label: 'Last change',
    description: 'The newest change that had begun by the end of the time range: what, who and how long ago.',
  },
  {
    value: 'flags',
    label: 'Flags',
    description: 'The value that each feature flag had at the end of the time range, since when, and who set it.',
  },
  {
    value: 'timeline',
    label: 'Timeline',
    description:
      'Which version ran, or which value a flag had, through the time range. Made for the state timeline panel.',
  },
];

/** The type of a query; one that has none, or a word from elsewhere, is for metrics. */
export function typeOf(query: TidemarkQuery): QueryTypeOption {
  return queryTypes.find((type) => type.value === query.queryType) ?? queryTypes[0];
}

/** Whether the query belongs to an alert rule: it has numbers to compare, and no graph. */
export function isAlerting(app: CoreApp | string | undefined): boolean {
  return app === CoreApp.CloudAlerting || app === CoreApp.UnifiedAlerting;
}
