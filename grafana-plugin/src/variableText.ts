import type { VariableQuery } from './types';

/** A variable's query as it may be stored: ours, a text, or the text in an object, as Grafana's Prometheus data source keeps it. */
export type StoredVariable = VariableQuery | string | { query?: string; refId?: string };

const refId = 'variable';

/**
 * Reads a stored variable query. The texts are those of Grafana's Prometheus data source: `label_names()`, `label_values(metric, label)`,
 * `metrics(regex)`, `query_result(expression)`; any other text is a selector of series.
 */
export function readVariable(stored: StoredVariable | undefined): VariableQuery | undefined {
  if (typeof stored === 'string') {
    return readText(stored);
  }
  if (stored && 'kind' in stored) {
    return stored;
  }
  return readText(stored?.query ?? '');
}

function readText(text: string): VariableQuery | undefined {
  const call = /^\s*(label_names|label_values|metrics|query_result)\(([^]*)\)\s*$/.exec(text);
  const inner = call?.[2].trim() ?? '';
  switch (call?.[1]) {
    case 'label_names':
      return { refId, kind: 'label_names', match: inner };
    case 'label_values':
      return readLabelValues(inner);
    case 'metrics':
      return { refId, kind: 'metrics', pattern: inner };
    case 'query_result':
      return { refId, kind: 'query_result', expr: inner };
    default:
      return text.trim() === '' ? undefined : { refId, kind: 'series', match: text.trim() };
  }
}

/** The label is what stands after the last comma; a selector before it may hold commas of its own. */
function readLabelValues(inner: string): VariableQuery {
  const comma = inner.lastIndexOf(',');
  const label = inner.slice(comma + 1).trim();
  const match = inner.slice(0, Math.max(comma, 0)).trim();
  return { refId, kind: 'label_values', label: label.replace(/^"(.*)"$/, '$1'), match };
}
