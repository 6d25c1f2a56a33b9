import {
  CoreApp,
  LiveChannelEventType,
  LoadingState,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceInstanceSettings,
  type LiveChannelEvent,
} from '@grafana/data';
import {
  config,
  setBackendSrv,
  setDataSourceSrv,
  setGrafanaLiveSrv,
  type BackendSrv,
  type BackendSrvRequest,
  type DataSourceSrv,
  type GrafanaLiveSrv,
  type TemplateSrv,
} from '@grafana/runtime';
import { delay, lastValueFrom, of, Subject } from 'rxjs';

import { DataSource } from './datasource';
import { grace } from './drawn';
import { gather } from './live';
import { overlayRefId } from './overlay';
import { annotationRequest, panelRequest, start } from './test/requests';
import { template, type Variable } from './test/template';
import type { TidemarkOptions, TidemarkQuery } from './types';

const uid = 'tm';

/** How long, in milliseconds, the backend takes to answer. */
const latency = 20;

interface Sent {
  requestId?: string;
  queries: TidemarkQuery[];
}

function grafana(jsonData: Partial<TidemarkOptions> = {}, variables: Record<string, Variable> = {}) {
  const sent: Sent[] = [];
  const resources: BackendSrvRequest[] = [];
  const events = new Subject<LiveChannelEvent>();
  setBackendSrv({
    fetch(request: BackendSrvRequest) {
      if (request.url.startsWith('/api/ds/query')) {
        const { queries } = request.data as { queries: TidemarkQuery[] };
        sent.push({ requestId: request.requestId, queries });
        return of({ data: { results: Object.fromEntries(queries.map(result)) } }).pipe(delay(latency));
      }
      resources.push(request);
      return of({ data: { data: ['a', 'b'] } });
    },
  } as unknown as BackendSrv);
  setDataSourceSrv({ getInstanceSettings: () => settings } as unknown as DataSourceSrv);
  setGrafanaLiveSrv({ getStream: () => events } as unknown as GrafanaLiveSrv);
  config.liveEnabled = true;
  const settings = {
    id: 1,
    uid,
    name: 'Tidemark',
    type: 'tidemark-tidemark-datasource',
    meta: { id: 'tidemark-tidemark-datasource' },
    jsonData,
  } as DataSourceInstanceSettings<TidemarkOptions>;
  const datasource = new DataSource(settings, template(variables) as TemplateSrv);
  const open = (request: DataQueryRequest<TidemarkQuery>) => {
    const got: DataQueryResponse[] = [];
    const subscription = datasource.query(request).subscribe((response) => got.push(response));
    return { got, close: () => subscription.unsubscribe() };
  };
  return { datasource, sent, resources, events, open };
}

function result({ refId }: TidemarkQuery) {
  const frame = {
    schema: { refId, fields: [{ name: 'time', type: 'time' }] },
    data: { values: [[start]] },
  };
  return [refId, { frames: [frame], status: 200 }];
}

function refIds({ queries }: Sent): string[] {
  return queries.map(({ refId }) => refId);
}

function recorded(): LiveChannelEvent {
  return { type: LiveChannelEventType.Message, message: { data: { values: [[1]] } } };
}

beforeEach(() => jest.useFakeTimers({ now: start }));
afterEach(() => jest.useRealTimers());

