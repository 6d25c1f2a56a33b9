import { FieldType, type AnnotationEvent, type AnnotationQuery, type DataFrame, type Labels } from '@grafana/data';

import type { TidemarkQuery } from './types';

/** How far apart, in steps, two samples of one event may be. A rounded step must not part them. */
const slack = 1.5;

/**
 * Whether an annotation is about series. One that was written for Grafana's Prometheus data source is, whether its query lies in the
 * annotation itself, as it once did, or in a target.
 */
export function isAboutSeries({ target, expr }: AnnotationQuery<TidemarkQuery>): boolean {
  return Boolean(target ? target.expr : expr) && (!target?.queryType || target.queryType === 'metrics');
}

/** The query of an annotation about series. */
export function seriesTarget({ target, expr, step }: AnnotationQuery<TidemarkQuery>): TidemarkQuery {
  return { expr, interval: step, ...target, refId: 'Anno', range: true, instant: false };
}

/**
 * The events of a series: a region for each run of samples that are not zero. Titles and texts are templates in which
 * `{{label}}` stands for a label's value, as the annotation's settings have them; there it may also say that the values are the times.
 */
export function seriesEvents(annotation: AnnotationQuery<TidemarkQuery>, frame: DataFrame): AnnotationEvent[] {
  const time = frame.fields.find((field) => field.type === FieldType.time);
  if (!time) {
    return [];
  }
  const step = time.config.interval ?? 0;
  return frame.fields
    .filter((field) => field.type === FieldType.number)
    .flatMap(({ values, labels = {}, config }) =>
      runs(annotation.useValueForTime ? values : time.values, values, step).map(([from, to]) => ({
        id: 0 as unknown as string,
        time: from,
        timeEnd: to,
        isRegion: to !== from,
        title: fill(annotation.titleFormat, labels) || config.displayNameFromDS || frame.name,
        text: fill(annotation.textFormat, labels),
        tags: tagsOf(annotation.tagKeys, labels),
      }))
    );
}

function runs(times: number[], values: Array<number | null>, step: number): Array<[number, number]> {
  const found: Array<[number, number]> = [];
  times.forEach((at, index) => {
    if (!values[index]) {
      return;
    }
    const last = found.at(-1);
    if (last && values[index - 1] && at - last[1] <= step * slack) {
      last[1] = at;
    } else {
      found.push([at, at]);
    }
  });
  return found;
}

function fill(template: string | undefined, labels: Labels): string {
  return (template ?? '').replace(/\{\{\s*(.+?)\s*\}\}/g, (_all, label) => labels[label] ?? '');
}

function tagsOf(keys: string | undefined, labels: Labels): string[] {
  return (keys ?? '')
    .split(',')
    .map((key) => labels[key.trim()])
    .filter((value): value is string => Boolean(value));
}
