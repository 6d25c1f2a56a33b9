import { InlineField, InlineFieldRow, RadioButtonGroup } from '@grafana/ui';
import React from 'react';

import type { TidemarkQuery } from '../types';
import { QueryFilter, stateParts, type ChangeQueryProps } from './QueryFilter';

type Subject = NonNullable<TidemarkQuery['of']>;

/** Whose states: the versions of services, or the values of flags. */
export function TimelineEditor(props: ChangeQueryProps) {
  const { id, query, onChange } = props;
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
      <QueryFilter {...props} parts={stateParts} />
    </>
  );
}