describe('a panel', () => {
  test('gets its changes in the request that gets its samples, with everything filled in', () => {
    const { open, sent } = grafana({}, { job: { value: ['web', 'api'], multi: true } });
    const panel = open(
      panelRequest({
        filters: [{ key: 'env', operator: '=', value: 'prod' }],
        targets: [
          { refId: 'A', expr: 'rate(errors{job=~"$job"}[$__rate_interval])', legendFormat: '{{job}}' },
          { refId: 'B', expr: 'hidden', hide: true },
          { refId: 'C', expr: '' },
        ],
      })
    );
    jest.advanceTimersByTime(latency);
    const expr = 'rate(errors{job=~"(web|api)", env="prod"}[$__rate_interval])';
    expect(sent).toHaveLength(1);
    expect(refIds(sent[0])).toEqual(['A', overlayRefId]);
    expect(sent[0].queries[0]).toMatchObject({ expr, legendFormat: '{{job}}' });
    expect(sent[0].queries[1]).toMatchObject({ queryType: 'overlay', exprs: [expr], datasource: { uid } });
    expect(panel.got).toHaveLength(1);
    expect(panel.got[0].state).toBe(LoadingState.Done);
    expect(panel.got[0].data.map((frame) => frame.meta?.dataTopic)).toEqual([undefined, 'annotations']);
  });

  test('shows a change within a second of its recording', () => {
    const { open, sent, events } = grafana();
    const panel = open(panelRequest());
    jest.advanceTimersByTime(latency);
    events.next(recorded());
    jest.advanceTimersByTime(gather + latency);
    expect(sent.map(refIds)).toEqual([['A', overlayRefId], [overlayRefId]]);
    expect(panel.got).toHaveLength(2);
    expect(panel.got[1].data).toHaveLength(2);
    panel.close();
    expect(events.observed).toBe(true);
    jest.advanceTimersByTime(60_000);
    expect(events.observed).toBe(false);
  });

  test('draws nothing where that is switched off', () => {
    const { open, sent } = grafana({ overlay: { enabled: false } });
    open(panelRequest());
    expect(sent.map(refIds)).toEqual([['A']]);
  });

  test.each([CoreApp.UnifiedAlerting, CoreApp.CloudAlerting])('an alert rule is asked as it stands: %s', (app) => {
    const { open, sent, events } = grafana();
    open(panelRequest({ app }));
    jest.advanceTimersByTime(latency);
    events.next(recorded());
    jest.advanceTimersByTime(gather + latency);
    expect(sent.map(refIds)).toEqual([['A']]);
  });

  test('of changes alone has no overlay, and is live', () => {
    const { open, sent, events } = grafana();
    open(panelRequest({ panelPluginId: 'table', targets: [{ refId: 'A', queryType: 'changes' }] }));
    jest.advanceTimersByTime(latency);
    events.next(recorded());
    jest.advanceTimersByTime(gather + latency);
    expect(sent.map(refIds)).toEqual([['A'], ['A']]);
  });

  test('of Grafana without Live is asked once', () => {
    const { open, sent, events } = grafana();
    config.liveEnabled = false;
    open(panelRequest());
    jest.advanceTimersByTime(latency);
    expect(events.observed).toBe(false);
    expect(sent).toHaveLength(1);
  });
});

describe('with an annotation query each change is drawn once', () => {
  const deploys = { kinds: ['deploy'] };
  const annotation = () => annotationRequest({ name: 'Deploys' }, { filter: deploys });
  const excepts = (sent: Sent[]) =>
    sent.flatMap(({ queries }) => queries.filter(({ refId }) => refId === overlayRefId).map(({ except }) => except));

  test('that started before the panel', () => {
    const { open, sent } = grafana();
    open(annotation());
    open(panelRequest());
    jest.advanceTimersByTime(latency);
    expect(excepts(sent)).toEqual([[deploys]]);
  });

  test('that starts while the panel is asked', () => {
    const { open, sent } = grafana();
    const panel = open(panelRequest());
    open(annotation());
    jest.advanceTimersByTime(2 * latency);
    expect(excepts(sent)).toEqual([undefined, [deploys]]);
    // Not for a moment is there a change twice.
    expect(panel.got.map(({ data }) => data.map(({ refId }) => refId))).toEqual([['A'], ['A', overlayRefId]]);
  });

  test('that is switched on, and off again', () => {
    const { open, sent } = grafana();
    open(panelRequest());
    jest.advanceTimersByTime(latency);
    const layer = open(annotation());
    jest.advanceTimersByTime(latency);
    layer.close();
    jest.advanceTimersByTime(grace + latency);
    expect(excepts(sent)).toEqual([undefined, [deploys], undefined]);
  });

  test('that refreshes with the dashboard, in any order', () => {
    const { open, sent } = grafana();
    let layer = open(annotation());
    let panel = open(panelRequest());
    jest.advanceTimersByTime(latency);
    for (let i = 0; i < 3; i++) {
      layer.close();
      panel.close();
      panel = open(panelRequest());
      layer = open(annotation());
      jest.advanceTimersByTime(10 * grace);
    }
    expect(excepts(sent)).toEqual([[deploys], [deploys], [deploys], [deploys]]);
  });

  test('that stays away from the panel, or belongs to another dashboard, leaves the overlay alone', () => {
    const { open, sent } = grafana();
    open(annotationRequest({ name: 'Elsewhere', filter: { ids: [99] } }));
    open({ ...annotation(), dashboardUID: 'other' });
    open(panelRequest());
    expect(excepts(sent)).toEqual([undefined]);
  });

  test('whose variables have values by the time', () => {
    const { open, sent } = grafana({}, { service: { value: 'web' } });
    open(annotationRequest({ name: 'Deploys' }, { filter: { services: ['$service'] } }));
    open(panelRequest());
    expect(excepts(sent)).toEqual([[{ services: ['web'] }]]);
  });

  test('is live itself', () => {
    const { open, sent, events } = grafana();
    open(annotation());
    jest.advanceTimersByTime(latency);
    events.next(recorded());
    jest.advanceTimersByTime(gather + latency);
    expect(sent.map(refIds)).toEqual([['Anno'], ['Anno']]);
  });

  test('and its preview in the editor ends, and counts for nothing', async () => {
    const { datasource, open, sent } = grafana();
    const preview = annotation();
    delete preview.scopedVars.__sceneObject;
    const answered = lastValueFrom(datasource.query(preview));
    jest.advanceTimersByTime(latency);
    await answered;
    open(panelRequest());
    expect(excepts(sent)).toEqual([undefined]);
  });
});

