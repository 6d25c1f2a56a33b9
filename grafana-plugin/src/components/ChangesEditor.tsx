import { Combobox, InlineField, InlineFieldRow, type ComboboxOption } from '@grafana/ui';
import React from 'react';

import type { ChangesForm } from '../types';
import { LimitInput } from './LimitInput';
import { QueryFilter, type ChangeQueryProps } from './QueryFilter';

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
export function ChangesEditor(props: ChangeQueryProps) {
  const { id, query, onChange } = props;
  return (
    <>
      <QueryFilter {...props} />
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
