import { FieldSet, Input } from '@grafana/ui';
import React from 'react';

import { isDuration } from '../duration';
import { SettingField } from './SettingField';
import { withOptions, type SectionProps } from './settings';

const width = 20;

/** How queries are asked. */
export function QueriesSection({ options, onOptionsChange }: SectionProps) {
  const { jsonData, readOnly } = options;
  return (
    <FieldSet label="Queries">
      <SettingField
        id="tidemark-interval"
        label="Scrape interval"
        tooltip="As in Tidemark's configuration. Steps are never shorter, and $__rate_interval is at least four of it: too short a one leaves gaps in graphs."
        disabled={readOnly}
        error={durationProblem(jsonData.timeInterval)}
      >
        <Input
          id="tidemark-interval"
          width={width}
          placeholder="15s"
          disabled={readOnly}
          value={jsonData.timeInterval ?? ''}
          onChange={(event: React.ChangeEvent<HTMLInputElement>) =>
            onOptionsChange(withOptions(options, { timeInterval: event.currentTarget.value.trim() }))
          }
        />
      </SettingField>
      <SettingField
        id="tidemark-timeout"
        label="Query timeout"
        tooltip="A query that takes longer is given up, by the server as well, and its panel says so."
        disabled={readOnly}
        error={durationProblem(jsonData.queryTimeout)}
      >
        <Input
          id="tidemark-timeout"
          width={width}
          placeholder="60s"
          disabled={readOnly}
          value={jsonData.queryTimeout ?? ''}
          onChange={(event: React.ChangeEvent<HTMLInputElement>) =>
            onOptionsChange(withOptions(options, { queryTimeout: event.currentTarget.value.trim() }))
          }
        />
      </SettingField>
      <SettingField
        id="tidemark-max-points"
        label="Samples per result"
        tooltip="A result with more is cut there, and says so. It bounds the memory that one query takes: about 16 bytes a sample."
        disabled={readOnly}
      >
        <Input
          id="tidemark-max-points"
          type="number"
          min={1}
          width={width}
          placeholder="1000000"
          disabled={readOnly}
          value={jsonData.maxPoints ?? ''}
          onChange={(event: React.ChangeEvent<HTMLInputElement>) => {
            const most = Math.round(Number(event.currentTarget.value));
            onOptionsChange(withOptions(options, { maxPoints: most > 0 ? most : undefined }));
          }}
        />
      </SettingField>
    </FieldSet>
  );
}

function durationProblem(text: string | undefined): string | undefined {
  return text && !isDuration(text) ? 'A duration such as 15s or 1m30s' : undefined;
}