test('Explore gets the changes as log lines too, and ends', async () => {
  const { datasource, sent, events } = grafana();
  const answered = lastValueFrom(datasource.query(panelRequest({ app: CoreApp.Explore, panelPluginId: undefined })));
  jest.advanceTimersByTime(latency);
  await answered;
  expect(sent[0].queries[1]).toMatchObject({ queryType: 'overlay', logs: true });
  expect(events.observed).toBe(false);
});

describe('queries', () => {
  test.each<[CoreApp, Partial<TidemarkQuery>]>([
    [CoreApp.Explore, { legendFormat: '__auto', range: true, instant: true }],
    [CoreApp.UnifiedAlerting, { range: false, instant: true }],
    [CoreApp.CloudAlerting, { range: false, instant: true }],
    [CoreApp.Dashboard, { legendFormat: '__auto', range: true }],
  ])('by default in %s', (app, want) => {
    expect(grafana().datasource.getDefaultQuery(app)).toEqual({ expr: '', ...want });
  });

  test.each<[Partial<TidemarkQuery>, boolean]>([
    [{}, false],
    [{ expr: ' ' }, false],
    [{ expr: 'up' }, true],
    [{ queryType: 'metrics', expr: '' }, false],
    [{ queryType: 'last' }, true],
  ])('filterQuery %j', (part, want) => {
    expect(grafana().datasource.filterQuery({ refId: 'A', ...part })).toBe(want);
  });

  test('Explore, and server side expressions, get them interpolated and with their data source', () => {
    const { datasource } = grafana({}, { job: { value: 'web' } });
    const query: TidemarkQuery = { refId: 'A', expr: 'up{job="$job"}', interval: '$__interval', hide: true };
    expect(datasource.interpolateVariablesInQueries([query], {}, [{ key: 'a', operator: '=', value: 'b' }])).toEqual([
      { ...query, expr: 'up{job="web", a="b"}', datasource: datasource.getRef() },
    ]);
  });

  test('of changes follow the ad-hoc filters that name a service', () => {
    const { datasource } = grafana();
    const filters = [{ key: 'service', operator: '=', value: 'web' }];
    expect(datasource.applyTemplateVariables({ refId: 'A', queryType: 'flags' }, {}, filters).filter).toMatchObject({
      services: ['web'],
    });
  });

  test('filters are added by what a person clicks on', () => {
    const { datasource } = grafana();
    const options = { key: 'job', value: 'web' };
    const query: TidemarkQuery = { refId: 'A', expr: 'up' };
    expect(datasource.modifyQuery(query, { type: 'ADD_FILTER', options }).expr).toBe('up{job="web"}');
    expect(datasource.modifyQuery(query, { type: 'ADD_FILTER_OUT', options }).expr).toBe('up{job!="web"}');
    expect(datasource.modifyQuery(query, { type: 'ADD_STRING_FILTER', options })).toBe(query);
  });
});

describe('ad-hoc filters', () => {
  const filters = [
    { key: 'job', operator: '=', value: 'web' },
    { key: 'code', operator: '!=', value: '200' },
  ];

  test('keys are those of the series that the other filters leave', async () => {
    const { datasource, resources } = grafana();
    const { range } = panelRequest();
    expect(await datasource.getTagKeys({ filters, timeRange: range })).toEqual([{ text: 'a' }, { text: 'b' }]);
    expect(resources[0].url).toBe(`/api/datasources/uid/${uid}/resources/api/v1/labels`);
    expect(resources[0].params).toMatchObject({ 'match[]': '{job="web", code!="200"}', end: start / 1000 });
  });

  test('values are not narrowed by their own key, and a selector never selects everything', async () => {
    const { datasource, resources } = grafana();
    await datasource.getTagValues({ key: 'job', filters });
    expect(resources[0].url).toContain('/resources/api/v1/label/job/values');
    expect(resources[0].params).toEqual({ 'match[]': '{__name__=~".+", code!="200"}' });
    await datasource.getTagValues({ key: 'job', filters: [] });
    // What another filter can't say is that one's error, when it is asked.
    await datasource.getTagValues({ key: 'job', filters: [{ key: 'le', operator: '<', value: '1' }] });
    expect(resources[1].params).toEqual({});
  });
});

test('a resource that fails is for who asked for it to show', async () => {
  const { datasource, resources } = grafana();
  await datasource.getResource('api/v1/labels', { limit: 1 });
  expect(resources[0]).toMatchObject({ showErrorAlert: false, params: { limit: 1 } });
});

test('the least interval is how often is scraped', () => {
  expect(grafana().datasource.interval).toBe('15s');
  expect(grafana({ timeInterval: '1m' }).datasource.interval).toBe('1m');
});
