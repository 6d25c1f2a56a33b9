import type { QueryEditorProps } from '@grafana/data';
import { Alert, InlineField, RadioButtonGroup, Stack, Text } from '@grafana/ui';
import React from 'react';

import type { DataSource } from '../datasource';
import type { TidemarkOptions, TidemarkQuery } from '../types';
import { ChangesEditor } from './ChangesEditor';
import { dashboardVariables } from './dashboardVariables';
import { FlagsEditor } from './FlagsEditor';
import { LastChangeEditor } from './LastChangeEditor';
import { MetricsEditor } from './MetricsEditor';
import { isAlerting, queryTypes, typeOf, type QueryTypeOption } from './queryTypes';
import { TimelineEditor } from './TimelineEditor';
import { useUniqueId } from './useUniqueId';

export type Props = QueryEditorProps<DataSource, TidemarkQuery, TidemarkOptions>;

/** Writes one target of a panel, of Explore or of an alert rule. Fields of the query that it does not show stay as they are. */
export function QueryEditor({ app, datasource, query, range, onChange, onRunQuery }: Props) {
  const id = useUniqueId('tidemark');
  const type = typeOf(query);
  const alerting = isAlerting(app);
  const span = range && { from: range.from.valueOf(), to: range.to.valueOf() };

  const changeAndRun = (next: TidemarkQuery) => {
    onChange(next);
    onRunQuery();
  };
  const shared = { id, query, resources: datasource, variables: dashboardVariables };
  const editors: Record<QueryTypeOption['value'], () => React.ReactElement> = {
    metrics: () => <MetricsEditor {...shared} onChange={onChange} onRun={onRunQuery} span={span} alerting={alerting} />,
    changes: () => <ChangesEditor {...shared} onChange={changeAndRun} />,
    last: () => <LastChangeEditor {...shared} onChange={changeAndRun} />,
    flags: () => <FlagsEditor {...shared} onChange={changeAndRun} />,
    timeline: () => <TimelineEditor {...shared} onChange={changeAndRun} />,
  };
  return (
    <Stack direction="column" gap={1}>
      {!alerting && (
        <Stack direction="row" gap={1} alignItems="center" wrap="wrap">
          <InlineField label="Query type">
            <RadioButtonGroup
              id={`${id}-queryType`}
              options={queryTypes.map(({ value, label }) => ({ value, label }))}
              value={type.value}
              onChange={(queryType) => changeAndRun({ ...query, queryType })}
            />
          </InlineField>
          <Text variant="bodySmall" color="secondary">
            {type.description}
          </Text>
        </Stack>
      )}
      {alerting && type.value !== 'metrics' ? (
        <Alert severity="warning" title={`An alert rule can't use a query of the type ${type.label}`}>
          Rules compare numbers, and this type gives none. Changes are series as well, so that a metrics query can be
          used: for example <code>{'time() - tidemark_last_change_timestamp_seconds{kind="deploy"} < 600'}</code> or{' '}
          <code>{'tidemark_change{status="failed"}'}</code>.
        </Alert>
      ) : (
        editors[type.value]()
      )}
    </Stack>
  );
}
