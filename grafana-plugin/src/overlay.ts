import {
  CoreApp,
  DataTopic,
  LoadingState,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type QueryResultMetaNotice,
} from '@grafana/data';

import { isFilledIn, isLookedAt, isRange } from './targets';
import type { Filter, OverlaySettings, TidemarkQuery } from './types';

/** The name that the hidden target's answer comes back under. */
export const overlayRefId = '__changes';

/** Grafana's own panels that have no axis of time to draw on. Panels that are not known here are asked for. */
const timeless = new Set([
  'alertlist',
  'annolist',
  'bargauge',
  'barchart',
  'canvas',
  'dashlist',
  'datagrid',
  'flamegraph',
  'gauge',
  'geomap',
  'histogram',
  'logs',
  'news',
  'nodeGraph',
  'piechart',
  'stat',
  'table',
  'table-old',
  'text',
  'traces',
  'trend',
  'xychart',
]);

/** The targets of a request that changes are drawn for, which is none where nothing should, or could, be drawn. */
export function overlaid(
  request: DataQueryRequest<TidemarkQuery>,
  settings: OverlaySettings | undefined,
  editing: boolean
): TidemarkQuery[] {
  if (settings?.enabled === false || !isLookedAt(request) || (isTimeless(request) && !editing)) {
    return [];
  }
  return request.targets.filter(
    (target) =>
      !target.hide && target.overlay !== false && target.format !== 'table' && isRange(target) && isFilledIn(target)
  );
}

/** The hidden target that asks for the changes behind the given expressions. */
export function overlayTarget(exprs: string[], except: Filter[], app: string | undefined): TidemarkQuery {
  return {
    refId: overlayRefId,
    queryType: 'overlay',
    exprs,
    ...(except.length > 0 ? { except } : {}),
    ...(app === CoreApp.Explore ? { logs: true } : {}),
  };
}

/**
 * Makes the overlay's part of an answer what a panel can show: its frame an annotation, and what it has to say, a failure
 * included, a notice on the first frame. The panel's own data and errors are as they came.
 */
export function settle(response: DataQueryResponse): DataQueryResponse {
  const notices: QueryResultMetaNotice[] = [];
  const data: DataFrame[] = [];
  for (const frame of response.data as DataFrame[]) {
    if (frame.refId !== overlayRefId) {
      data.push(frame);
      continue;
    }
    notices.push(...(frame.meta?.notices ?? []));
    // Explore's log lines are data of their own.
    data.push(frame.meta?.preferredVisualisationType === 'logs' ? frame : asAnnotation(frame));
  }
  const all = response.errors ?? (response.error ? [response.error] : []);
  const errors = all.filter((error) => error.refId !== overlayRefId);
  for (const { message, data: body } of all.filter((error) => error.refId === overlayRefId)) {
    notices.push({ severity: 'warning', text: `Changes are not drawn: ${message ?? body?.message ?? 'no answer'}` });
  }
  const settled: DataQueryResponse = { ...response, data: withNotices(data, notices) };
  if (errors.length < all.length) {
    settled.errors = errors.length > 0 ? errors : undefined;
    settled.error = errors[0];
    if (errors.length === 0 && response.state === LoadingState.Error) {
      settled.state = LoadingState.Done;
    }
  }
  return settled;
}

function isTimeless(request: DataQueryRequest<TidemarkQuery>): boolean {
  return request.app !== CoreApp.Explore && timeless.has(request.panelPluginId ?? '');
}

function asAnnotation(frame: DataFrame): DataFrame {
  return { ...frame, meta: { ...frame.meta, dataTopic: DataTopic.Annotations } };
}

/** Panels show the notices of their series only. */
function withNotices(data: DataFrame[], notices: QueryResultMetaNotice[]): DataFrame[] {
  const first = data.findIndex((frame) => frame.meta?.dataTopic === undefined);
  if (notices.length === 0 || first < 0) {
    return data;
  }
  const { meta } = data[first];
  const shown = { ...data[first], meta: { ...meta, notices: [...(meta?.notices ?? []), ...notices] } };
  return data.map((frame, index) => (index === first ? shown : frame));
}
