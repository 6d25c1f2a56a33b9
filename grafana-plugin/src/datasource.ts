import {
  CoreApp,
  type AdHocVariableFilter,
  type DataQuery,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceApi,
  type DataSourceGetTagKeysOptions,
  type DataSourceGetTagValuesOptions,
  type DataSourceInstanceSettings,
  type LegacyMetricFindQueryOptions,
  type MetricFindValue,
  type QueryFilterOptions,
  type QueryFixAction,
  type ScopedVars,
  type ToggleFilterAction,
} from '@grafana/data';
import {
  config,
  DataSourceWithBackend,
  getGrafanaLiveSrv,
  getTemplateSrv,
  locationService,
  type TemplateSrv,
} from '@grafana/runtime';
import { Observable } from 'rxjs';

import { knownMatchersOf, matchersOf, narrow } from './adhoc';
import { annotationSupport } from './annotations';
import { answer } from './answer';
import { DrawnByAnnotations } from './drawn';
import { addFilter, hasFilter, toggleFilter } from './explore';
import { exportQueries, importQueries } from './imports';
import { interpolateExpr, interpolateFilter, interpolateText } from './interpolate';
import { autoLegend } from './legend';
import { changeSignals } from './live';
import { overlaid, overlayRefId } from './overlay';
import { addMatchers, type Matcher, writeSelector } from './promql';
import { annotationOf, asksChanges, isFilledIn, takesMore } from './targets';
import type { TidemarkOptions, TidemarkQuery } from './types';
import type { StoredVariable } from './variableText';
import { VariableSupport, VariableValues } from './variables';

type Request = DataQueryRequest<TidemarkQuery>;

/** How often is scraped, where the settings say nothing. */
const defaultTimeInterval = '15s';

/** Samples and changes from a Tidemark server, by way of the plugin's backend. */
export class DataSource extends DataSourceWithBackend<TidemarkQuery, TidemarkOptions> {
  annotations = annotationSupport;

  private readonly options: TidemarkOptions;
  private readonly values: VariableValues;
  private readonly drawn = new DrawnByAnnotations();
  private readonly recorded: Observable<void>;

  constructor(
    settings: DataSourceInstanceSettings<TidemarkOptions>,
    private readonly template: TemplateSrv = getTemplateSrv()
  ) {
    super(settings);
    this.options = settings.jsonData ?? {};
    this.interval = this.options.timeInterval || defaultTimeInterval;
    this.values = new VariableValues(this, template, this.interval);
    this.variables = new VariableSupport(this);
    this.recorded = changeSignals(this.uid, () => (config.liveEnabled ? getGrafanaLiveSrv() : undefined));
  }

  query(request: Request): Observable<DataQueryResponse> {
    // A public dashboard's queries are stored, and answered, apart from the request.
    if (config.publicDashboardAccessToken) {
      return super.query(request);
    }
    request.targets = request.targets.filter((target) => !target.hide && isFilledIn(target));
    const answers = answer(request, {
      ask: (part) => super.query(part),
      recorded: this.recorded,
      exprs: this.overlaidExprs(request),
      drawn: () => this.drawn.on(dashboardOf(request), request.panelId),
      redrawn: this.drawn.changes(dashboardOf(request)),
      now: Date.now,
    });
    return this.registered(request, answers);
  }

  /** Who asks makes something of a failure. Grafana's own alert besides would come with each key that is struck in an editor. */
  getResource<T>(...[path, params, options]: Parameters<DataSourceWithBackend['getResource']>): Promise<T> {
    return super.getResource<T>(path, params, { showErrorAlert: false, ...options });
  }

  filterQuery(query: TidemarkQuery): boolean {
    return isFilledIn(query);
  }

  applyTemplateVariables(query: TidemarkQuery, scopedVars: ScopedVars, filters?: AdHocVariableFilter[]): TidemarkQuery {
    // The overlay is made from what has its values already.
    if (query.refId === overlayRefId) {
      return query;
    }
    if (asksChanges(query)) {
      const filter = interpolateFilter(this.template, query.filter ?? {}, scopedVars);
      return { ...query, filter: narrow(filter, filters, this.options) };
    }
    const { expr = '', legendFormat, interval } = query;
    const interpolated = { ...query };
    interpolated.expr = addMatchers(interpolateExpr(this.template, expr, scopedVars), matchersOf(filters));
    if (legendFormat) {
      interpolated.legendFormat = interpolateText(this.template, legendFormat, scopedVars);
    }
    if (interval) {
      interpolated.interval = interpolateText(this.template, interval, scopedVars);
    }
    return interpolated;
  }

