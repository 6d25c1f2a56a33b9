import type { SyntaxNode } from '@lezer/common';
import {
  LabelMatchers,
  LabelName,
  LineComment,
  MatchOp,
  parser,
  QuotedLabelMatcher,
  QuotedLabelName,
  StringLiteral,
  UnquotedLabelMatcher,
  VectorSelector,
} from '@prometheus-io/lezer-promql';

import { maskReferences } from './components/promql/variables';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

/** One condition of a selector. The value is what is meant, not how a literal spells it. */
export interface Matcher {
  name: string;
  operator: MatchOperator;
  value: string;
}

interface Found extends Matcher {
  from: number;
  to: number;
}

/** Where a selector stands in an expression, and what it demands already. */
interface Selector {
  matchers: Found[];
  /** Where one more matcher goes. */
  end: number;
  /** Where the braces begin, if they are there. */
  braces?: number;
  /** The metric's name, where it stands by itself and not in a matcher: before the braces, or quoted within. */
  name?: { value: string; from: number; to: number };
}

const nameLabel = '__name__';

/**
 * Adds the matchers to every selector of an expression that does not have them yet. Grafana's variables and macros may stand in
 * the expression; what can't be parsed stays as it is.
 *
 * Prometheus takes no matcher on the name beside a name that stands by itself. Where the name says already what the matcher asks
 * for, nothing is added; otherwise the name becomes a matcher too, so that both hold, as for any other label.
 */
export function addMatchers(expr: string, matchers: Matcher[]): string {
  if (matchers.length === 0) {
    return expr;
  }
  // From the back, so that the positions before stay true.
  return selectorsOf(expr).reduceRight((text, selector) => {
    const missing = matchers.filter((m) => !demands(selector, m));
    if (missing.length === 0) {
      return text;
    }
    const { end, braces, name } = selector;
    const added = missing.map(write).join(', ');
    const longer =
      braces === undefined
        ? splice(text, end, end, `{${added}}`)
        : splice(text, end, end, text[end - 1] === '{' ? added : `, ${added}`);
    return name && missing.some((m) => m.name === nameLabel) ? nameAsMatcher(longer, name, braces ?? end) : longer;
  }, expr);
}

/** Whether a selector demands already what a matcher does. */
function demands({ matchers, name }: Selector, wanted: Matcher): boolean {
  if (name && wanted.name === nameLabel && !name.value.includes('$')) {
    switch (wanted.operator) {
      case '=':
        return wanted.value === name.value;
      case '!=':
        return wanted.value !== name.value;
    }
  }
  return matchers.some((known) => same(known, wanted));
}

/** Turns a name that stands by itself into a matcher of the braces that begin at the given place. */
function nameAsMatcher(text: string, { value, from, to }: NonNullable<Selector['name']>, braces: number): string {
  const matcher = write({ name: nameLabel, operator: '=', value });
  if (from > braces) {
    return splice(text, from, to, matcher);
  }
  return splice(splice(text, braces + 1, braces + 1, `${matcher}, `), from, to, '');
}

/** Takes a matcher out of every selector of an expression. */
export function removeMatcher(expr: string, matcher: Matcher): string {
  return selectorsOf(expr)
    .flatMap((selector) => selector.matchers)
    .filter((known) => same(known, matcher))
    .reduceRight((text, { from, to }) => {
      const before = /,\s*$/.exec(text.slice(0, from));
      const after = /^\s*,\s*/.exec(text.slice(to));
      if (before) {
        return splice(text, from - before[0].length, to, '');
      }
      return splice(text, from, to + (after?.[0].length ?? 0), '');
    }, expr);
}

/** Whether a selector of an expression has the matcher. */
export function hasMatcher(expr: string, matcher: Matcher): boolean {
  return selectorsOf(expr).some(
    ({ matchers, name }) =>
      matchers.some((known) => same(known, matcher)) ||
      (name !== undefined && same({ name: nameLabel, operator: '=', value: name.value }, matcher))
  );
}

/** The matchers of the first selector of an expression, its metric's name among them. */
export function firstSelector(expr: string): Matcher[] {
  let first: Matcher[] | undefined;
  parser.parse(maskReferences(expr)).iterate({
    enter: ({ node }) => {
      if (first || !isSelector(expr, node)) {
        return;
      }
      const { matchers, name, braces } = readSelector(expr, node);
      first = matchers.map(({ name, operator, value }) => ({ name, operator, value }));
      if (name && (braces === undefined || name.from < braces)) {
        first.unshift({ name: nameLabel, operator: '=', value: name.value });
      }
    },
  });
  return first ?? [];
}

