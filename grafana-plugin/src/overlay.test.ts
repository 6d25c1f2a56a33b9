import { CoreApp, DataTopic, FieldType, LoadingState, type DataFrame, type DataQueryRequest } from '@grafana/data';

import { overlaid, overlayRefId, overlayTarget, settle } from './overlay';
import { annotationRequest, panelRequest } from './test/requests';
import type { OverlaySettings, TidemarkQuery } from './types';

type Part = Partial<DataQueryRequest<TidemarkQuery>>;

function targets(...parts: Array<Partial<TidemarkQuery>>): Part {
  return { targets: parts.map((part, index) => ({ refId: 'ABC'[index], expr: 'up', ...part })) };
}

describe('overlaid', () => {
  test.each<[string, Part, OverlaySettings | undefined, string[]]>([
    ['a panel', {}, undefined, ['A']],
    ['settings without a word', {}, {}, ['A']],
    ['switched off', {}, { enabled: false }, []],
    ['a query opts out', targets({ overlay: false }, {}), {}, ['B']],
    ['all queries opt out', targets({ overlay: false }), {}, []],
    ['hidden', targets({ hide: true }, {}), {}, ['B']],
    ['instant', targets({ instant: true }), {}, []],
    ['range and instant', targets({ range: true, instant: true }), {}, ['A']],
    ['neither is range', targets({ range: false, instant: false }), {}, ['A']],
    ['a table', targets({ format: 'table' }), {}, []],
    ['a heatmap', targets({ format: 'heatmap' }), {}, ['A']],
    ['nothing typed yet', targets({ expr: ' ' }), {}, []],
    ['changes as data', targets({ queryType: 'changes' }, { queryType: 'last' }), {}, []],
    ['a word from elsewhere is metrics', targets({ queryType: 'range' as 'metrics' }), {}, ['A']],
    ['a stat panel', { panelPluginId: 'stat' }, {}, []],
    ['a table panel', { panelPluginId: 'table' }, {}, []],
    ['a panel from elsewhere', { panelPluginId: 'acme-graph-panel' }, {}, ['A']],
    ['Explore', { app: CoreApp.Explore, panelPluginId: undefined }, {}, ['A']],
    ['the panel editor', { app: CoreApp.PanelEditor }, {}, ['A']],
    ['alerting', { app: CoreApp.UnifiedAlerting }, {}, []],
    ['the cloud alerting', { app: CoreApp.CloudAlerting }, {}, []],
    ['correlations', { app: CoreApp.Correlations }, {}, []],
    ['who does not say', { app: undefined as unknown as string }, {}, []],
  ])('%s', (_name, part, settings, want) => {
    expect(overlaid(panelRequest(part), settings, false).map(({ refId }) => refId)).toEqual(want);
  });

  test('an annotation query about series has none', () => {
    expect(overlaid(annotationRequest({ name: 'Up' }, { queryType: 'metrics', expr: 'up' }), {}, false)).toEqual([]);
  });

  test('a panel that is edited may become one that draws', () => {
    expect(overlaid(panelRequest({ panelPluginId: 'stat' }), {}, true)).toHaveLength(1);
  });
});

test.each<[string, Parameters<typeof overlayTarget>, TidemarkQuery]>([
  ['a panel', [['up'], [], 'dashboard'], { refId: overlayRefId, queryType: 'overlay', exprs: ['up'] }],
  [
    'a panel of a dashboard with annotations',
    [['up'], [{ kinds: ['deploy'] }], 'dashboard'],
    { refId: overlayRefId, queryType: 'overlay', exprs: ['up'], except: [{ kinds: ['deploy'] }] },
  ],
  ['Explore', [['up'], [], 'explore'], { refId: overlayRefId, queryType: 'overlay', exprs: ['up'], logs: true }],
])('overlayTarget for %s', (_name, args, want) => {
  expect(overlayTarget(...args)).toEqual(want);
});

describe('settle', () => {
  const samples: DataFrame = {
    refId: 'A',
    length: 1,
    fields: [{ name: 'Value', type: FieldType.number, config: {}, values: [1] }],
  };
  const changes: DataFrame = { refId: overlayRefId, name: 'changes', length: 0, fields: [] };
  const lines: DataFrame = { ...changes, meta: { preferredVisualisationType: 'logs' } };

  test('the overlay is an annotation, and its notices are on the first series', () => {
    const notice = { severity: 'info' as const, text: '12 older changes are left out' };
    const { data } = settle({
      data: [samples, { ...samples, refId: 'B' }, { ...changes, meta: { notices: [notice] } }],
    });
    expect(data.map((frame) => frame.meta?.dataTopic)).toEqual([undefined, undefined, DataTopic.Annotations]);
    expect(data[0].meta.notices).toEqual([notice]);
    expect(data[1].meta).toBeUndefined();
    expect(samples.meta).toBeUndefined();
  });

  test('log lines stay data', () => {
    const { data } = settle({ data: [samples, changes, lines] });
    expect(data[2].meta).toEqual({ preferredVisualisationType: 'logs' });
  });

  test("a failing overlay is a notice, and not the panel's error", () => {
    const error = { refId: overlayRefId, message: 'the server is gone' };
    const settled = settle({ data: [samples], errors: [error], error, state: LoadingState.Error });
    expect(settled.error).toBeUndefined();
    expect(settled.errors).toBeUndefined();
    expect(settled.state).toBe(LoadingState.Done);
    expect(settled.data[0].meta.notices).toEqual([
      { severity: 'warning', text: 'Changes are not drawn: the server is gone' },
    ]);
  });

  test("the panel's own errors stay", () => {
    const own = { refId: 'A', message: 'parse error' };
    const error = { refId: overlayRefId, message: 'gone' };
    const settled = settle({ data: [], errors: [error, own], error, state: LoadingState.Error });
    expect(settled.error).toBe(own);
    expect(settled.errors).toEqual([own]);
    expect(settled.state).toBe(LoadingState.Error);
  });

  test('an error of the whole request stays', () => {
    const error = { message: 'Bad Gateway' };
    const settled = settle({ data: [], error, state: LoadingState.Error });
    expect(settled).toEqual({ data: [], error, state: LoadingState.Error });
  });
});
