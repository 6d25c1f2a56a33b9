import { Language } from '@codemirror/language';
import { linter, type Diagnostic } from '@codemirror/lint';
import type { Extension } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import { Parser, type Input, type PartialParse, type TreeFragment } from '@lezer/common';
import { LanguageType, PromQLExtension, promQLLanguage, type LintStrategy } from '@prometheus-io/codemirror-promql';

import { maskReferences, references } from './variables';

/** Parses an expression with each Grafana reference masked. Expressions are short: nothing is reused from the parse before. */
class MaskingParser extends Parser {
  constructor(private readonly inner: Parser) {
    super();
  }

  createParse(
    input: Input,
    _fragments: readonly TreeFragment[],
    ranges: ReadonlyArray<{ from: number; to: number }>
  ): PartialParse {
    return this.inner.startParse(maskReferences(input.read(0, input.length)), [], ranges);
  }
}

/** PromQL in which Grafana's variables and macros may stand. */
export interface PromQL {
  extension: Extension;
  /** Adds data, such as completion sources, to the language. */
  data: Language['data'];
}

/** Makes the language, without linting or completion. */
export function promql(): PromQL {
  const base = promQLLanguage(LanguageType.PromQL);
  const language = new Language(base.data, new MaskingParser(base.parser), [], 'promql');
  return { extension: language.extension, data: base.data };
}

/** Marks what is wrong with an expression, as far as that can be said before its variables have values. */
export function promqlLinter(): Extension {
  const analysis = new PromQLExtension().getLinter();
  return linter((view) => diagnose(view, analysis));
}

/** The problems of the expression that a view holds. */
export async function diagnose(view: EditorView, analysis: LintStrategy): Promise<Diagnostic[]> {
  const expr = view.state.doc.toString();
  if (expr.trim() === '') {
    return [];
  }
  const open = references(expr).filter((r) => r.place !== 'duration');
  if (open.some((r) => r.place === 'function')) {
    return [];
  }
  const problems = await analysis.promQL()(view);
  return problems.filter((p) => !open.some((r) => p.from < r.to && r.from < p.to));
}
