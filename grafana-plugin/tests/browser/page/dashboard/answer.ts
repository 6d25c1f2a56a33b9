import {
  FieldType,
  getFieldDisplayName,
  LoadingState,
  rangeUtil,
  stringToJsRegex,
  transformDataFrame,
  type DataFrame,
  type DataSourceApi,
  type DataTransformerConfig,
  type PanelData,
  type TimeRange,
} from '@grafana/data';
import { filter, firstValueFrom, lastValueFrom } from 'rxjs';

import { panelData, panelRequest } from '../request';
import { templateSrv } from '../templateSrv';
import { unknownOptions } from './fieldConfig';
import type { PanelModel, Target } from './model';

/** What a panel's queries answered with, and what is wrong with it. */
export interface Answer {
  data: PanelData;
  /** After the panel's transformations. */
  frames: DataFrame[];
  /** The queries that answered with nothing to show. */
  empty: string[];
  /** What the panel's JSON names and the answer does not have. */
  missing: string[];
}

/** Asks the queries of a panel as Grafana does, and transforms what comes back. */
export async function answerOf(
  source: DataSourceApi<any, any>,
  panel: PanelModel,
  range: TimeRange,
  width: number
): Promise<Answer> {
  const request = panelRequest(panel.targets, range, Math.round(width));
  const { interval, intervalMs } = rangeUtil.calculateInterval(range, request.maxDataPoints!, panel.interval || '10s');
  Object.assign(request, { interval, intervalMs, panelId: panel.id, panelPluginId: panel.type });
  Object.assign(request.scopedVars, {
    __interval: { text: interval, value: interval },
    __interval_ms: { text: String(intervalMs), value: intervalMs },
  });
  const data = await firstValueFrom(
    panelData(source, request).pipe(filter(({ state }) => state === LoadingState.Done || state === LoadingState.Error))
  );
  const missing = [...unknownOptions(panel.fieldConfig), ...panel.targets.flatMap((target) => legendOf(target, data))];
  let frames = data.series;
  for (const transformation of panel.transformations ?? []) {
    missing.push(...absent(namedBy(transformation), frames));
    frames = await lastValueFrom(
      transformDataFrame([transformation], frames, { interpolate: (text) => templateSrv.replace(text) })
    );
  }
  missing.push(...overridden(panel, frames), ...reduced(panel, frames));
  return { data, frames, missing, empty: panel.targets.filter((target) => !hasData(target, data)).map(refId) };
}

const refId = (target: Target) => target.refId;

function hasData({ refId }: Target, { series }: PanelData): boolean {
  return series
    .filter((frame) => frame.refId === refId)
    .some((frame) =>
      frame.fields.some(
        ({ type, values }) =>
          type !== FieldType.time &&
          values.some((value) => value !== null && value !== undefined && !Number.isNaN(value))
      )
    );
}

/** The labels that a legend shows and no series has. */
function legendOf({ refId, legendFormat = '' }: Target, { series }: PanelData): string[] {
  const frames = series.filter((frame) => frame.refId === refId && frame.length > 0);
  const labels = [...templateSrv.replace(legendFormat).matchAll(/\{\{\s*(.+?)\s*\}\}/g)].map(([, label]) => label!);
  return frames.length === 0
    ? []
    : labels
        .filter((label) => !frames.some(({ fields }) => fields.some((field) => field.labels?.[label])))
        .map((label) => `the label ${label} of the legend of ${refId}`);
}

/** The fields that a transformation names. */
function namedBy({ id, options }: DataTransformerConfig): string[] {
  switch (id) {
    case 'organize':
      return [options.excludeByName, options.indexByName, options.renameByName].flatMap(Object.keys);
    case 'filterFieldsByName':
      return options.include.names;
    case 'groupBy':
      return Object.keys(options.fields);
    case 'sortBy':
      return options.sort.map(({ field }: { field: string }) => field);
    default:
      throw new Error(`what ${id} names is not known here`);
  }
}

function absent(names: string[], frames: DataFrame[]): string[] {
  const there = namesOf(frames);
  return [...new Set(names)].filter((name) => !there.includes(name)).map((name) => `the field ${name}`);
}

/** The overrides that match no field. */
function overridden({ fieldConfig }: PanelModel, frames: DataFrame[]): string[] {
  const there = namesOf(frames);
  return fieldConfig.overrides
    .map(({ matcher }) => matcher)
    .filter(({ id, options }) => {
      switch (id) {
        case 'byName':
          return !there.includes(options);
        case 'byRegexp':
          return !there.some((name) => stringToJsRegex(options).test(name));
        default:
          return true;
      }
    })
    .map(({ options }) => `the field ${options} of an override`);
}

/** The fields that a number is made of, where the panel names them: each alternative of its pattern. */
function reduced({ options }: PanelModel, frames: DataFrame[]): string[] {
  const names = /^\/\^\((.+)\)\$\/$/.exec(options.reduceOptions?.fields ?? '')?.[1]?.split('|') ?? [];
  return absent(names, frames);
}

function namesOf(frames: DataFrame[]): string[] {
  return frames.flatMap((frame) => frame.fields.map((field) => getFieldDisplayName(field, frame, frames)));
}
