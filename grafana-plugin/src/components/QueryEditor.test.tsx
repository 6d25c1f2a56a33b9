import { CoreApp } from '@grafana/data';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { EditorView } from '@codemirror/view';
import React, { useState } from 'react';

import type { TidemarkQuery } from '../types';
import { QueryEditor, type Props } from './QueryEditor';
import { person, prepareBrowser } from './testing/browser';

beforeAll(prepareBrowser);

jest.mock('@grafana/runtime', () => ({
  getTemplateSrv: () => ({ getVariables: () => [{ name: 'service' }] }),
}));

const getResource = jest.fn();

beforeEach(() => {
  getResource.mockResolvedValue({ values: ['api', 'web'], cut: false });
});

/** The editor with a parent that keeps the query, as Grafana does. */
function setUp(query: Partial<TidemarkQuery> = {}, app: CoreApp = CoreApp.PanelEditor) {
  const onChange = jest.fn();
  const onRunQuery = jest.fn();
  function Parent() {
    const [current, setCurrent] = useState<TidemarkQuery>({ refId: 'A', ...query });
    const props = {
      app,
      query: current,
      datasource: { getResource },
      onChange: (next: TidemarkQuery) => {
        onChange(next);
        setCurrent(next);
      },
      onRunQuery,
    };
    return <QueryEditor {...(props as unknown as Props)} />;
  }
  render(<Parent />);
  return { onRunQuery, last: (): TidemarkQuery => onChange.mock.calls[onChange.mock.calls.length - 1]?.[0], onChange };
}

/** Chooses an option of the list that a field opens. */
async function choose(label: string, option: string | RegExp) {
  await person.click(screen.getByLabelText(label));
  await person.click(await screen.findByText(option, { selector: '[role=option] *' }));
}

const typeSwitch = (name: string) => screen.getByLabelText(name);

describe('query types', () => {
  it('is metrics for a query that says nothing', () => {
    setUp();
    expect(typeSwitch('Metrics')).toBeChecked();
  });

  it('is metrics for a query of another data source', () => {
    setUp({ queryType: 'randomWalk' as never });
    expect(typeSwitch('Metrics')).toBeChecked();
  });

  it('keeps what other types have written, and what it does not know', async () => {
    const query = {
      expr: 'up',
      filter: { kinds: ['deploy'] },
      hide: true,
      editorMode: 'code',
    } as Partial<TidemarkQuery>;
    const { last, onRunQuery } = setUp(query);
    for (const [label, queryType] of [
      ['Changes', 'changes'],
      ['Last change', 'last'],
      ['Flags', 'flags'],
      ['Timeline', 'timeline'],
      ['Metrics', 'metrics'],
    ] as const) {
      await person.click(typeSwitch(label));
      expect(last()).toEqual({ refId: 'A', ...query, queryType });
    }
    expect(onRunQuery).toHaveBeenCalledTimes(5);
  });

  it('says what a type gives', async () => {
    setUp();
    await person.click(typeSwitch('Last change'));
    expect(screen.getByText(/newest change that had begun/)).toBeInTheDocument();
  });
});

