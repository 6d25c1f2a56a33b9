import { InlineField, InlineFieldRow, RadioButtonGroup } from '@grafana/ui';
import React from 'react';

import type { TidemarkQuery } from '../types';
import { FilterEditor } from './FilterEditor';
import type { Resources } from './resources';

type Subject = NonNullable<TidemarkQuery['of']>;

interface Props {
  id: string;
  query: TidemarkQuery;
  onChange: (query: TidemarkQuery) => void;
  resources: Resources;
  variables: () => string[];
}

/** Whose states: the versions of services, or the values of flags. */
export function TimelineEditor({ id, query, onChange, resources, variables }: Props) {
  return (
    <>
      <InlineFieldRow>
        <InlineField label="Of" tooltip="Versions: a row for each service and environment. Flags: a row for each flag.">
          <RadioButtonGroup<Subject>
            id={`${id}-of`}
            options={[
              { value: 'versions', label: 'Versions' },
              { value: 'flags', label: 'Flags' },
            ]}
            value={query.of ?? 'versions'}
            onChange={(of) => onChange({ ...query, of })}
          />
        </InlineField>
      </InlineFieldRow>
      <FilterEditor
        id={`${id}-filter`}
        value={query.filter}
        onChange={(filter) => onChange({ ...query, filter })}
        resources={resources}
        variables={variables}
        parts={['services', 'environments', 'labels', 'text']}
      />
    </>
  );
}
