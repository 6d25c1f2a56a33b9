import type { PrometheusClient } from '@prometheus-io/codemirror-promql';
import { EqlRegex, EqlSingle, Neq, NeqRegex } from '@prometheus-io/lezer-promql';

import type { Resources, Span } from '../resources';
import { hasReference } from './variables';

/** How many names or values one completion asks for. A list that is as long as this is taken to be cut. */
export const listLimit = 5000;

const cacheFor = 60_000;
const cacheSize = 100;

type Matchers = Parameters<PrometheusClient['labelValues']>[2];
type Metadata = Awaited<ReturnType<PrometheusClient['metricMetadata']>>;
type Series = Awaited<ReturnType<PrometheusClient['series']>>;

interface Cached {
  at: number;
  answer: Promise<unknown>;
}

/**
 * What the completion of PromQL asks, answered by the plugin's resources within the time range that is looked at.
 * An answer that can't be had is an empty one: completion is an aid, and its absence no error to show.
 */
export class ResourceClient implements PrometheusClient {
  /** Whether the newest list of metrics was cut, so that more typed characters need a new one. */
  metricsCut = false;

  private readonly cache = new Map<string, Cached>();

  constructor(
    private readonly resources: Resources,
    private readonly span: () => Span | undefined,
    private readonly now: () => number = Date.now
  ) {}

  labelNames(metricName?: string): Promise<string[]> {
    return this.list('api/v1/labels', selector(metricName));
  }

  labelValues(labelName: string, metricName?: string, matchers?: Matchers): Promise<string[]> {
    const others = matchers?.filter((m) => m.name !== labelName);
    return this.list(`api/v1/label/${encodeURIComponent(labelName)}/values`, selector(metricName, others));
  }

  /** All names where they are few; of many, those that hold what was typed. */
  async metricNames(typed?: string): Promise<string[]> {
    const path = 'api/v1/label/__name__/values';
    let names = await this.list(path);
    if (names.length >= listLimit && typed && !hasReference(typed)) {
      names = await this.list(path, `{__name__=~${quote(`.*${escapeRegex(typed)}.*`)}}`);
      this.metricsCut = true;
    } else {
      this.metricsCut = names.length >= listLimit;
    }
    return names;
  }

  metricMetadata(): Promise<Metadata> {
    return this.ask<Metadata>('api/v1/metadata', { limit: listLimit, limit_per_metric: 1 }, {});
  }

  async series(metricName: string, matchers?: Matchers, labelName?: string): Promise<Series> {
    const others = matchers?.filter((m) => m.name !== labelName);
    const match = selector(metricName, others);
    if (!match) {
      return [];
    }
    const found = await this.ask<Array<Record<string, string>>>(
      'api/v1/series',
      { ...this.during(), 'match[]': match, limit: listLimit },
      []
    );
    return found.map((labels) => new Map(Object.entries(labels)));
  }

  /** The server's flags say nothing that completion needs. */
  flags(): Promise<Record<string, string>> {
    return Promise.resolve({});
  }

  private list(path: string, match?: string): Promise<string[]> {
    const params = { ...this.during(), limit: listLimit, ...(match ? { 'match[]': match } : {}) };
    return this.ask<string[]>(path, params, []);
  }

  /** Whole minutes, so that what was asked a moment ago is still known. In seconds, as Prometheus' API has it. */
  private during(): { start?: number; end?: number } {
    const span = this.span();
    if (!span) {
      return {};
    }
    return { start: Math.floor(span.from / 60_000) * 60, end: Math.ceil(span.to / 60_000) * 60 };
  }

  private ask<T>(path: string, params: Record<string, unknown>, none: T): Promise<T> {
    const key = path + JSON.stringify(params);
    const known = this.cache.get(key);
    if (known && this.now() - known.at < cacheFor) {
      return known.answer as Promise<T>;
    }
    const answer = this.resources.getResource<{ data?: T }>(path, params).then(
      (body) => body?.data ?? none,
      () => {
        this.cache.delete(key);
        return none;
      }
    );
    this.cache.delete(key);
    this.cache.set(key, { at: this.now(), answer });
    if (this.cache.size > cacheSize) {
      this.cache.delete(this.cache.keys().next().value as string);
    }
    return answer;
  }
}

/**
 * The selector of what is known. A name or a matcher that holds a variable is left out, as its value is not known here; so is
 * all of it when nothing is asked to be equal, as Prometheus refuses a selector that may match everything.
 */
function selector(metricName?: string, matchers: Matchers = []): string | undefined {
  const known = matchers.filter((m) => m.value !== '' && !hasReference(m.value) && !hasReference(m.name));
  // The value is the literal's own text and keeps its escapes.
  const parts = known.map((m) => `${label(m.name)}${operator(m.type)}"${m.value}"`);
  if (metricName && !hasReference(metricName)) {
    parts.unshift(`__name__=${quote(metricName)}`);
  } else if (!known.some((m) => m.type === EqlSingle || m.type === EqlRegex)) {
    return undefined;
  }
  return `{${parts.join(',')}}`;
}

function operator(type: number): string {
  switch (type) {
    case Neq:
      return '!=';
    case EqlRegex:
      return '=~';
    case NeqRegex:
      return '!~';
    case EqlSingle:
    default:
      return '=';
  }
}

function label(name: string): string {
  return /^[a-zA-Z_]\w*$/.test(name) ? name : quote(name);
}

function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