/** Writes a selector of the given matchers. */
export function writeSelector(matchers: Matcher[]): string {
  return `{${matchers.map(write).join(', ')}}`;
}

/** Writes a string literal. */
export function quote(text: string): string {
  return `"${escapeLiteral(text, '"')}"`;
}

/** Escapes what would end, or change, a string literal that stands between the given quotes. */
export function escapeLiteral(text: string, delimiter: string): string {
  if (delimiter === '`') {
    // A raw literal knows no escapes, and can't hold a backtick in any way.
    return text;
  }
  return text.replace(/\\/g, '\\\\').replaceAll(delimiter, `\\${delimiter}`).replace(/\n/g, '\\n');
}

/** Escapes what has a meaning in a regular expression. */
export function escapeRegex(text: string): string {
  return text.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&');
}

function selectorsOf(expr: string): Selector[] {
  const found: Selector[] = [];
  parser.parse(maskReferences(expr)).iterate({
    enter: ({ node }) => {
      if (isSelector(expr, node)) {
        found.push(readSelector(expr, node));
      }
    },
  });
  return found;
}

/** A macro such as `$__range_s` is read as the name of a metric, and stands for a number. */
function isSelector(expr: string, node: SyntaxNode): boolean {
  return node.type.id === VectorSelector && !/^\$\{?__/.test(expr.slice(node.from, node.to));
}

function readSelector(expr: string, selector: SyntaxNode): Selector {
  const braces = selector.getChild(LabelMatchers);
  const first = selector.firstChild;
  let name: Selector['name'];
  if (first && first.type.id !== LabelMatchers) {
    name = { value: expr.slice(first.from, first.to), from: first.from, to: first.to };
  }
  if (!braces) {
    return { matchers: [], end: selector.to, name };
  }
  let end = braces.from + 1;
  const matchers: Found[] = [];
  for (let child = braces.firstChild; child; child = child.nextSibling) {
    // Behind a comment, on its line, nothing is read any more.
    if (child.type.isError || child.type.id === LineComment) {
      continue;
    }
    end = child.to;
    const matcher = readMatcher(expr, child);
    if (matcher) {
      matchers.push({ ...matcher, from: child.from, to: child.to });
    }
    if (child.type.id === QuotedLabelName && matcher) {
      name = { value: matcher.value, from: child.from, to: child.to };
    }
  }
  return { matchers, end, braces: braces.from, name };
}

function readMatcher(expr: string, node: SyntaxNode): Matcher | undefined {
  const text = (part: SyntaxNode | null) => (part ? expr.slice(part.from, part.to) : '');
  switch (node.type.id) {
    case UnquotedLabelMatcher:
      return {
        name: text(node.getChild(LabelName)),
        operator: text(node.getChild(MatchOp)) as MatchOperator,
        value: unquote(text(node.getChild(StringLiteral))),
      };
    case QuotedLabelMatcher:
      return {
        name: unquote(text(node.getChild(QuotedLabelName))),
        operator: text(node.getChild(MatchOp)) as MatchOperator,
        value: unquote(text(node.getChild(StringLiteral))),
      };
    case QuotedLabelName:
      return { name: nameLabel, operator: '=', value: unquote(text(node)) };
    default:
      return undefined;
  }
}

function write({ name, operator, value }: Matcher): string {
  return `${/^[a-zA-Z_]\w*$/.test(name) ? name : quote(name)}${operator}${quote(value)}`;
}

const escapes: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unquote(literal: string): string {
  const inner = literal.slice(1, -1);
  if (literal.startsWith('`')) {
    return inner;
  }
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/g,
    (_all, x, u, long, octal, char) => {
      if (char !== undefined) {
        return escapes[char] ?? char;
      }
      return String.fromCodePoint(octal === undefined ? parseInt(x ?? u ?? long, 16) : parseInt(octal, 8));
    }
  );
}

function same(a: Matcher, b: Matcher): boolean {
  return a.name === b.name && a.operator === b.operator && a.value === b.value;
}

function splice(text: string, from: number, to: number, put: string): string {
  return text.slice(0, from) + put + text.slice(to);
}
