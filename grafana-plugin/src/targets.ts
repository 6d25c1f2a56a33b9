import { CoreApp, type AnnotationQuery, type DataQueryRequest } from '@grafana/data';

import type { QueryType, TidemarkQuery } from './types';

type Request = DataQueryRequest<TidemarkQuery>;

const changeTypes: QueryType[] = ['changes', 'last', 'flags', 'timeline', 'overlay'];

/** Whether a target asks the change log rather than the samples. */
export function asksChanges(target: TidemarkQuery): boolean {
  return target.queryType !== undefined && changeTypes.includes(target.queryType);
}

/** Whether there is anything to ask. */
export function isFilledIn(target: TidemarkQuery): boolean {
  return asksChanges(target) || Boolean(target.expr?.trim());
}

/** Whether a target draws lines over time. A target that says neither range nor instant is a range query. */
export function isRange(target: TidemarkQuery): boolean {
  return !asksChanges(target) && (target.range === true || !target.instant);
}

/** The annotation whose query a request is; undefined for every other request. */
export function annotationOf(request: Request): AnnotationQuery<TidemarkQuery> | undefined {
  return request.scopedVars?.__annotation?.value;
}

/** Whether a request comes from a dashboard's panel or from Explore, where a person looks at what is drawn. */
export function isLookedAt(request: Request): boolean {
  switch (request.app) {
    case CoreApp.Dashboard:
    case CoreApp.PanelEditor:
    case CoreApp.PanelViewer:
    case CoreApp.Explore:
    case 'scenes':
      return annotationOf(request) === undefined;
    default:
      return false;
  }
}

/**
 * Whether who asks takes more than one answer, until it lets go. Panels and annotation layers of a dashboard do. The
 * mixed data source and the annotation editor's preview wait for an end instead, and so does a panel that compares two times, in
 * some versions of Grafana.
 */
export function takesMore(request: Request): boolean {
  if (request.app === CoreApp.Explore) {
    return request.liveStreaming === true;
  }
  const asker: unknown = request.scopedVars?.__sceneObject?.value;
  return (
    (isLookedAt(request) || annotationOf(request) !== undefined) &&
    asker !== undefined &&
    !request.requestId.startsWith('mixed-') &&
    !comparesTimes(asker, request)
  );
}

/** The part of a scene's query runner that says whether it has a second request to wait for. */
interface QueryRunner {
  getClosestExtraQueryProviders(): Iterable<{ getExtraQueries(request: Request): unknown[] }>;
}

function comparesTimes(asker: unknown, request: Request): boolean {
  const runner = Object(asker).valueOf() as Partial<QueryRunner>;
  if (typeof runner.getClosestExtraQueryProviders !== 'function') {
    return false;
  }
  return [...runner.getClosestExtraQueryProviders()].some((provider) => provider.getExtraQueries(request).length > 0);
}
