import type { DataQuery, DataSourceJsonData } from '@grafana/data';

/** What a query asks for. Absent, or a word that is not known, is `metrics`. */
export type QueryType = 'metrics' | 'changes' | 'last' | 'flags' | 'timeline' | 'overlay';

/** How the samples of a metrics query come back. */
export type MetricsFormat = 'time_series' | 'table' | 'heatmap';

/** How changes come back: as rows, as what annotates a graph, or as log lines. */
export type ChangesForm = 'table' | 'annotations' | 'logs';

/** Selects changes. An empty list selects all; the values of one list are alternatives, the lists must all hold. */
export interface Filter {
  kinds?: string[];
  services?: string[];
  environments?: string[];
  statuses?: string[];
  who?: string[];
  labels?: Record<string, string>;
  /** Every word must be somewhere in the change. */
  text?: string;
}

/** One target of a panel, of Explore, of an alert rule or of an annotation. */
export interface TidemarkQuery extends DataQuery {
  queryType?: QueryType;

  // metrics; the names are those of Grafana's Prometheus data source, so that a panel survives the switch between the two.
  expr?: string;
  legendFormat?: string;
  /** The least step, such as `30s`. */
  interval?: string;
  range?: boolean;
  instant?: boolean;
  exemplar?: boolean;
  format?: MetricsFormat;
  /** false: no changes are drawn for this query. */
  overlay?: boolean;

  // changes
  filter?: Filter;
  /** How many changes at most, 1000 by default and 10000 at most. */
  limit?: number;
  as?: ChangesForm;
  /** How annotations that lie close together are drawn; `clustered` by default. */
  mode?: 'clustered';

  // last
  /** A row for each service instead of one row. */
  per?: 'service';

  // timeline
  of?: 'versions' | 'flags';

  // overlay; written by the data source only, never by a person.
  /** The interpolated expressions of the range queries that a person sees. */
  exprs?: string[];
  /** What annotation queries of the same dashboard draw already. */
  except?: Filter[];
  /** Also the changes as log lines, for Explore. */
  logs?: boolean;
}

/** The settings of the overlay, for a whole data source. */
export interface OverlaySettings {
  /** Absent is on. */
  enabled?: boolean;
  /** Whether only the changes of the services and environments that a panel is about are drawn on it. Absent is on. */
  follow?: boolean;
  kinds?: string[];
  services?: string[];
  environments?: string[];
}

/** The settings that Grafana keeps as they are; the names from `tlsAuth` on are the plugin SDK's own. */
export interface TidemarkOptions extends DataSourceJsonData {
  /** How often is scraped: the floor of `$__interval` and the base of `$__rate_interval`; `15s` by default. */
  timeInterval?: string;
  /** How long a query may take; `60s` by default. */
  queryTimeout?: string;
  /** Where people's browsers reach the server, for links; the data source's URL by default. */
  publicUrl?: string;
  /** How many samples one result may hold, 1000000 by default; what is beyond is cut, and said to be. */
  maxPoints?: number;
  overlay?: OverlaySettings;
  /** The labels of a series that name its service; `service` and `service_name` by default. */
  serviceLabels?: string[];
  /** The labels of a series that name its environment; `environment` and `deployment_environment_name` by default. */
  environmentLabels?: string[];

  tlsAuth?: boolean;
  tlsAuthWithCACert?: boolean;
  tlsSkipVerify?: boolean;
  serverName?: string;
  /** Seconds. */
  timeout?: number;
  oauthPassThru?: boolean;
  keepCookies?: string[];
  /** `httpHeaderName1`, `httpHeaderName2` and so on; the values are secrets. */
  [header: `httpHeaderName${number}`]: string | undefined;
}

/** The settings that Grafana encrypts and never gives back. */
export interface TidemarkSecureOptions {
  token?: string;
  basicAuthPassword?: string;
  tlsCACert?: string;
  tlsClientCert?: string;
  tlsClientKey?: string;
  [header: `httpHeaderValue${number}`]: string | undefined;
}

/** Where the values of a dashboard variable come from. */
export type VariableKind =
  | 'label_names'
  | 'label_values'
  | 'metrics'
  | 'query_result'
  | 'series'
  | 'services'
  | 'environments'
  | 'versions'
  | 'flags'
  | 'kinds';

/** The query of a dashboard variable. */
export interface VariableQuery extends DataQuery {
  kind: VariableKind;
  /** label_values: the label. */
  label?: string;
  /** label_names, label_values, series: the metric or selector to look in; empty is everywhere. series needs one. */
  match?: string;
  /** metrics: the regular expression that a name must hold; empty is every metric. */
  pattern?: string;
  /** query_result: what is evaluated, at the end of the dashboard's time range. */
  expr?: string;
  /** services, environments, versions, flags, kinds: only what changes of this service and this environment name. */
  service?: string;
  environment?: string;
}
