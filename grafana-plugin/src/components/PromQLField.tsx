import { ErrorBoundary, TextArea } from '@grafana/ui';
import React, { Suspense, lazy, useEffect, useRef, useState } from 'react';

import type { Resources, Span } from './resources';

// CodeMirror and the grammar weigh more than all the rest of the plugin: they come when an expression is first edited.
const PromQLEditor = lazy(() => import('./promql/PromQLEditor'));

export interface PromQLFieldProps {
  id: string;
  value: string;
  label: string;
  placeholder?: string;
  onChange: (expr: string) => void;
  onRun: () => void;
  resources: Resources;
  span?: Span;
  variables: () => string[];
}

/**
 * A PromQL expression. Leaving the field keeps what was typed and asks for its answer if it is new; Shift-Enter asks in any case.
 * Until the editor has been loaded, and where it can't be, a plain text field does the same.
 */
export function PromQLField({ value, onChange, onRun, ...rest }: PromQLFieldProps) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);

  // Whoever types while the editor arrives goes on typing in it: an element that is taken away does not say that it is left.
  const typing = useRef(false);
  const commit = (expr: string, how: 'blur' | 'run') => {
    if (expr !== value) {
      onChange(expr);
    }
    if (expr !== value || how === 'run') {
      onRun();
    }
  };
  const plain = (
    <TextArea
      id={rest.id}
      aria-label={rest.label}
      data-testid="promql-plain"
      placeholder={rest.placeholder}
      rows={Math.max(1, draft.split('\n').length)}
      spellCheck={false}
      value={draft}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onFocus={() => (typing.current = true)}
      onBlur={(event) => {
        typing.current = false;
        commit(event.currentTarget.value, 'blur');
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && event.shiftKey) {
          event.preventDefault();
          commit(event.currentTarget.value, 'run');
        }
      }}
    />
  );
  return (
    <ErrorBoundary>
      {({ error }) =>
        error ? (
          plain
        ) : (
          <Suspense fallback={plain}>
            <PromQLEditor {...rest} value={draft} autoFocus={typing.current} onEdit={setDraft} onCommit={commit} />
          </Suspense>
        )
      }
    </ErrorBoundary>
  );
}
