import { LoadingState, type DataSourceApi, type TimeRange } from '@grafana/data';
import { PanelChrome, useTheme2 } from '@grafana/ui';
import React, { useEffect, useState } from 'react';

import { templateSrv } from '../templateSrv';
import { answerOf, type Answer } from './answer';
import { drawn, Undrawn } from './draw';
import { dressed } from './fieldConfig';
import type { DashboardModel, PanelModel } from './model';
import type { Choice } from './variables';

/** Grafana's grid: how high a row is, and how far apart the panels are. */
const cellHeight = 30;
const margin = 8;
const columns = 24;

/** What the panels of a dashboard have in common. */
interface Shared {
  source: DataSourceApi<any, any>;
  range: TimeRange;
}

/** A whole dashboard: its variables, and its panels where its JSON says. */
export function Dashboard({
  model,
  choices,
  width,
  ...shared
}: Shared & { model: DashboardModel; choices: Choice[]; width: number }) {
  const bottom = Math.max(...model.panels.map(({ gridPos: { y, h } }) => y + h));
  const column = (width + margin) / columns;
  return (
    <div data-testid="dashboard" style={{ width: width + 2 * margin, padding: margin }}>
      <h1>{model.title}</h1>
      <p>
        {choices
          .filter(({ name }) => name !== 'ds')
          .map(({ label, value }) => `${label}: ${value}`)
          .concat(`${shared.range.raw.from} to ${shared.range.raw.to}`)
          .join(' · ')}
      </p>
      <div style={{ position: 'relative', height: bottom * (cellHeight + margin) }}>
        {model.panels.map((panel) => {
          const { x, y, w, h } = panel.gridPos;
          return (
            <div key={panel.id} style={{ position: 'absolute', left: x * column, top: y * (cellHeight + margin) }}>
              <Panel
                {...shared}
                panel={panel}
                width={w * column - margin}
                height={h * (cellHeight + margin) - margin}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** One panel. What its queries answered with is said in its attributes, for the tests. */
function Panel({ source, range, panel, width, height }: Shared & { panel: PanelModel; width: number; height: number }) {
  const theme = useTheme2();
  const [answer, setAnswer] = useState<Answer>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    answerOf(source, panel, range, width).then(setAnswer, (error) => setFailure(String(error?.stack ?? error)));
  }, [source, panel, range, width]);

  const { data, frames, empty = [], missing = [] } = answer ?? {};
  const errors = failure ? [failure] : data?.errors?.map(({ message }) => message);
  const Drawn = drawn[panel.type] ?? Undrawn;
  const nothing = !frames?.some(({ length }) => length > 0);
  return (
    <div
      data-testid="panel"
      data-id={panel.id}
      data-state={errors?.length ? LoadingState.Error : (data?.state ?? LoadingState.Loading)}
      data-title={templateSrv.replace(panel.title)}
      data-report={JSON.stringify({ errors, empty, missing })}
    >
      <PanelChrome
        title={templateSrv.replace(panel.title)}
        description={panel.description}
        width={width}
        height={height}
        statusMessage={errors?.[0]}
      >
        {(innerWidth, innerHeight) =>
          !data ? null : nothing && panel.type !== 'stat' ? (
            <p style={{ textAlign: 'center', color: theme.colors.text.secondary }}>
              {panel.fieldConfig.defaults.noValue ?? 'No data'}
            </p>
          ) : (
            <Drawn
              panel={panel}
              frames={dressed(frames!, panel.fieldConfig, theme)}
              changes={data.annotations ?? []}
              range={range}
              width={innerWidth}
              height={innerHeight}
            />
          )
        }
      </PanelChrome>
    </div>
  );
}
