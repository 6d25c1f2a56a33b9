import type { DataSourceApi, DataSourcePlugin } from '@grafana/data';
import {
  setAppEvents,
  setBackendSrv,
  setDataSourceSrv,
  setEchoSrv,
  setGrafanaLiveSrv,
  setTemplateSrv,
  FakeEchoSrv,
  type DataSourceSrv,
} from '@grafana/runtime';
import { EventBusSrv } from '@grafana/data';

import { backendSrv } from './backendSrv';
import { liveSrv } from './liveSrv';
import { instanceSettings } from './source';
import { templateSrv } from './templateSrv';

/** Puts in place what Grafana's page gives to its packages before it loads a plugin. */
export function setServices() {
  setAppEvents(new EventBusSrv());
  setBackendSrv(backendSrv);
  setEchoSrv(new FakeEchoSrv());
  setGrafanaLiveSrv(liveSrv);
  setTemplateSrv(templateSrv);
}

/** Makes an instance of the data source, and the one that is found by its uid. */
export function makeSource(plugin: DataSourcePlugin<any>, jsonData: object): DataSourceApi<any, any> {
  const settings = instanceSettings(jsonData);
  const source: DataSourceApi<any, any> = new plugin.DataSourceClass(settings);
  // Grafana's loader adds these to each instance.
  source.components = plugin.components;
  source.meta = settings.meta;
  const found: Partial<DataSourceSrv> = {
    get: () => Promise.resolve(source),
    getList: () => [settings],
    getInstanceSettings: () => settings,
    reload: () => Promise.resolve(),
  };
  setDataSourceSrv(found as DataSourceSrv);
  return source;
}
