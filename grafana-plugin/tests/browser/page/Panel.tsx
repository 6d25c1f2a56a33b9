import { LoadingState, type DataFrame, type DataSourceApi, type PanelData } from '@grafana/data';
import { Alert, Table, useTheme2 } from '@grafana/ui';
import { applyFieldOverrides } from '@grafana/data';
import React, { useEffect, useMemo, useState } from 'react';

import { Graph, isGraph } from './Graph';
import { lastMinutes, panelData, panelRequest } from './request';

const width = 1040;
const height = 260;

/** One panel in edit: the plugin's editor, and under it what its query answers with. */
export function Panel({
  source,
  query: first,
  minutes,
}: {
  source: DataSourceApi<any, any>;
  query: object;
  minutes: number;
}) {
  const [query, setQuery] = useState<any>(first);
  const [ran, setRan] = useState<any>(first);
  const [runs, setRuns] = useState(0);
  const [data, setData] = useState<PanelData>();
  useEffect(() => {
    const request = panelRequest([ran], lastMinutes(minutes), width);
    const running = panelData(source, request).subscribe(setData);
    return () => running.unsubscribe();
  }, [source, ran, runs, minutes]);

  const Editor = source.components!.QueryEditor!;
  return (
    <>
      <div data-testid="query-editor">
        <Editor
          datasource={source}
          query={query}
          data={data}
          range={data?.timeRange}
          onChange={setQuery}
          onRunQuery={() => {
            // The editor says so in the same breath as onChange, whose value is the one to run.
            setQuery((latest: object) => {
              setRan(latest);
              return latest;
            });
            setRuns((n) => n + 1);
          }}
        />
      </div>
      <div
        data-testid="panel"
        data-state={data?.state ?? LoadingState.Loading}
        data-frames={data?.series.length}
        data-runs={runs}
      >
        {data?.errors?.map((error, i) => (
          <Alert key={i} title={error.message ?? 'failed'} severity="error" />
        ))}
        {data && <Notices frames={[...data.series, ...(data.annotations ?? [])]} />}
        {data && (isGraph(data.series) ? <Graph data={data} width={width} height={height} /> : <Rows data={data} />)}
      </div>
    </>
  );
}

/** What a frame's notices say, which Grafana shows in a panel's corner. */
function Notices({ frames }: { frames: DataFrame[] }) {
  const notices = frames.flatMap((frame) => frame.meta?.notices ?? []);
  return (
    <>
      {notices.map((notice, i) => (
        <p key={i} data-testid="notice">
          {notice.text}
        </p>
      ))}
    </>
  );
}

/** The rows of frames that are no graph. */
function Rows({ data }: { data: PanelData }) {
  const theme = useTheme2();
  const frames = useMemo(
    () =>
      applyFieldOverrides({
        data: data.series,
        fieldConfig: { defaults: { custom: {} }, overrides: [] },
        replaceVariables: (text) => text,
        theme,
        timeZone: 'browser',
      }),
    [data.series, theme]
  );
  return (
    <>
      {frames.map((frame, i) => (
        <div key={i} data-testid="rows" data-name={frame.name}>
          <Table data={frame} width={width} height={Math.min(height, 40 * (frame.length + 2))} />
        </div>
      ))}
    </>
  );
}
