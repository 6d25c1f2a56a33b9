import { EditorView, runScopeHandlers } from '@codemirror/view';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React, { useLayoutEffect, useRef, useState } from 'react';

import { prepareBrowser } from '../testing/browser';
import PromQLEditor from './PromQLEditor';

beforeAll(prepareBrowser);

function setUp(value = 'up') {
  const calls = { onEdit: jest.fn(), onCommit: jest.fn() };
  const props = {
    id: 'expr',
    label: 'PromQL expression',
    value,
    resources: { getResource: () => Promise.resolve({ data: [] } as never) },
    variables: () => [],
    ...calls,
  };
  const { rerender, unmount } = render(<PromQLEditor {...props} />);
  const field = screen.getByRole('textbox', { name: 'PromQL expression' });
  const view = EditorView.findFromDOM(field) as EditorView;
  const type = (text: string) =>
    act(() => view.dispatch({ changes: { from: view.state.doc.length, insert: text }, userEvent: 'input.type' }));
  return {
    ...calls,
    field,
    view,
    type,
    unmount,
    show: (next: string) => rerender(<PromQLEditor {...props} value={next} />),
  };
}

it('tells each edit', () => {
  const { type, onEdit, onCommit } = setUp();
  type(' + 1');
  expect(onEdit).toHaveBeenLastCalledWith('up + 1');
  expect(onCommit).not.toHaveBeenCalled();
});

it('runs on Shift-Enter, and adds no line', () => {
  const { view, type, onCommit } = setUp();
  type('{job="a"}');
  act(() => {
    runScopeHandlers(view, new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', shiftKey: true }), 'editor');
  });
  expect(onCommit).toHaveBeenCalledWith('up{job="a"}', 'run');
  expect(view.state.doc.lines).toBe(1);
});

it('adds a line on Enter', () => {
  const { view } = setUp();
  act(() => {
    view.dispatch({ selection: { anchor: 2 } });
    runScopeHandlers(view, new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter' }), 'editor');
  });
  expect(view.state.doc.lines).toBe(2);
});

it('hands over on leaving', () => {
  const { field, type, onCommit } = setUp();
  type(' > 0');
  fireEvent.blur(field);
  expect(onCommit).toHaveBeenCalledWith('up > 0', 'blur');
});

it('shows what it is given later, without telling it as an edit of something else', () => {
  const { view, show, onEdit } = setUp();
  show('sum(up)');
  expect(view.state.doc.toString()).toBe('sum(up)');
  expect(onEdit).toHaveBeenCalledTimes(1);
  expect(onEdit).toHaveBeenCalledWith('sum(up)');
});

it('keeps a key that is struck right after the one before it was rendered', async () => {
  const press = (key: string) => {
    const view = EditorView.findFromDOM(screen.getByRole('textbox')) as EditorView;
    view.dispatch({ changes: { from: view.state.doc.length, insert: key } });
  };
  const resources = { getResource: () => Promise.resolve({ data: [] } as never) };
  const shared = { id: 'expr', label: 'PromQL expression', resources, variables: () => [], onCommit: jest.fn() };
  function Field() {
    const [value, setValue] = useState('');
    const pressed = useRef(false);
    useLayoutEffect(() => {
      if (value === 'u' && !pressed.current) {
        pressed.current = true;
        // A rendering that takes long gives way to what has happened meanwhile, before its effects.
        for (const until = performance.now() + 20; performance.now() < until;);
        queueMicrotask(() => press('p'));
      }
    }, [value]);
    return <PromQLEditor {...shared} value={value} onEdit={setValue} />;
  }
  render(<Field />);
  const environment = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };
  environment.IS_REACT_ACT_ENVIRONMENT = false;
  press('u');
  await new Promise((resolve) => setTimeout(resolve, 100));
  environment.IS_REACT_ACT_ENVIRONMENT = true;
  expect(screen.getByRole('textbox')).toHaveTextContent('up');
});

it('leaves nothing behind', () => {
  const { view, unmount } = setUp();
  const destroy = jest.spyOn(view, 'destroy');
  unmount();
  expect(destroy).toHaveBeenCalled();
});
