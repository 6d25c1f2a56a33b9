import { render, screen, waitFor } from '@testing-library/react';
import React from 'react';

import { PromQLField } from './PromQLField';
import { person, prepareBrowser } from './testing/browser';

beforeAll(prepareBrowser);

// The chunk can't be had: what is left is the plain field.
jest.mock('./promql/PromQLEditor', () => {
  throw new Error('chunk load failed');
});

function setUp(value = '') {
  const calls = { onChange: jest.fn(), onRun: jest.fn() };
  render(
    <PromQLField
      id="expr"
      label="PromQL expression"
      value={value}
      resources={{ getResource: () => Promise.reject(new Error('502')) }}
      variables={() => []}
      {...calls}
    />
  );
  return { ...calls, field: () => screen.getByRole('textbox', { name: 'PromQL expression' }) };
}

beforeEach(() => {
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
});

it('is a plain field where the editor can not be loaded', async () => {
  const { field, onChange, onRun } = setUp();
  const whileLoading = field();
  await waitFor(() => expect(field()).not.toBe(whileLoading));
  await person.type(field(), 'up');
  expect(field()).toHaveValue('up');
  expect(onChange).not.toHaveBeenCalled();
  await person.tab();
  expect(onChange).toHaveBeenCalledWith('up');
  expect(onRun).toHaveBeenCalledTimes(1);
});

it('runs on Shift-Enter although nothing is new', async () => {
  const { field, onChange, onRun } = setUp('up');
  await person.type(field(), '{Shift>}{Enter}{/Shift}');
  expect(onChange).not.toHaveBeenCalled();
  expect(onRun).toHaveBeenCalledTimes(1);
});

it('does not run when it is left as it was', async () => {
  const { field, onChange, onRun } = setUp('up');
  await person.click(field());
  await person.tab();
  expect(onChange).not.toHaveBeenCalled();
  expect(onRun).not.toHaveBeenCalled();
});
