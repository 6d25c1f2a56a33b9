import { Stack } from '@grafana/ui';
import React from 'react';

import type { TidemarkQuery } from '../types';
import { MetricsOptions } from './MetricsOptions';
import { PromQLField } from './PromQLField';
import type { Resources, Span } from './resources';

interface Props {
  id: string;
  query: TidemarkQuery;
  onChange: (query: TidemarkQuery) => void;
  onRun: () => void;
  resources: Resources;
  span?: Span;
  variables: () => string[];
  alerting: boolean;
}

/** A PromQL expression and how its answer is to come back. */
export function MetricsEditor({ id, query, onChange, onRun, resources, span, variables, alerting }: Props) {
  return (
    <Stack direction="column" gap={1}>
      <PromQLField
        id={`${id}-expr`}
        label="PromQL expression"
        placeholder="PromQL, such as rate(http_requests_total[$__rate_interval]). Shift-Enter runs it."
        value={query.expr ?? ''}
        onChange={(expr) => onChange({ ...query, expr })}
        onRun={onRun}
        resources={resources}
        span={span}
        variables={variables}
      />
      <MetricsOptions
        id={id}
        query={query}
        onChange={(next) => {
          onChange(next);
          onRun();
        }}
        alerting={alerting}
      />
    </Stack>
  );
}
