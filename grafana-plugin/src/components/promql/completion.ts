import type { Completion, CompletionContext, CompletionResult, CompletionSource } from '@codemirror/autocomplete';
import { newCompleteStrategy } from '@prometheus-io/codemirror-promql';

import type { ResourceClient } from './client';

/** What the data source fills in itself, with the meaning that Grafana gives it. */
const macros: Completion[] = [
  {
    label: '$__rate_interval',
    info: 'At least four scrape intervals, and never less than a step: the range for rate() and increase().',
    boost: 3,
  },
  {
    label: '$__interval',
    info: 'The step: the time range divided by the points that the panel has room for.',
    boost: 2,
  },
  { label: '$__range', info: 'The whole time range.', boost: 1 },
  { label: '$__rate_interval_ms', info: '$__rate_interval in milliseconds, as a number.' },
  { label: '$__interval_ms', info: '$__interval in milliseconds, as a number.' },
  { label: '$__range_s', info: 'The whole time range in seconds, as a number.' },
  { label: '$__range_ms', info: 'The whole time range in milliseconds, as a number.' },
].map((macro) => ({ ...macro, type: 'variable', detail: 'Grafana' }));

/** Completes metrics, labels, values, functions and keywords. */
export function promqlSource(client: ResourceClient): CompletionSource {
  const strategy = newCompleteStrategy({ remote: client });
  return async (context) => {
    const result = await strategy.promQL(context);
    // A list that was cut must be asked for again with what has been typed since.
    return result && client.metricsCut ? { ...result, validFor: undefined } : result;
  };
}

/** Completes the dashboard's variables and Grafana's macros: after a dollar sign, and where a duration is expected. */
export function variableSource(variables: () => string[]): CompletionSource {
  return (context: CompletionContext): CompletionResult | null => {
    const typed = context.matchBefore(/\$\{?\w*/);
    const bracket = typed ? null : context.matchBefore(/\[\s*\w*/);
    if (!typed && !bracket) {
      return null;
    }
    const own = variables().map((name): Completion => ({ label: `$${name}`, type: 'variable', detail: 'dashboard' }));
    const braced = typed?.text.startsWith('${') ?? false;
    return {
      from: typed ? typed.from : context.pos - (/\w*$/.exec(bracket?.text ?? '')?.[0].length ?? 0),
      options: [...macros, ...own].map((option) => (braced ? inBraces(option) : option)),
      validFor: /^\$?\{?\w*$/,
    };
  };
}

function inBraces(option: Completion): Completion {
  const name = option.label.slice(1);
  return { ...option, label: '${' + name + '}' };
}
