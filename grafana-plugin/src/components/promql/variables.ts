/**
 * A reference to a Grafana variable or macro in a PromQL expression: `$name`, `${name:format}` or `[[name]]`.
 * Those inside string literals and comments are not listed: PromQL takes them as they are.
 */
export interface Reference {
  from: number;
  to: number;
  /**
   * duration: in brackets, after offset or after @, where only a number or a duration can stand;
   * name: where a metric, a label or a value can stand;
   * function: before a parenthesis or a grouping clause, where nothing can be said of it until it has its value.
   */
  place: 'duration' | 'name' | 'function';
}

const referenceAt = /\$\{[^}\n]*\}|\$\w+|\[\[\w+(?::\w+)?\]\]/y;

/** Lists the references of an expression, in order. */
export function references(expr: string): Reference[] {
  const found: Reference[] = [];
  let brackets = 0;
  let at = 0;
  while (at < expr.length) {
    referenceAt.lastIndex = at;
    const match = referenceAt.exec(expr);
    if (match) {
      const to = at + match[0].length;
      found.push({ from: at, to, place: placeOf(expr, at, to, brackets > 0) });
      at = to;
      continue;
    }
    const char = expr[at];
    if (char === '"' || char === "'" || char === '`') {
      at = endOfString(expr, at);
    } else if (char === '#') {
      const end = expr.indexOf('\n', at);
      at = end < 0 ? expr.length : end;
    } else {
      brackets += char === '[' ? 1 : char === ']' ? -1 : 0;
      at++;
    }
  }
  return found;
}

/** Whether a text holds a reference anywhere, string literals included. */
export function hasReference(text: string): boolean {
  return /\$\{[^}\n]*\}|\$\w+|\[\[\w+(?::\w+)?\]\]/.test(text);
}

/**
 * Puts a PromQL token of the same length in the place of each reference, so that a parser that knows nothing of Grafana can
 * read the expression and each of its positions is one of the original's.
 */
export function maskReferences(expr: string): string {
  let masked = '';
  let done = 0;
  for (const { from, to, place } of references(expr)) {
    masked += expr.slice(done, from) + token(to - from, place, expr[to]);
    done = to;
  }
  return masked + expr.slice(done);
}

function token(length: number, place: Reference['place'], next: string | undefined): string {
  if (place !== 'duration') {
    return 'v'.repeat(length);
  }
  // A unit may follow the reference, as in [${minutes}m].
  return next !== undefined && /\w/.test(next) ? '1'.repeat(length) : '1'.repeat(length - 1) + 'm';
}

function placeOf(expr: string, from: number, to: number, inBrackets: boolean): Reference['place'] {
  const before = expr.slice(0, from);
  if (inBrackets || /(?:\boffset\s+-?|@)\s*$/i.test(before)) {
    return 'duration';
  }
  return /^\s*(?:\(|(?:by|without)\b)/i.test(expr.slice(to)) ? 'function' : 'name';
}

function endOfString(expr: string, start: number): number {
  const quote = expr[start];
  for (let at = start + 1; at < expr.length; at++) {
    if (expr[at] === '\\' && quote !== '`') {
      at++;
    } else if (expr[at] === quote) {
      return at + 1;
    }
  }
  return expr.length;
}
