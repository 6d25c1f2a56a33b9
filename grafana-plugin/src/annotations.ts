import type { AnnotationEvent, AnnotationQuery, AnnotationSupport, DataFrame, Field } from '@grafana/data';
import { of } from 'rxjs';

import { AnnotationEditor } from './components/AnnotationEditor';
import { isAboutSeries, seriesEvents, seriesTarget } from './seriesEvents';
import type { TidemarkQuery } from './types';

/** Registers annotation queries with Grafana: changes by default, and series where a query was written for Prometheus. */
export const annotationSupport: AnnotationSupport<TidemarkQuery> = {
  QueryEditor: AnnotationEditor,

  // What an annotation lacks is put in here: getDefaultQuery reaches the query in one place and the annotation in another.
  prepareAnnotation(json: AnnotationQuery<TidemarkQuery>) {
    const target = isAboutSeries(json) ? seriesTarget(json) : changesTarget(json.target);
    return { ...json, target };
  },

  prepareQuery: (annotation) => annotation.target,

  processEvents: (annotation, frames) =>
    of(frames.flatMap((frame) => (isChanges(frame) ? changeEvents(frame) : seriesEvents(annotation, frame)))),
};

function changesTarget(target: TidemarkQuery | undefined): TidemarkQuery {
  return { refId: 'Anno', filter: {}, ...target, queryType: 'changes', as: 'annotations' };
}

function isChanges(frame: DataFrame): boolean {
  return frame.fields.some(({ name }) => name === 'title') && frame.fields.some(({ name }) => name === 'time');
}

/** Grafana paints every event in the annotation's own colour; what went wrong keeps a colour of its own by a state. */
const states: Record<string, string | undefined> = {
  failed: 'alerting',
  cancelled: 'no_data',
  lost: 'no_data',
};

function changeEvents(frame: DataFrame): AnnotationEvent[] {
  const fields = new Map(frame.fields.map((field) => [field.name, field]));
  const at = <T>(name: string, row: number) => (fields.get(name) as Field<T> | undefined)?.values[row];
  return Array.from({ length: frame.length }, (_, row) => {
    const time = at<number>('time', row);
    const timeEnd = at<number>('timeEnd', row);
    return {
      // A number that is not an id of Grafana's own: such an event can't be edited, and events are not taken for one another.
      id: 0 as unknown as string,
      time,
      timeEnd: timeEnd ?? time,
      isRegion: at<boolean>('isRegion', row) ?? false,
      title: at<string>('title', row),
      text: at<string>('text', row),
      tags: at<string[]>('tags', row) ?? [],
      newState: states[at<string>('status', row) ?? ''],
    };
  });
}
