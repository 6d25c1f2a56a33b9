import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { Compartment, EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, drawSelection, keymap, placeholder as placeholderText, tooltips } from '@codemirror/view';
import { useTheme2 } from '@grafana/ui';
import React, { useEffect, useLayoutEffect, useRef } from 'react';

import type { Resources, Span } from '../resources';
import { ResourceClient } from './client';
import { promqlSource, variableSource } from './completion';
import { promql, promqlLinter } from './language';
import { grafanaTheme } from './theme';

export interface PromQLEditorProps {
  id: string;
  value: string;
  label: string;
  placeholder?: string;
  /** Takes the keyboard at once, with the cursor behind what is there. */
  autoFocus?: boolean;
  /** Each keystroke. */
  onEdit: (expr: string) => void;
  /** The person is done for now: the field was left, or Shift-Enter pressed, which asks for the answer in any case. */
  onCommit: (expr: string, how: 'blur' | 'run') => void;
  resources: Resources;
  span?: Span;
  /** The names of the dashboard's variables, without the dollar sign. */
  variables: () => string[];
}

/** PromQL with completion, linting and Grafana's variables. Loaded when it is first needed; so a default export. */
export default function PromQLEditor(props: PromQLEditorProps) {
  const theme = useTheme2();
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const themed = useRef(new Compartment());
  // The view lives longer than one rendering: what it calls is looked up when it calls.
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const client = new ResourceClient(latest.current.resources, () => latest.current.span);
    const editor = new EditorView({
      parent: host.current ?? undefined,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          behaviour(latest, client),
          themed.current.of(grafanaTheme(theme)),
          EditorView.contentAttributes.of({
            id: latest.current.id,
            'aria-label': latest.current.label,
            'data-testid': 'promql-content',
          }),
          placeholderText(latest.current.placeholder ?? ''),
        ],
      }),
    });
    view.current = editor;
    if (latest.current.autoFocus) {
      editor.dispatch({ selection: { anchor: editor.state.doc.length } });
      editor.focus();
    }
    return () => editor.destroy();
    // The theme has an effect of its own.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [props.resources]);

  useEffect(() => {
    view.current?.dispatch({ effects: themed.current.reconfigure(grafanaTheme(theme)) });
  }, [theme]);

  // In the same breath as the rendering: a key that is struck before a later effect would be taken back by it.
  useLayoutEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== props.value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: props.value } });
    }
  }, [props.value]);

  return <div ref={host} data-testid="promql-editor" />;
}

function behaviour(latest: React.RefObject<PromQLEditorProps>, client: ResourceClient): Extension {
  const props = () => latest.current as PromQLEditorProps;
  const language = promql();
  return [
    history(),
    drawSelection(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ icons: false }),
    language.extension,
    language.data.of({ autocomplete: promqlSource(client) }),
    language.data.of({ autocomplete: variableSource(() => props().variables()) }),
    promqlLinter(),
    EditorView.lineWrapping,
    // Panels clip what stands out of them.
    tooltips({ position: 'fixed', parent: document.body }),
    Prec.highest(
      keymap.of([
        {
          key: 'Shift-Enter',
          run: (editor) => {
            props().onCommit(editor.state.doc.toString(), 'run');
            return true;
          },
        },
      ])
    ),
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) {
        props().onEdit(update.state.doc.toString());
      }
    }),
    EditorView.domEventHandlers({
      blur: (_event, editor) => props().onCommit(editor.state.doc.toString(), 'blur'),
    }),
  ];
}
