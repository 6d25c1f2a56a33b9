import {
  CoreApp,
  LoadingState,
  dateTime,
  getDefaultTimeRange,
  toDataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceApi,
  type PanelData,
  type TimeRange,
} from '@grafana/data';
import { Observable, catchError, from, isObservable, map, of } from 'rxjs';

/** The last minutes, until now. */
export function lastMinutes(minutes: number): TimeRange {
  const to = dateTime();
  return { from: dateTime(to).subtract(minutes, 'minutes'), to, raw: { from: `now-${minutes}m`, to: 'now' } };
}

let requests = 0;

/**
 * The request that a panel of a dashboard sends. A dashboard says in the variables which of its objects asks: one that takes answers
 * for as long as it is shown.
 */
export function panelRequest(targets: any[], range: TimeRange, maxDataPoints: number): DataQueryRequest<any> {
  const request = singleRequest(targets, range, maxDataPoints);
  return { ...request, scopedVars: { ...request.scopedVars, __sceneObject: { text: '__sceneObject', value: {} } } };
}

/** The request of an editor that waits for one answer, such as a variable's preview. */
export function singleRequest(targets: any[], range: TimeRange, maxDataPoints: number): DataQueryRequest<any> {
  const intervalMs = Math.max(1000, Math.round((range.to.valueOf() - range.from.valueOf()) / maxDataPoints));
  return {
    app: CoreApp.Dashboard,
    requestId: `Q${++requests}`,
    timezone: 'browser',
    range,
    rangeRaw: range.raw,
    interval: `${intervalMs}ms`,
    intervalMs,
    maxDataPoints,
    targets,
    startTime: Date.now(),
    dashboardUID: 'wall',
    panelId: 1,
    panelPluginId: 'timeseries',
    scopedVars: {
      __interval: { text: `${intervalMs}ms`, value: `${intervalMs}ms` },
      __interval_ms: { text: String(intervalMs), value: intervalMs },
    },
  };
}

/** Runs a request as a panel does, for as long as it is subscribed to. */
export function panelData(source: DataSourceApi<any, any>, request: DataQueryRequest<any>): Observable<PanelData> {
  const answer = source.query(request);
  const responses: Observable<DataQueryResponse> = isObservable(answer)
    ? (answer as Observable<DataQueryResponse>)
    : from(answer);
  return responses.pipe(
    map((response) => {
      const frames = response.data.map((frame) => toDataFrame(frame));
      const errors = response.errors ?? (response.error ? [response.error] : []);
      return {
        state: errors.length > 0 ? LoadingState.Error : (response.state ?? LoadingState.Done),
        series: frames.filter((frame) => frame.meta?.dataTopic !== 'annotations'),
        annotations: frames.filter((frame) => frame.meta?.dataTopic === 'annotations'),
        errors,
        request,
        timeRange: request.range,
      };
    }),
    catchError((error) =>
      of({
        state: LoadingState.Error,
        series: [],
        annotations: [],
        errors: [{ message: error?.data?.message ?? error?.message ?? String(error) }],
        request,
        timeRange: request.range ?? getDefaultTimeRange(),
      })
    )
  );
}