  interpolateVariablesInQueries(
    queries: TidemarkQuery[],
    scopedVars: ScopedVars,
    filters?: AdHocVariableFilter[]
  ): TidemarkQuery[] {
    return queries.map((query) => ({
      ...this.applyTemplateVariables(query, scopedVars, filters),
      datasource: this.getRef(),
    }));
  }

  /** What a new query starts from. Explore shows the graph and the table, and an alert rule compares the newest values. */
  getDefaultQuery(app: CoreApp): Partial<TidemarkQuery> {
    switch (app) {
      case CoreApp.Explore:
        return { expr: '', legendFormat: autoLegend, range: true, instant: true };
      case CoreApp.UnifiedAlerting:
      case CoreApp.CloudAlerting:
        return { expr: '', range: false, instant: true };
      default:
        return { expr: '', legendFormat: autoLegend, range: true };
    }
  }

  /** What a collapsed query is known by. */
  getQueryDisplayText(query: TidemarkQuery): string {
    return asksChanges(query) ? `${query.queryType}` : (query.expr ?? '');
  }

  importQueries(queries: DataQuery[], origin: DataSourceApi<DataQuery>): Promise<TidemarkQuery[]> {
    return importQueries(queries, origin);
  }

  async exportToAbstractQueries(queries: TidemarkQuery[]) {
    return exportQueries(queries);
  }

  metricFindQuery(query: StoredVariable, options?: LegacyMetricFindQueryOptions): Promise<MetricFindValue[]> {
    return this.values.find(query, { range: options?.range, scopedVars: options?.scopedVars });
  }

  getTagKeys({ filters, timeRange }: DataSourceGetTagKeysOptions<TidemarkQuery>): Promise<MetricFindValue[]> {
    const match = selectorOf(knownMatchersOf(filters));
    return this.values.find({ refId: 'tags', kind: 'label_names', match }, { range: timeRange });
  }

  getTagValues({ key, filters, timeRange }: DataSourceGetTagValuesOptions<TidemarkQuery>): Promise<MetricFindValue[]> {
    const match = selectorOf(knownMatchersOf(filters.filter((other) => other.key !== key)));
    return this.values.find({ refId: 'tags', kind: 'label_values', label: key, match }, { range: timeRange });
  }

  modifyQuery(query: TidemarkQuery, { type, options }: QueryFixAction): TidemarkQuery {
    if (!options?.key || (type !== 'ADD_FILTER' && type !== 'ADD_FILTER_OUT')) {
      return query;
    }
    return addFilter(query, options, type === 'ADD_FILTER' ? '=' : '!=', this.options);
  }

  getSupportedQueryModifications(): string[] {
    return ['ADD_FILTER', 'ADD_FILTER_OUT'];
  }

  toggleQueryFilter(query: TidemarkQuery, filter: ToggleFilterAction): TidemarkQuery {
    return toggleFilter(query, filter, this.options);
  }

  queryHasFilter(query: TidemarkQuery, filter: QueryFilterOptions): boolean {
    return hasFilter(query, filter, this.options);
  }

  private overlaidExprs(request: Request): string[] {
    const editing = Boolean(locationService.getSearchObject().editPanel);
    return overlaid(request, this.options.overlay, editing).map(
      (target) => this.applyTemplateVariables(target, request.scopedVars, request.filters).expr ?? ''
    );
  }

  /** While an annotation query of a dashboard runs, the overlay of its panels leaves out what it draws. */
  private registered(request: Request, answers: Observable<DataQueryResponse>): Observable<DataQueryResponse> {
    const annotation = annotationOf(request);
    const target = request.targets.find(asksChanges);
    if (!annotation || !target || !takesMore(request)) {
      return answers;
    }
    const { filter = {} } = this.applyTemplateVariables(target, request.scopedVars, request.filters);
    return new Observable((out) => {
      const { name, filter: panels } = annotation;
      const ended = this.drawn.add(dashboardOf(request), { name, filter, panels });
      return answers.subscribe(out).add(ended);
    });
  }
}

function dashboardOf(request: Request): string {
  return request.dashboardUID || locationService.getLocation().pathname;
}

/** Prometheus' API takes no selector that could select everything. */
function selectorOf(matchers: Matcher[]): string | undefined {
  if (matchers.length === 0) {
    return undefined;
  }
  const narrows = matchers.some(({ operator, value }) => operator === '=' && value !== '');
  return writeSelector(narrows ? matchers : [{ name: '__name__', operator: '=~', value: '.+' }, ...matchers]);
}
