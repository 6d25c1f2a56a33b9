import { applyFieldOverrides, FieldColorModeId, FieldType, type DataFrame, type PanelData } from '@grafana/data';
import { LegendDisplayMode, TimeSeries, useTheme2 } from '@grafana/ui';
import React, { useMemo } from 'react';

import { ChangeMarkers } from './ChangeMarkers';

/** Draws what a panel got with Grafana's graph, and the changes on it. */
export function Graph({ data, width, height }: { data: PanelData; width: number; height: number }) {
  const theme = useTheme2();
  const annotations = data.annotations ?? [];
  const frames = useMemo(
    () =>
      applyFieldOverrides({
        data: data.series.map(asLines),
        fieldConfig: { defaults: {}, overrides: [] },
        replaceVariables: (text) => text,
        theme,
        timeZone: 'browser',
      }),
    [data.series, theme]
  );
  if (!frames.some((frame) => frame.length > 0)) {
    return <p data-testid="no-data">No data</p>;
  }
  return (
    <div data-testid="graph">
      <TimeSeries
        frames={frames}
        timeRange={data.timeRange}
        timeZone="browser"
        width={width}
        height={height}
        legend={{ showLegend: true, displayMode: LegendDisplayMode.List, placement: 'bottom', calcs: [] }}
        options={{}}
      >
        {(config: React.ComponentProps<typeof ChangeMarkers>['config']) => (
          <ChangeMarkers config={config} frames={annotations.filter(({ name }) => name === 'changes')} />
        )}
      </TimeSeries>
      <Exemplars frames={annotations.filter(({ name }) => name === 'exemplar')} />
    </div>
  );
}

/** The examples of a graph's values, in words: Grafana's own drawing of them is in no package. */
function Exemplars({ frames }: { frames: DataFrame[] }) {
  return frames.map((frame, i) => (
    <ul key={i} data-testid="exemplars" data-count={frame.length}>
      {frame.fields.map(({ name, values }) => (
        <li key={name} data-field={name}>
          {String(values[values.length - 1])}
        </li>
      ))}
    </ul>
  ));
}

/** Says of each value field what a graph's options say by default; the registry of these options is in no package. */
function asLines(frame: DataFrame): DataFrame {
  return {
    ...frame,
    fields: frame.fields.map((field) =>
      field.type === FieldType.number
        ? {
            ...field,
            config: {
              ...field.config,
              color: { mode: FieldColorModeId.PaletteClassic },
              custom: { lineWidth: 1, fillOpacity: 8 },
            },
          }
        : field
    ),
  };
}

/** Whether what a query answered with is series; the other answers are rows. */
export function isGraph(frames: DataFrame[]): boolean {
  return frames.length > 0 && frames.every((frame) => frame.meta?.type?.startsWith('timeseries'));
}
