import { CoreApp, dateTime, type DataQueryRequest, type TimeRange } from '@grafana/data';

import type { TidemarkQuery } from '../types';

/** When the requests of the tests begin, in milliseconds. */
export const start = Date.UTC(2026, 0, 2, 12);

/** The last hour before the requests begin, as a person chose it. */
export function lastHour(): TimeRange {
  return {
    from: dateTime(start - 3_600_000),
    to: dateTime(start),
    raw: { from: 'now-1h', to: 'now' },
  };
}

/** What a scene's query runner sends for a panel. */
export function panelRequest(part: Partial<DataQueryRequest<TidemarkQuery>> = {}): DataQueryRequest<TidemarkQuery> {
  return {
    app: CoreApp.Dashboard,
    requestId: 'SQR101',
    dashboardUID: 'shop',
    panelId: 3,
    panelPluginId: 'timeseries',
    interval: '15s',
    intervalMs: 15_000,
    maxDataPoints: 800,
    range: lastHour(),
    timezone: 'utc',
    startTime: start,
    scopedVars: { __sceneObject: { text: '__sceneObject', value: { valueOf: () => ({}) } } },
    targets: [{ refId: 'A', expr: 'up' }],
    ...part,
  };
}

/** What an annotation layer of a dashboard sends. */
export function annotationRequest(
  annotation: { name: string; filter?: { exclude?: boolean; ids: number[] } },
  target: Partial<TidemarkQuery> = {}
): DataQueryRequest<TidemarkQuery> {
  const request = panelRequest({
    requestId: 'AQ101',
    panelId: 0,
    panelPluginId: undefined,
    targets: [{ refId: 'Anno', queryType: 'changes', as: 'annotations', filter: {}, ...target }],
  });
  request.scopedVars.__annotation = { text: annotation.name, value: annotation };
  return request;
}
