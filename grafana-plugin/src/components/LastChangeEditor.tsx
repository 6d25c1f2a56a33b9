import { InlineField, InlineFieldRow, InlineSwitch } from '@grafana/ui';
import React from 'react';

import { QueryFilter, type ChangeQueryProps } from './QueryFilter';

/** Whose newest change, and whether each service has a row of its own. */
export function LastChangeEditor(props: ChangeQueryProps) {
  const { id, query, onChange } = props;
  return (
    <>
      <QueryFilter {...props} />
      <InlineFieldRow>
        <InlineField
          label="Per service"
          htmlFor={`${id}-per`}
          tooltip="A row for each service instead of one row for all of them."
        >
          <InlineSwitch
            id={`${id}-per`}
            value={query.per === 'service'}
            onChange={(event) => onChange({ ...query, per: event.currentTarget.checked ? 'service' : undefined })}
          />
        </InlineField>
      </InlineFieldRow>
    </>
  );
}
