import type { AnnotationQuery, QueryEditorProps } from '@grafana/data';
import { Stack, Text } from '@grafana/ui';
import React from 'react';

import type { DataSource } from '../datasource';
import { asksChanges } from '../targets';
import type { TidemarkOptions, TidemarkQuery } from '../types';
import { dashboardVariables } from './dashboardVariables';
import { FilterEditor } from './FilterEditor';
import { SeriesAnnotationEditor } from './SeriesAnnotationEditor';
import { useUniqueId } from './useUniqueId';

export type Props = QueryEditorProps<DataSource, TidemarkQuery, TidemarkOptions> & {
  annotation?: AnnotationQuery<TidemarkQuery>;
  onAnnotationChange?: (annotation: AnnotationQuery<TidemarkQuery>) => void;
};

/** Writes an annotation query: which changes a dashboard draws on its panels. */
export function AnnotationEditor({ datasource, query, range, onChange, onRunQuery, ...annotated }: Props) {
  const id = useUniqueId('tidemark-annotation');
  const { annotation, onAnnotationChange } = annotated;
  if (query?.expr && !asksChanges(query)) {
    return (
      <Stack direction="column" gap={1}>
        <SeriesAnnotationEditor
          id={id}
          query={query}
          onChange={onChange}
          onRun={onRunQuery}
          resources={datasource}
          span={range && { from: range.from.valueOf(), to: range.to.valueOf() }}
          variables={dashboardVariables}
          annotation={annotation}
          onAnnotationChange={onAnnotationChange}
        />
      </Stack>
    );
  }
  return (
    <Stack direction="column" gap={1}>
      <Text variant="bodySmall" color="secondary">
        Draws the changes that are selected here on the panels of this dashboard, those of other data sources too.
        Panels of this data source draw their changes without it; none is drawn twice.
      </Text>
      <FilterEditor
        id={`${id}-filter`}
        value={query?.filter}
        onChange={(filter) => {
          onChange({ ...query, queryType: 'changes', as: 'annotations', filter });
          onRunQuery();
        }}
        resources={datasource}
        variables={dashboardVariables}
      />
    </Stack>
  );
}
