import { InlineField, InlineFieldRow, InlineSwitch } from '@grafana/ui';
import React from 'react';

import type { TidemarkQuery } from '../types';
import { FilterEditor } from './FilterEditor';
import type { Resources } from './resources';

interface Props {
  id: string;
  query: TidemarkQuery;
  onChange: (query: TidemarkQuery) => void;
  resources: Resources;
  variables: () => string[];
}

/** Whose newest change, and whether each service has a row of its own. */
export function LastChangeEditor({ id, query, onChange, resources, variables }: Props) {
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
