import type { AnnotationQuery } from '@grafana/data';
import { InlineField, InlineFieldRow, Text } from '@grafana/ui';
import React from 'react';

import type { TidemarkQuery } from '../types';
import { CommittedInput } from './CommittedInput';
import { PromQLField } from './PromQLField';
import type { Resources, Span } from './resources';

interface Props {
  id: string;
  query: TidemarkQuery;
  onChange: (query: TidemarkQuery) => void;
  onRun: () => void;
  resources: Resources;
  span?: Span;
  variables: () => string[];
  annotation?: AnnotationQuery<TidemarkQuery>;
  onAnnotationChange?: (annotation: AnnotationQuery<TidemarkQuery>) => void;
}

type Template = 'titleFormat' | 'textFormat' | 'tagKeys';

const templates: Array<{ key: Template; label: string; tooltip: string; placeholder: string }> = [
  {
    key: 'titleFormat',
    label: 'Title',
    tooltip: '{{label}} stands for the value of a label.',
    placeholder: '{{alertname}}',
  },
  {
    key: 'textFormat',
    label: 'Text',
    tooltip: '{{label}} stands for the value of a label.',
    placeholder: '{{instance}}',
  },
  {
    key: 'tagKeys',
    label: 'Tags',
    tooltip: 'The labels whose values become tags, with commas between.',
    placeholder: 'job,instance',
  },
];

/** Writes an annotation query that draws where a series is not zero, as one from Grafana's Prometheus data source does. */
export function SeriesAnnotationEditor({ id, query, onChange, onRun, annotation, onAnnotationChange, ...rest }: Props) {
  return (
    <>
      <Text variant="bodySmall" color="secondary">
        Draws where the series of an expression are not zero. Without an expression it draws changes instead.
      </Text>
      <PromQLField
        {...rest}
        id={`${id}-expr`}
        label="PromQL expression"
        value={query.expr ?? ''}
        onChange={(expr) => onChange({ ...query, expr })}
        onRun={onRun}
      />
      <InlineFieldRow>
        <InlineField label="Min step" htmlFor={`${id}-step`} tooltip="Events closer together than this are one.">
          <CommittedInput
            id={`${id}-step`}
            value={query.interval ?? ''}
            onCommit={(interval) => onChange({ ...query, interval })}
            placeholder="auto"
            width={10}
          />
        </InlineField>
        {annotation &&
          onAnnotationChange &&
          templates.map(({ key, label, tooltip, placeholder }) => (
            <InlineField key={key} label={label} htmlFor={`${id}-${key}`} tooltip={tooltip}>
              <CommittedInput
                id={`${id}-${key}`}
                value={annotation[key] ?? ''}
                onCommit={(text) => onAnnotationChange({ ...annotation, [key]: text })}
                placeholder={placeholder}
                width={24}
              />
            </InlineField>
          ))}
      </InlineFieldRow>
    </>
  );
}