describe('alert rules', () => {
  it.each([CoreApp.CloudAlerting, CoreApp.UnifiedAlerting])('have metrics only in %s', (app) => {
    setUp({ expr: 'up' }, app);
    expect(screen.queryByLabelText('Changes')).not.toBeInTheDocument();
    expect(screen.queryByLabelText('Both')).not.toBeInTheDocument();
    expect(screen.queryByLabelText('Draw changes')).not.toBeInTheDocument();
    expect(screen.getByLabelText('Instant')).toBeInTheDocument();
  });

  it('say why a query of another type gives nothing to compare', () => {
    setUp({ queryType: 'changes' }, CoreApp.UnifiedAlerting);
    expect(screen.getByText(/can't use a query of the type Changes/)).toBeInTheDocument();
  });
});

describe('metrics', () => {
  it('takes an expression when the field is left', async () => {
    const { last, onRunQuery } = setUp();
    const content = await screen.findByTestId('promql-content');
    const view = EditorView.findFromDOM(content) as EditorView;
    act(() => view.dispatch({ changes: { from: 0, insert: 'rate(a[$__rate_interval])' } }));
    expect(onRunQuery).not.toHaveBeenCalled();
    fireEvent.blur(content);
    expect(last()).toEqual({ refId: 'A', expr: 'rate(a[$__rate_interval])' });
    expect(onRunQuery).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['Range', { range: true, instant: false }],
    ['Instant', { range: false, instant: true }],
    ['Both', { range: true, instant: true }],
  ])('is evaluated as %s', async (name, want) => {
    const { last } = setUp({ range: name === 'Range' ? false : undefined, instant: name === 'Range' });
    await person.click(screen.getByLabelText(name));
    expect(last()).toMatchObject(want);
  });

  it.each([
    [{}, 'Range'],
    [{ instant: true }, 'Instant'],
    [{ instant: true, range: false }, 'Instant'],
    [{ instant: true, range: true }, 'Both'],
  ])('shows %j as %s', (query, name) => {
    setUp(query);
    expect(screen.getByLabelText(name)).toBeChecked();
  });

  it.each([
    ['Auto', { legendFormat: '__auto' }],
    ['Custom', { legendFormat: '{{label_name}}' }],
  ])('names series: %s', async (name, want) => {
    const { last } = setUp();
    await choose('Legend', new RegExp(name));
    expect(last()).toMatchObject(want);
  });

  it('takes a legend of its own', async () => {
    const { last } = setUp({ legendFormat: '{{job}}' });
    const field = screen.getByLabelText('Legend format');
    await person.clear(field);
    await person.type(field, '{{{{instance}}{Enter}');
    expect(last()).toMatchObject({ legendFormat: '{{instance}}' });
  });

  it('takes a least step, and says what one looks like', async () => {
    const { last } = setUp();
    await person.type(screen.getByLabelText('Min step'), '30s{Enter}');
    expect(last()).toMatchObject({ interval: '30s' });
    await person.type(screen.getByLabelText('Min step'), 'ec{Enter}');
    expect(screen.getByText(/A duration such as 30s or 1h30m/)).toBeInTheDocument();
  });

  it('takes a format', async () => {
    const { last } = setUp();
    await choose('Format', 'Heatmap');
    expect(last()).toMatchObject({ format: 'heatmap' });
  });

  it('turns the changes off for a query, and back on', async () => {
    const { last } = setUp();
    await person.click(screen.getByLabelText('Draw changes'));
    expect(last().overlay).toBe(false);
    await person.click(screen.getByLabelText('Draw changes'));
    expect(last().overlay).toBeUndefined();
  });

  it('asks for exemplars', async () => {
    const { last } = setUp();
    await person.click(screen.getByLabelText('Exemplars'));
    expect(last().exemplar).toBe(true);
  });
});

describe('changes', () => {
  it('selects by values of the log and by variables', async () => {
    const { last } = setUp({ queryType: 'changes' });
    await choose('Services', 'web');
    expect(getResource).toHaveBeenCalledWith('changes/values/services');
    expect(last().filter).toEqual({ services: ['web'] });
    await person.click(await screen.findByText('$service', { selector: '[role=option] *' }));
    expect(last().filter).toEqual({ services: ['web', '$service'] });
  });

  it('takes a value that the log does not have, also when the server can not be asked', async () => {
    getResource.mockRejectedValue(new Error('502'));
    const { last } = setUp({ queryType: 'changes' });
    await person.type(screen.getByLabelText('Kinds'), 'dns');
    await person.click(await screen.findByText(/dns/, { selector: '[role=option] *' }));
    expect(last().filter).toEqual({ kinds: ['dns'] });
  });

  it('takes labels and text', async () => {
    const { last } = setUp({ queryType: 'changes', filter: { labels: { team: 'a' } } });
    await person.type(screen.getByLabelText('Labels'), 'region=eu=1');
    await person.click(await screen.findByText(/region=eu=1/, { selector: '[role=option] *' }));
    expect(last().filter).toEqual({ labels: { team: 'a', region: 'eu=1' } });
    await person.type(screen.getByLabelText('Text'), 'rollback{Enter}');
    expect(last().filter).toEqual({ labels: { team: 'a', region: 'eu=1' }, text: 'rollback' });
  });

  it('has no filter left when its last field is emptied', async () => {
    const { last } = setUp({ queryType: 'changes', filter: { text: 'a' } });
    await person.clear(screen.getByLabelText('Text'));
    await person.tab();
    expect(last().filter).toBeUndefined();
  });

  it.each([
    ['50', 50],
    ['20000', 10000],
    ['0', undefined],
  ])('limits to %s', async (typed, want) => {
    const { last } = setUp({ queryType: 'changes', limit: 7 });
    const field = screen.getByLabelText('Limit');
    await person.clear(field);
    await person.type(field, `${typed}{Enter}`);
    expect(last().limit).toBe(want);
  });

  it('comes as annotations', async () => {
    const { last } = setUp({ queryType: 'changes' });
    await choose('As', /Annotations/);
    expect(last().as).toBe('annotations');
    expect(screen.queryByLabelText('Limit')).not.toBeInTheDocument();
  });
});

it('gives the last change of each service', async () => {
  const { last } = setUp({ queryType: 'last' });
  await person.click(screen.getByLabelText('Per service'));
  expect(last().per).toBe('service');
  await person.click(screen.getByLabelText('Per service'));
  expect(last().per).toBeUndefined();
});

it('gives the timeline of flags', async () => {
  const { last } = setUp({ queryType: 'timeline' });
  expect(screen.getByLabelText('Versions')).toBeChecked();
  await person.click(screen.getAllByLabelText('Flags')[1]);
  expect(last().of).toBe('flags');
});
