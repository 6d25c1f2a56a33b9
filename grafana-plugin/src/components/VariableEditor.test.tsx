import { act, fireEvent, render, screen } from '@testing-library/react';
import { EditorView } from '@codemirror/view';
import React, { useState } from 'react';

import type { VariableQuery } from '../types';
import { person, prepareBrowser } from './testing/browser';
import { VariableEditor, type Props } from './VariableEditor';

jest.mock('@grafana/runtime', () => ({
  getTemplateSrv: () => ({ getVariables: () => [{ name: 'job' }] }),
}));

beforeAll(prepareBrowser);

const getResource = jest.fn();

function setUp(query: unknown = '') {
  getResource.mockImplementation((path: string) =>
    Promise.resolve(path === 'api/v1/labels' ? { data: ['instance', 'job'] } : { values: ['web'] })
  );
  const onChange = jest.fn();
  function Parent() {
    const [current, setCurrent] = useState(query);
    const props = {
      query: current,
      datasource: { getResource },
      onChange: (next: VariableQuery) => {
        onChange(next);
        setCurrent(next);
      },
      onRunQuery: () => undefined,
    };
    return <VariableEditor {...(props as unknown as Props)} />;
  }
  render(<Parent />);
  return { last: (): VariableQuery => onChange.mock.calls[onChange.mock.calls.length - 1]?.[0] };
}

async function choose(label: RegExp, option: string) {
  await person.click(screen.getByLabelText(label));
  await person.click(await screen.findByText(option, { selector: '[role=option] *' }));
}

it('starts with the values of a label', async () => {
  const { last } = setUp();
  await choose(/^Label/, 'instance');
  expect(last()).toEqual({ refId: 'variable', kind: 'label_values', label: 'instance' });
  await person.type(screen.getByLabelText('Of the series'), 'up{{job="a"}{Enter}');
  expect(last()).toEqual({ refId: 'variable', kind: 'label_values', label: 'instance', match: 'up{job="a"}' });
});

it.each([
  ['Label names', 'label_names', ['Of the series']],
  ['Metrics', 'metrics', ['Holding']],
  ['Services', 'services', ['In the environment']],
  ['Environments', 'environments', ['Of the service']],
  ['Versions', 'versions', ['Of the service', 'In the environment']],
  ['Flags', 'flags', ['Of the service', 'In the environment']],
  ['Change kinds', 'kinds', ['Of the service', 'In the environment']],
])('%s', async (label, kind, fields) => {
  const { last } = setUp();
  await choose(/^Values/, label);
  expect(last().kind).toBe(kind);
  for (const field of fields) {
    expect(screen.getByLabelText(field)).toBeInTheDocument();
  }
});

it('narrows by a service, and by none again', async () => {
  const { last } = setUp({ refId: 'variable', kind: 'versions', environment: 'production' });
  await choose(/Of the service/, 'web');
  expect(last()).toEqual({ refId: 'variable', kind: 'versions', environment: 'production', service: 'web' });
});

it('takes an expression', async () => {
  const { last } = setUp({ refId: 'variable', kind: 'query_result' });
  const content = await screen.findByTestId('promql-content');
  act(() => (EditorView.findFromDOM(content) as EditorView).dispatch({ changes: { from: 0, insert: 'up == 0' } }));
  fireEvent.blur(content);
  expect(last()).toEqual({ refId: 'variable', kind: 'query_result', expr: 'up == 0' });
});

it('shows a query that was written for the Prometheus data source', () => {
  setUp({ query: 'label_values(up{job="a"}, instance)', refId: 'PrometheusVariableQueryEditor-VariableQuery' });
  expect(screen.getByLabelText('Of the series')).toHaveValue('up{job="a"}');
});
