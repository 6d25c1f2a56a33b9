import { Combobox, InlineField, InlineFieldRow, type ComboboxOption } from '@grafana/ui';
import React from 'react';

import type { ChangesForm, TidemarkQuery } from '../types';
import { FilterEditor } from './FilterEditor';
import { LimitInput } from './LimitInput';
import type { Resources } from './resources';

interface Props {
  id: string;
  query: TidemarkQuery;
  onChange: (query: TidemarkQuery) => void;
  resources: Resources;
  variables: () => string[];
}

const forms: Array<ComboboxOption<ChangesForm>> = [
  { value: 'table', label: 'Table', description: 'A row for each change, with links' },
  {
    value: 'annotations',
    label: 'Annotations',
    description: 'What lies close together becomes one mark, with a count',
  },
  { value: 'logs', label: 'Logs', description: 'A line for each change, for the logs panel' },
];

/** Which changes, how many, and as what. */
export function ChangesEditor({ id, query, onChange, resources, variables }: Props) {
  return (
    <>
      <FilterEditor
        id={`${id}-filter`}
        value={query.filter}
        onChange={(filter) => onChange({ ...query, filter })}
        resources={resources}
        variables={variables}
      />
      <InlineFieldRow>
        <InlineField label="As" htmlFor={`${id}-as`}>
          <Combobox
            id={`${id}-as`}
            options={forms}
            value={query.as ?? 'table'}
            onChange={(option: ComboboxOption<ChangesForm>) => onChange({ ...query, as: option.value })}
            width={20}
          />
        </InlineField>
        {query.as !== 'annotations' && (
          <LimitInput id={`${id}-limit`} value={query.limit} onChange={(limit) => onChange({ ...query, limit })} />
        )}
      </InlineFieldRow>
    </>
  );
}
