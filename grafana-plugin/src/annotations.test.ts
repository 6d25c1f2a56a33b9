import { FieldType, toDataFrame, type AnnotationQuery, type DataFrame } from '@grafana/data';
import { lastValueFrom } from 'rxjs';

import { annotationSupport } from './annotations';
import type { TidemarkQuery } from './types';

type Annotation = AnnotationQuery<TidemarkQuery>;

function annotation(part: Partial<Annotation> = {}): Annotation {
  return { name: 'Deploys', enable: true, iconColor: 'blue', ...part };
}

function prepared(part: Partial<Annotation> = {}): TidemarkQuery | undefined {
  const { prepareAnnotation, prepareQuery } = annotationSupport;
  return prepareQuery!(prepareAnnotation!(annotation(part)));
}

function events(part: Partial<Annotation>, ...frames: DataFrame[]) {
  return lastValueFrom(annotationSupport.processEvents!(annotation(part), frames));
}

describe('what is asked', () => {
  test.each<[string, Partial<Annotation>, Partial<TidemarkQuery>]>([
    ['a new annotation asks all changes', {}, { queryType: 'changes', as: 'annotations', filter: {} }],
    [
      'a selection stays',
      { target: { refId: 'Anno', queryType: 'changes', filter: { kinds: ['deploy'] } } },
      { queryType: 'changes', as: 'annotations', filter: { kinds: ['deploy'] } },
    ],
    [
      'an empty target is a new one',
      { target: { refId: 'Anno' } as TidemarkQuery },
      { queryType: 'changes', as: 'annotations' },
    ],
    ['one of Prometheus, old', { expr: 'up == 0', step: '1m' }, { expr: 'up == 0', interval: '1m', range: true }],
    [
      'one of Prometheus, new',
      { expr: 'old', target: { refId: 'x', expr: 'up == 0', interval: '30s' } },
      { refId: 'Anno', expr: 'up == 0', interval: '30s', range: true, instant: false },
    ],
    [
      'one of Prometheus whose expression was taken away',
      { expr: 'old', target: { refId: 'Anno', expr: '' } },
      { queryType: 'changes', as: 'annotations' },
    ],
  ])('%s', (_name, part, want) => {
    expect(prepared(part)).toMatchObject(want);
  });
});

test('each row of the changes is an event that nobody can edit', async () => {
  const frame = toDataFrame({
    name: 'changes',
    fields: [
      { name: 'time', type: FieldType.time, values: [1000, 2000, 3000] },
      { name: 'timeEnd', type: FieldType.time, values: [1000, 5000, null] },
      { name: 'title', type: FieldType.string, values: ['deploy web v42', 'incident', 'deploy api v7'] },
      { name: 'text', type: FieldType.string, values: ['<b>x</b>', '', ''] },
      { name: 'tags', type: FieldType.other, values: [['deploy', 'web'], [], null] },
      { name: 'isRegion', type: FieldType.boolean, values: [false, true, false] },
      { name: 'status', type: FieldType.string, values: ['failed', 'succeeded', 'lost'] },
    ],
  });
  expect(await events({}, frame)).toEqual([
    {
      id: 0,
      time: 1000,
      timeEnd: 1000,
      isRegion: false,
      title: 'deploy web v42',
      text: '<b>x</b>',
      tags: ['deploy', 'web'],
      newState: 'alerting',
    },
    expect.objectContaining({ time: 2000, timeEnd: 5000, isRegion: true, newState: undefined }),
    expect.objectContaining({ time: 3000, timeEnd: 3000, tags: [], newState: 'no_data' }),
  ]);
});

describe('the events of a series', () => {
  const series = (values: Array<number | null>, times = values.map((_v, index) => index * 1000)) =>
    toDataFrame({
      fields: [
        { name: 'Time', type: FieldType.time, values: times, config: { interval: 1000 } },
        {
          name: 'Value',
          type: FieldType.number,
          values,
          labels: { alertname: 'Down', job: 'api' },
          config: { displayNameFromDS: 'Down of api' },
        },
      ],
    });

  test.each<[string, DataFrame, Array<[number, number]>]>([
    ['a run is a region', series([0, 1, 1, 1, 0]), [[1000, 3000]]],
    ['a single sample is an instant', series([0, 1, 0]), [[1000, 1000]]],
    [
      'two runs',
      series([1, 1, 0, 1]),
      [
        [0, 1000],
        [3000, 3000],
      ],
    ],
    [
      'what is missing parts',
      series([1, null, 1]),
      [
        [0, 0],
        [2000, 2000],
      ],
    ],
    [
      'a gap parts',
      series([1, 1, 1], [0, 1000, 9000]),
      [
        [0, 1000],
        [9000, 9000],
      ],
    ],
    ['nothing', series([0, null]), []],
    ['a frame without time', toDataFrame({ fields: [{ name: 'a', values: [1] }] }), []],
  ])('%s', async (_name, frame, want) => {
    const found = (await events({ expr: 'up' }, frame)) ?? [];
    expect(found.map(({ time, timeEnd }) => [time, timeEnd])).toEqual(want);
    expect(found.every(({ time, timeEnd, isRegion }) => isRegion === (time !== timeEnd))).toBe(true);
  });

  test('the values can be the times', async () => {
    const frame = series([70_000, 70_000, null, 95_000]);
    expect(await events({ useValueForTime: 'on' }, frame)).toMatchObject([
      { time: 70_000, timeEnd: 70_000, isRegion: false },
      { time: 95_000, timeEnd: 95_000, isRegion: false },
    ]);
  });

  test('templates and tags', async () => {
    const part = { titleFormat: '{{alertname}}!', textFormat: 'of {{ job }}{{none}}', tagKeys: 'job, none' };
    expect(await events(part, series([1]))).toMatchObject([{ title: 'Down!', text: 'of api', tags: ['api'], id: 0 }]);
    expect(await events({}, series([1]))).toMatchObject([{ title: 'Down of api', text: '', tags: [] }]);
  });
});
