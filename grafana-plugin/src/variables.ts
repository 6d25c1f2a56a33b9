import {
  CustomVariableSupport,
  rangeUtil,
  type DataQueryRequest,
  type DataQueryResponse,
  type MetricFindValue,
  type ScopedVars,
  type TimeRange,
} from '@grafana/data';
import { from, map, type Observable } from 'rxjs';

import { VariableEditor } from './components/VariableEditor';
import type { DataSource } from './datasource';
import { interpolateExpr, interpolateFilter, type Template } from './interpolate';
import { quote } from './promql';
import type { Filter, TidemarkOptions, TidemarkQuery, VariableQuery } from './types';
import { readVariable, type StoredVariable } from './variableText';

/** What a variable's values depend on besides its query. */
export interface VariableContext {
  range?: TimeRange;
  scopedVars?: ScopedVars;
}

/** The data source's resource calls. */
interface Resources {
  getResource<T>(path: string, params?: Record<string, unknown>): Promise<T>;
}

/** Gives dashboard variables their values, from the server's resources. */
export class VariableValues {
  constructor(
    private readonly resources: Resources,
    private readonly template: Template,
    /** How often is scraped. */
    private readonly timeInterval: string
  ) {}

  /** The values of a variable. A query that is not filled in has none. */
  async find(stored: StoredVariable | undefined, context: VariableContext): Promise<MetricFindValue[]> {
    const query = readVariable(stored);
    return query ? (await this.texts(query, context)).map((text) => ({ text })) : [];
  }

  private texts(query: VariableQuery, context: VariableContext): Promise<string[]> {
    const text = (value: string | undefined) => this.template.replace(value ?? '', context.scopedVars ?? {}).trim();
    const promql = (value: string | undefined) => this.interpolate(value ?? '', context);
    switch (query.kind) {
      case 'label_names':
        return this.data('api/v1/labels', selected(promql(query.match)), context);
      case 'label_values':
        return this.labelValues(text(query.label), promql(query.match), context);
      case 'metrics': {
        const pattern = text(query.pattern);
        return this.labelValues('__name__', pattern && `{__name__=~${quote(`.*(?:${pattern}).*`)}}`, context);
      }
      case 'query_result':
        return this.queryResult(promql(query.expr), context);
      case 'series':
        return this.series(promql(query.match), context);
      default:
        return this.changeValues(query, context);
    }
  }

  private async labelValues(label: string, match: string, context: VariableContext): Promise<string[]> {
    return label ? this.data(`api/v1/label/${encodeURIComponent(label)}/values`, selected(match), context) : [];
  }

  private async series(match: string, context: VariableContext): Promise<string[]> {
    if (!match) {
      return [];
    }
    const series = await this.data<Labels>('api/v1/series', selected(match), context);
    return series.map(nameOf);
  }

  private async queryResult(query: string, { range }: VariableContext): Promise<string[]> {
    if (!query) {
      return [];
    }
    const time = range ? { time: range.to.valueOf() / 1000 } : {};
    const { data } = await this.resources.getResource<{ data: QueryResult }>('api/v1/query', { query, ...time });
    switch (data.resultType) {
      case 'scalar':
      case 'string':
        return [data.result[1]];
      case 'vector':
        return data.result.map(
          ({ metric, value: [at, value] }) => `${nameOf(metric)} ${value} ${Math.round(at * 1000)}`
        );
      default:
        throw new Error('query_result: the expression must answer with an instant vector or a number');
    }
  }

  private async changeValues(
    { kind, service = '', environment = '' }: VariableQuery,
    { range, scopedVars }: VariableContext
  ): Promise<string[]> {
    // A variable with several values stands for each of them, as in a query of changes.
    const selection: Filter = { services: [service.trim()], environments: [environment.trim()] };
    const { services, environments } = interpolateFilter(this.template, selection, scopedVars ?? {});
    const { values } = await this.resources.getResource<{ values: string[] }>(`changes/values/${kind}`, {
      ...(range ? { from: range.from.valueOf(), to: range.to.valueOf() } : {}),
      ...(services?.length ? { service: services } : {}),
      ...(environments?.length ? { environment: environments } : {}),
    });
    return values;
  }

  private async data<T = string>(path: string, params: object, { range }: VariableContext): Promise<T[]> {
    const span = range ? { start: range.from.valueOf() / 1000, end: range.to.valueOf() / 1000 } : {};
    const { data } = await this.resources.getResource<{ data: T[] }>(path, { ...span, ...params });
    return data;
  }

  /** Resources know no macros, so that they get their values here. */
  private interpolate(expr: string, { range, scopedVars }: VariableContext): string {
    const interpolated = interpolateExpr(this.template, expr, scopedVars ?? {});
    const ms = range ? range.to.valueOf() - range.from.valueOf() : 0;
    const seconds = Math.round(ms / 1000);
    const scrape = rangeUtil.intervalToMs(this.timeInterval);
    const values: Record<string, string> = {
      __range: `${seconds}s`,
      __range_s: String(seconds),
      __range_ms: String(ms),
      __interval: `${scrape}ms`,
      __interval_ms: String(scrape),
      __rate_interval: `${4 * scrape}ms`,
      __rate_interval_ms: String(4 * scrape),
    };
    return interpolated
      .replace(/\$(__\w+)|\$\{(__\w+)\}/g, (written, name, braced) => values[name ?? braced] ?? written)
      .trim();
  }
}

/** Registers the variables with Grafana. */
export class VariableSupport extends CustomVariableSupport<DataSource, VariableQuery, TidemarkQuery, TidemarkOptions> {
  editor = VariableEditor;

  constructor(private readonly datasource: DataSource) {
    super();
  }

  query(request: DataQueryRequest<VariableQuery>): Observable<DataQueryResponse> {
    const { range, scopedVars } = request;
    return from(this.datasource.metricFindQuery(request.targets[0], { range, scopedVars })).pipe(
      map((data) => ({ data }))
    );
  }
}

type Labels = Record<string, string>;

type QueryResult =
  | { resultType: 'vector'; result: Array<{ metric: Labels; value: [number, string] }> }
  | { resultType: 'scalar' | 'string'; result: [number, string] }
  | { resultType: 'matrix'; result: unknown };

function selected(match: string): { 'match[]'?: string } {
  return match ? { 'match[]': match } : {};
}

function nameOf({ __name__: name = '', ...labels }: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${quote(value)}`);
  return pairs.length > 0 || !name ? `${name}{${pairs.join(',')}}` : name;
}
