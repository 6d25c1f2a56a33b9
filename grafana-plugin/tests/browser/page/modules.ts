import * as emotion from '@emotion/css';
import * as grafanaData from '@grafana/data';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaUI from '@grafana/ui';
import * as react from 'react';
import * as reactDOM from 'react-dom';
import * as rxjs from 'rxjs';

import { pluginId } from './source';

/** The part of SystemJS that Grafana uses to load plugins. */
interface SystemJS {
  set(id: string, module: object): void;
  addImportMap(map: { imports: Record<string, string> }): void;
  import(url: string): Promise<object>;
}

declare const System: SystemJS;

/** What a plugin may import, and must not bring along. `react/jsx-runtime` is missing on purpose: React 17 has none that fits. */
const given: Record<string, object> = {
  '@emotion/css': emotion,
  '@grafana/data': grafanaData,
  '@grafana/runtime': grafanaRuntime,
  '@grafana/ui': grafanaUI,
  react,
  'react-dom': reactDOM,
  rxjs,
};

/** Loads the built plugin as Grafana does: as an AMD module whose imports are Grafana's own. */
export async function loadPlugin(): Promise<grafanaData.DataSourcePlugin<any>> {
  const imports: Record<string, string> = {};
  for (const [name, module] of Object.entries(given)) {
    const id = `grafana:${name}`;
    imports[name] = id;
    // A module's namespace may not be extended, and SystemJS marks what it is given.
    System.set(id, { ...module, __useDefault: true, default: 'default' in module ? module.default : module });
  }
  System.addImportMap({ imports });
  const loaded = (await System.import(`/public/plugins/${pluginId}/module.js`)) as {
    plugin: grafanaData.DataSourcePlugin<any>;
  };
  return loaded.plugin;
}
