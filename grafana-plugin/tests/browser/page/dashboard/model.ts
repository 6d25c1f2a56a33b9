import type { DataTransformerConfig, FieldConfigSource, ReduceDataOptions } from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';

/** Grafana's model of a dashboard, as far as ours use it. */
export interface DashboardModel {
  uid: string;
  title: string;
  description: string;
  time: { from: string; to: string };
  templating: { list: VariableModel[] };
  panels: PanelModel[];
}

export interface VariableModel {
  name: string;
  label: string;
  type: 'datasource' | 'custom' | 'textbox' | 'query';
  query: any;
  includeAll: boolean;
  allValue?: string;
  sort?: number;
  current: { text: string; value: string };
}

export interface PanelModel {
  id: number;
  type: string;
  title: string;
  description: string;
  gridPos: { h: number; w: number; x: number; y: number };
  interval?: string;
  targets: Target[];
  transformations?: DataTransformerConfig[];
  fieldConfig: FieldConfigSource;
  options: PanelOptions;
}

export interface Target {
  refId: string;
  queryType?: string;
  expr?: string;
  legendFormat?: string;
}

/** The options of all types of panel together. */
export interface PanelOptions {
  reduceOptions?: ReduceDataOptions;
  legend?: VizLegendOptions;
  [name: string]: any;
}
