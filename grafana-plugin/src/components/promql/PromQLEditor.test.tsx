import { EditorView, runScopeHandlers } from '@codemirror/view';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

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

it('leaves nothing behind', () => {
  const { view, unmount } = setUp();
  const destroy = jest.spyOn(view, 'destroy');
  unmount();
  expect(destroy).toHaveBeenCalled();
});
