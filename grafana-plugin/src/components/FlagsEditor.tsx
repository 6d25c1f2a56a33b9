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

/** Which services' and environments' flags. */
export function FlagsEditor({ id, query, onChange, resources, variables }: Props) {
  return (
    <FilterEditor
      id={`${id}-filter`}
      value={query.filter}
      onChange={(filter) => onChange({ ...query, filter })}
      resources={resources}
      variables={variables}
      parts={['services', 'environments', 'labels', 'text']}
    />
  );
}
