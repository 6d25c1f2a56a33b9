import {
  Combobox,
  InlineField,
  InlineFieldRow,
  InlineSwitch,
  RadioButtonGroup,
  type ComboboxOption,
} from '@grafana/ui';
import React, { useState } from 'react';

import { autoLegend } from '../legend';
import type { MetricsFormat, TidemarkQuery } from '../types';
import { CommittedInput } from './CommittedInput';
import { isDuration } from './duration';
import { hasReference } from './promql/variables';

interface Props {
  id: string;
  query: TidemarkQuery;
  onChange: (query: TidemarkQuery) => void;
  /** An alert rule has no graph: exemplars, heatmaps and changes have no place there. */
  alerting: boolean;
}

const newLegend = '{{label_name}}';

type Legend = 'auto' | 'verbose' | 'custom';
type Evaluation = 'range' | 'instant' | 'both';

const legends: Array<ComboboxOption<Legend>> = [
  { value: 'auto', label: 'Auto', description: 'The labels in which the series differ' },
  { value: 'verbose', label: 'Verbose', description: 'The name and all labels' },
  { value: 'custom', label: 'Custom', description: 'A text with {{label}} in it' },
];

const formats: Array<ComboboxOption<MetricsFormat>> = [
  { value: 'time_series', label: 'Time series' },
  { value: 'table', label: 'Table' },
  { value: 'heatmap', label: 'Heatmap' },
];

/** How the answer to an expression is to come back. */
export function MetricsOptions({ id, query, onChange, alerting }: Props) {
  const evaluation = evaluationOf(query);
  const minStep = query.interval ?? '';
  return (
    <InlineFieldRow>
      <LegendOption
        id={`${id}-legend`}
        value={query.legendFormat}
        onChange={(legendFormat) => onChange({ ...query, legendFormat })}
      />
      <InlineField
        label="Min step"
        htmlFor={`${id}-step`}
        tooltip="The step is never less than this, nor than the data source's scrape interval. A duration such as 30s, or a variable."
        invalid={!(minStep === '' || isDuration(minStep) || hasReference(minStep))}
        error="A duration such as 30s or 1h30m, or a variable"
      >
        <CommittedInput
          id={`${id}-step`}
          value={minStep}
          onCommit={(interval) => onChange({ ...query, interval })}
          placeholder="auto"
          width={10}
        />
      </InlineField>
      <InlineField label="Format" htmlFor={`${id}-format`}>
        <Combobox
          id={`${id}-format`}
          options={alerting ? formats.filter((format) => format.value !== 'heatmap') : formats}
          value={query.format ?? 'time_series'}
          onChange={(option: ComboboxOption<MetricsFormat>) => onChange({ ...query, format: option.value })}
          width={16}
        />
      </InlineField>
      <InlineField
        label="Type"
        tooltip="Range: a value at each step. Instant: the values at the end of the time range only."
      >
        <RadioButtonGroup<Evaluation>
          id={`${id}-type`}
          options={[
            { value: 'range', label: 'Range' },
            { value: 'instant', label: 'Instant' },
            ...(alerting ? [] : [{ value: 'both' as const, label: 'Both' }]),
          ]}
          value={evaluation}
          onChange={(next) => onChange({ ...query, range: next !== 'instant', instant: next !== 'range' })}
        />
      </InlineField>
      {!alerting && evaluation !== 'instant' && (
        <>
          <InlineField
            label="Exemplars"
            htmlFor={`${id}-exemplars`}
            tooltip="Samples that carry a trace, drawn as points over the graph."
          >
            <InlineSwitch
              id={`${id}-exemplars`}
              value={query.exemplar ?? false}
              onChange={(event) => onChange({ ...query, exemplar: event.currentTarget.checked })}
            />
          </InlineField>
          <InlineField
            label="Draw changes"
            htmlFor={`${id}-overlay`}
            tooltip="Off: no deploys, flag flips and other changes are drawn for this query. The data source's settings say which ones are."
          >
            <InlineSwitch
              id={`${id}-overlay`}
              value={query.overlay !== false}
              onChange={(event) => onChange({ ...query, overlay: event.currentTarget.checked ? undefined : false })}
            />
          </InlineField>
        </>
      )}
    </InlineFieldRow>
  );
}

interface LegendProps {
  id: string;
  value?: string;
  onChange: (legendFormat: string) => void;
}

function LegendOption({ id, value = '', onChange }: LegendProps) {
  // A custom legend that has been emptied is still being written: what is stored can't tell it from a verbose one.
  const [custom, setCustom] = useState(false);
  const stored: Legend = value === autoLegend ? 'auto' : value === '' ? 'verbose' : 'custom';
  const legend = custom && stored !== 'auto' ? 'custom' : stored;

  const choose = (next: Legend) => {
    setCustom(next === 'custom');
    onChange(next === 'auto' ? autoLegend : next === 'verbose' ? '' : newLegend);
  };
  return (
    <>
      <InlineField label="Legend" htmlFor={id} tooltip="How each series is named.">
        <Combobox
          id={id}
          options={legends}
          value={legend}
          onChange={(option: ComboboxOption<Legend>) => choose(option.value)}
          width={14}
        />
      </InlineField>
      {legend === 'custom' && (
        <InlineField
          label="Legend format"
          htmlFor={`${id}-format`}
          tooltip="{{label}} stands for the value of a label."
        >
          <CommittedInput id={`${id}-format`} value={value} onCommit={onChange} placeholder={newLegend} width={28} />
        </InlineField>
      )}
    </>
  );
}

/** A query that says neither is a range query. */
function evaluationOf(query: TidemarkQuery): Evaluation {
  if (query.instant) {
    return query.range ? 'both' : 'instant';
  }
  return 'range';
}
