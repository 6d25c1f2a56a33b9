import type { QueryEditorProps } from '@grafana/data';
import { Combobox, InlineField, InlineFieldRow, Stack, type ComboboxOption } from '@grafana/ui';
import React, { useMemo } from 'react';

import type { DataSource } from '../datasource';
import type { TidemarkOptions, TidemarkQuery, VariableKind, VariableQuery } from '../types';
import { readVariable } from '../variableText';
import { changeValues } from './changeValues';
import { CommittedInput } from './CommittedInput';
import { dashboardVariables } from './dashboardVariables';
import { PromQLField } from './PromQLField';
import { labelNames } from './labelNames';
import { useUniqueId } from './useUniqueId';

export type Props = QueryEditorProps<DataSource, TidemarkQuery, TidemarkOptions, VariableQuery>;

interface KindOption extends ComboboxOption<VariableKind> {
  value: VariableKind;
  fields: ReadonlyArray<'label' | 'match' | 'pattern' | 'expr' | 'service' | 'environment'>;
}

const kindOptions: KindOption[] = [
  { value: 'label_values', label: 'Label values', description: 'The values of a label', fields: ['label', 'match'] },
  {
    value: 'label_names',
    label: 'Label names',
    description: 'The names of the labels that series have',
    fields: ['match'],
  },
  { value: 'metrics', label: 'Metrics', description: 'The names of metrics', fields: ['pattern'] },
  {
    value: 'query_result',
    label: 'Query result',
    description: 'The series that an expression answers with',
    fields: ['expr'],
  },
  { value: 'series', label: 'Series', description: 'The series that a selector selects', fields: ['match'] },
  { value: 'services', label: 'Services', description: 'The services that changes name', fields: ['environment'] },
  {
    value: 'environments',
    label: 'Environments',
    description: 'The environments that changes name',
    fields: ['service'],
  },
  {
    value: 'versions',
    label: 'Versions',
    description: 'The versions that were deployed',
    fields: ['service', 'environment'],
  },
  { value: 'flags', label: 'Flags', description: 'The keys of feature flags', fields: ['service', 'environment'] },
  { value: 'kinds', label: 'Change kinds', description: 'Deploy, flag and so on', fields: ['service', 'environment'] },
];

/** Writes the query of a dashboard variable. */
export function VariableEditor({ datasource, query: stored, range, onChange }: Props) {
  const query = readVariable(stored) ?? { refId: 'variable', kind: 'label_values' };
  const id = useUniqueId('tidemark-variable');
  const kind = kindOptions.find((option) => option.value === query.kind) ?? kindOptions[0];
  const span = range && { from: range.from.valueOf(), to: range.to.valueOf() };
  const load = useMemo(
    () => ({
      services: changeValues(datasource, 'services', dashboardVariables),
      environments: changeValues(datasource, 'environments', dashboardVariables),
      labels: labelNames(datasource, dashboardVariables),
    }),
    [datasource]
  );
  const set = (part: Partial<VariableQuery>) => onChange({ ...query, kind: kind.value, ...part });

  const fields: Record<KindOption['fields'][number], () => React.ReactElement> = {
    label: () => (
      <InlineField label="Label" htmlFor={`${id}-label`} required>
        <Combobox
          id={`${id}-label`}
          options={load.labels}
          value={query.label ?? null}
          createCustomValue
          onChange={(option: ComboboxOption<string>) => set({ label: option.value })}
          placeholder="job"
          width={30}
        />
      </InlineField>
    ),
    match: () => (
      <InlineField
        label="Of the series"
        htmlFor={`${id}-match`}
        tooltip={'A metric or a selector, such as up{job="api"}. It may hold other variables.'}
        required={kind.value === 'series'}
      >
        <CommittedInput
          id={`${id}-match`}
          value={query.match ?? ''}
          onCommit={(match) => set({ match })}
          placeholder={kind.value === 'series' ? 'up' : 'all series'}
          width={50}
        />
      </InlineField>
    ),
    pattern: () => (
      <InlineField
        label="Holding"
        htmlFor={`${id}-pattern`}
        tooltip="A regular expression that the name must hold, such as ^http_."
      >
        <CommittedInput
          id={`${id}-pattern`}
          value={query.pattern ?? ''}
          onCommit={(pattern) => set({ pattern })}
          placeholder="every metric"
          width={30}
        />
      </InlineField>
    ),
    expr: () => (
      <PromQLField
        id={`${id}-expr`}
        label="PromQL expression"
        placeholder="PromQL, evaluated at the end of the dashboard's time range"
        value={query.expr ?? ''}
        onChange={(expr) => set({ expr })}
        // A change of the query is what makes Grafana ask for the values.
        onRun={() => undefined}
        resources={datasource}
        span={span}
        variables={dashboardVariables}
      />
    ),
    service: () => (
      <InlineField label="Of the service" htmlFor={`${id}-service`}>
        <Combobox
          id={`${id}-service`}
          options={load.services}
          value={query.service || null}
          createCustomValue
          isClearable
          onChange={(option: ComboboxOption<string> | null) => set({ service: option?.value })}
          placeholder="all"
          width={30}
        />
      </InlineField>
    ),
    environment: () => (
      <InlineField label="In the environment" htmlFor={`${id}-environment`}>
        <Combobox
          id={`${id}-environment`}
          options={load.environments}
          value={query.environment || null}
          createCustomValue
          isClearable
          onChange={(option: ComboboxOption<string> | null) => set({ environment: option?.value })}
          placeholder="all"
          width={30}
        />
      </InlineField>
    ),
  };
  return (
    <Stack direction="column" gap={1}>
      <InlineFieldRow>
        <InlineField label="Values" htmlFor={`${id}-kind`}>
          <Combobox
            id={`${id}-kind`}
            options={kindOptions.map(({ value, label, description }) => ({ value, label, description }))}
            value={kind.value}
            onChange={(option: ComboboxOption<VariableKind>) => set({ kind: option.value })}
            width={40}
          />
        </InlineField>
        {kind.fields
          .filter((field) => field !== 'expr')
          .map((field) => (
            <React.Fragment key={field}>{fields[field]()}</React.Fragment>
          ))}
      </InlineFieldRow>
      {kind.fields.includes('expr') && fields.expr()}
    </Stack>
  );
}
