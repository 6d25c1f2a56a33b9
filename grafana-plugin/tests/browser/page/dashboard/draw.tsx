import {
  cacheFieldDisplayNames,
  FieldType,
  getDisplayValueAlignmentFactors,
  getFieldDisplayName,
  getFieldDisplayValues,
  type DataFrame,
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  type GrafanaTheme2,
  type TimeRange,
  VizOrientation,
} from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, useTheme2, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React from 'react';

import { ChangeMarkers } from '../ChangeMarkers';
import { templateSrv } from '../templateSrv';
import type { PanelModel } from './model';

/** What a panel is drawn from. */
export interface Drawing {
  panel: PanelModel;
  /** Transformed, and with the looks that the panel gives its fields. */
  frames: DataFrame[];
  /** The changes of the panel's time. */
  changes: DataFrame[];
  range: TimeRange;
  width: number;
  height: number;
}

type Drawn = (drawing: Drawing) => React.ReactElement;

/** Grafana's types of panel that its packages have the drawing of, or that are simple enough to be drawn like it here. */
export const drawn: Record<string, Drawn> = {
  timeseries: Graph,
  stat: Stat,
  bargauge: Bars,
  table: Rows,
  'state-timeline': States,
};

/** A type of panel that cannot be drawn here: its data, and a word that says so. */
export function Undrawn(drawing: Drawing) {
  return (
    <>
      <em>drawn as a table, not as a {drawing.panel.type}</em>
      <Rows {...drawing} height={drawing.height - 24} />
    </>
  );
}

function Graph({ panel, frames, changes, range, width, height }: Drawing) {
  return (
    <TimeSeries
      frames={frames.map(finite)}
      timeRange={range}
      timeZone="browser"
      width={width}
      height={height}
      legend={panel.options.legend!}
      options={panel.options}
    >
      {(config: React.ComponentProps<typeof ChangeMarkers>['config']) => (
        <ChangeMarkers config={config} frames={changes} />
      )}
    </TimeSeries>
  );
}

/** A graph has gaps where a value is no number, as Grafana's own has. */
function finite(frame: DataFrame): DataFrame {
  const fields = frame.fields.map((field) =>
    field.type === FieldType.number
      ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }
      : field
  );
  return { ...frame, fields };
}

/** The numbers that a panel makes of its fields. */
function numbersOf({ panel, frames }: Drawing, theme: GrafanaTheme2): FieldDisplay[] {
  return getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions!,
    replaceVariables: (text, scopedVars) => templateSrv.replace(text, scopedVars),
    theme,
    data: frames,
    timeZone: 'browser',
  });
}

function Stat(drawing: Drawing) {
  const theme = useTheme2();
  const { options } = drawing.panel;
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors | null>
      getValues={() => numbersOf(drawing, theme)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, count, ...size }) => (
        <BigValue
          {...size}
          value={value.display}
          count={count}
          alignmentFactors={count > 1 && alignmentFactors ? alignmentFactors : undefined}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          text={options.text}
          theme={theme}
        />
      )}
      width={drawing.width}
      height={drawing.height}
      source={drawing}
      itemSpacing={3}
      autoGrid
      orientation={options.orientation}
      renderCounter={0}
    />
  );
}

/** How high Grafana makes a bar that is not told its height. */
const automatic = { minVizWidth: 8, minVizHeight: 16, maxVizHeight: 300 };

function Bars(drawing: Drawing) {
  const theme = useTheme2();
  const { options } = drawing.panel;
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={() => numbersOf(drawing, theme)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, count: _, ...size }) => (
        <BarGauge
          {...size}
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          alignmentFactors={alignmentFactors}
          displayMode={options.displayMode}
          valueDisplayMode={options.valueMode}
          showUnfilled={options.showUnfilled}
          namePlacement={options.namePlacement}
          text={options.text}
          theme={theme}
        />
      )}
      width={drawing.width}
      height={drawing.height}
      source={drawing}
      itemSpacing={10}
      orientation={options.orientation ?? VizOrientation.Horizontal}
      {...(options.sizing === 'manual' ? options : automatic)}
      renderCounter={0}
    />
  );
}

function Rows({ panel, frames, range, width, height }: Drawing) {
  cacheFieldDisplayNames(frames);
  return (
    <TableNG
      data={frames[0]!}
      width={width}
      height={height}
      noHeader={!panel.options.showHeader}
      cellHeight={panel.options.cellHeight}
      noValue={panel.fieldConfig.defaults.noValue}
      timeRange={range}
      fieldConfig={panel.fieldConfig}
      disableKeyboardEvents
    />
  );
}

/** A row for each field, and a bar for each time in which it stays the same. Grafana's own state timeline is in no package. */
function States({ frames, range, width, height }: Drawing) {
  const theme = useTheme2();
  const from = range.from.valueOf();
  const span = range.to.valueOf() - from;
  const rows = frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time)!;
    return frame.fields
      .filter((field) => field !== time)
      .map((field) => ({
        field,
        name: getFieldDisplayName(field, frame, frames),
        states: statesOf(field.values, time.values),
      }));
  });
  const names = Math.min(220, width / 4);
  const at = (ms: number) => (Math.min(Math.max(ms - from, 0), span) / span) * (width - names);
  const rowHeight = Math.min(60, height / rows.length);
  return (
    <div data-testid="states">
      {rows.map(({ field, name, states }) => (
        <div key={name} style={{ display: 'flex', height: rowHeight, alignItems: 'center', fontSize: 12 }}>
          <div
            style={{
              width: names,
              overflow: 'hidden',
              whiteSpace: 'nowrap',
              textOverflow: 'ellipsis',
              textAlign: 'right',
              paddingRight: 8,
            }}
          >
            {name}
          </div>
          <div style={{ position: 'relative', flex: 1, height: rowHeight * 0.8 }}>
            {states.map(({ value, start, end }) => {
              const { text, color } = field.display!(value);
              return (
                <div
                  key={start}
                  data-testid="state"
                  style={{
                    position: 'absolute',
                    left: at(start),
                    width: Math.max(1, at(end ?? from + span) - at(start)),
                    height: '100%',
                    overflow: 'hidden',
                    padding: '2px 4px',
                    background: theme.visualization.getColorByName(color ?? 'text'),
                    opacity: 0.9,
                    color: theme.colors.getContrastText(theme.visualization.getColorByName(color ?? 'text')),
                  }}
                >
                  {text}
                </div>
              );
            })}
          </div>
        </div>
      ))}
    </div>
  );
}

/** The times in which a value stays the same. None ends the one before. */
function statesOf(values: unknown[], times: number[]) {
  const states: Array<{ value: unknown; start: number; end?: number }> = [];
  values.forEach((value, i) => {
    const last = states.at(-1);
    if (last && last.end === undefined) {
      if (last.value === value) {
        return;
      }
      last.end = times[i];
    }
    if (value !== null && value !== undefined) {
      states.push({ value, start: times[i]! });
    }
  });
  return states;
}
