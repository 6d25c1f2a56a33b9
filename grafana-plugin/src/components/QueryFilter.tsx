import React from 'react';

import type { TidemarkQuery } from '../types';
import { FilterEditor, type FilterPart } from './FilterEditor';
import type { Resources } from './resources';

/** What the editor of a query of the change log is given. */
export interface ChangeQueryProps {
  id: string;
  query: TidemarkQuery;
  onChange: (query: TidemarkQuery) => void;
  resources: Resources;
  variables: () => string[];
}

/** What narrows states, of which kind and status are given. */
export const stateParts: readonly FilterPart[] = ['services', 'environments', 'labels', 'text'];

/** Which changes a query is about. */
export function QueryFilter({ id, query, onChange, ...rest }: ChangeQueryProps & { parts?: readonly FilterPart[] }) {
  return (
    <FilterEditor
      id={`${id}-filter`}
      value={query.filter}
      onChange={(filter) => onChange({ ...query, filter })}
      {...rest}
    />
  );
}
