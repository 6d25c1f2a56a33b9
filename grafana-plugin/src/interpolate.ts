import type { ScopedVars } from '@grafana/data';

import { escapeLiteral, escapeRegex } from './promql';
import type { Filter } from './types';

/** What Grafana tells a formatting function about the variable whose value it is. */
interface Variable {
  name?: string;
  multi?: boolean;
  includeAll?: boolean;
}

type Format = (value: unknown, variable?: Variable) => string;

/** The part of Grafana's template service that is used here. */
export interface Template {
  replace(text: string, scopedVars?: ScopedVars, format?: string | Format): string;
  getVariables(): Array<{ name: string }>;
}

/** What only the backend knows the value of, as it depends on the step. */
const macros = [
  '__interval',
  '__interval_ms',
  '__rate_interval',
  '__rate_interval_ms',
  '__range',
  '__range_s',
  '__range_ms',
];

const writtenOut = new RegExp(`\\$\\{(${macros.join('|')})\\}(?!\\w)`, 'g');

/**
 * Puts the values of variables into a PromQL expression. In a string literal a value can't end the literal, and that of a
 * variable with several values is made a regular expression that matches just these; elsewhere it is taken as PromQL. Macros stay.
 */
export function interpolateExpr(template: Template, expr: string, scopedVars: ScopedVars): string {
  const vars = withMacros(scopedVars);
  const plain = (text: string) => template.replace(text, vars, (value) => join(value, String));
  const literal = /"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|`[^`]*`|#[^\n]*/g;
  let text = '';
  let done = 0;
  for (const match of expr.matchAll(literal)) {
    const found = match[0];
    text += plain(expr.slice(done, match.index));
    text += found.startsWith('#') ? found : template.replace(found, vars, inLiteral(found[0]));
    done = match.index + found.length;
  }
  return shorten(text + plain(expr.slice(done)));
}

/** Puts the values of variables into a text such as a legend or a step. Macros stay. */
export function interpolateText(template: Template, text: string, scopedVars: ScopedVars): string {
  return shorten(template.replace(text, withMacros(scopedVars)));
}

/**
 * Puts the values of variables into a filter. A variable with several values stands for each of them; one that is set to all of its
 * values selects nothing, so that what names no service, or a new one, is in.
 */
export function interpolateFilter(template: Template, filter: Filter, scopedVars: ScopedVars): Filter {
  const list = (items: string[] | undefined) => items && expandAll(template, items, scopedVars);
  const { labels, text } = filter;
  return {
    ...filter,
    kinds: list(filter.kinds),
    services: list(filter.services),
    environments: list(filter.environments),
    statuses: list(filter.statuses),
    who: list(filter.who),
    labels:
      labels &&
      Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, template.replace(value, scopedVars)])),
    text: text && template.replace(text, scopedVars),
  };
}

function expandAll(template: Template, items: string[], scopedVars: ScopedVars): string[] {
  const expanded = items.map((item) => expand(template, item, scopedVars));
  if (expanded.some((values) => values === 'all')) {
    return [];
  }
  return [...new Set((expanded as string[][]).flat().filter((value) => value !== ''))];
}

function expand(template: Template, item: string, scopedVars: ScopedVars): string[] | 'all' {
  let several: unknown[] | undefined;
  let all = false;
  const once = template.replace(item, scopedVars, (value, variable) => {
    if (Array.isArray(value)) {
      all ||= isSetToAll(template, variable?.name);
    }
    if (isSeveral(value)) {
      several = value;
    }
    return join(value, String);
  });
  if (all || (once !== item && /^\.[*+]$/.test(once))) {
    return 'all';
  }
  return (
    several?.map((one) =>
      template.replace(item, scopedVars, (value) => (isSeveral(value) ? String(one) : join(value, String)))
    ) ?? [once]
  );
}

/** None counts as well: what it stands in is left out of the list then. */
function isSeveral(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length !== 1;
}

function isSetToAll(template: Template, name: string | undefined): boolean {
  const variable = template.getVariables().find((known) => known.name === name) as
    { current?: { value?: unknown } } | undefined;
  return [variable?.current?.value].flat().includes('$__all');
}

function inLiteral(delimiter: string): Format {
  return (value, variable) => {
    const regex = Array.isArray(value) || variable?.multi || variable?.includeAll;
    const escape = (one: string) => escapeLiteral(regex ? escapeRegex(one) : one, delimiter);
    return join(value, escape);
  };
}

function join(value: unknown, escape: (one: string) => string): string {
  if (!Array.isArray(value)) {
    return escape(String(value));
  }
  const each = value.map((one) => escape(String(one)));
  return each.length === 1 ? each[0] : `(${each.join('|')})`;
}

/** Grafana knows values for some macros, and they are not the ones of the step that the backend takes. */
function withMacros(scopedVars: ScopedVars): ScopedVars {
  // The braces keep a macro apart from what follows it.
  return { ...scopedVars, ...Object.fromEntries(macros.map((name) => [name, { text: name, value: `\${${name}}` }])) };
}

function shorten(text: string): string {
  return text.replace(writtenOut, '$$$1');
}
