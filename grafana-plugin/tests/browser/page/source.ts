import { PluginType, type DataSourceInstanceSettings, type DataSourcePluginMeta } from '@grafana/data';

export const pluginId = 'tidemark-tidemark-datasource';
export const sourceUid = 'tidemark';

/** The path of the data source in Grafana's API. */
export const sourcePath = `/api/datasources/uid/${sourceUid}`;

/** What Grafana tells a plugin about the data source of which it makes an instance. */
export function instanceSettings(jsonData: object): DataSourceInstanceSettings<any> {
  return {
    id: 1,
    uid: sourceUid,
    type: pluginId,
    name: 'Tidemark',
    access: 'proxy',
    readOnly: false,
    url: '/api/datasources/proxy/uid/tidemark',
    jsonData,
    meta: {
      id: pluginId,
      name: 'Tidemark',
      type: PluginType.datasource,
      module: `public/plugins/${pluginId}/module.js`,
      baseUrl: `public/plugins/${pluginId}`,
      info: {
        author: { name: 'Tidemark' },
        description: '',
        links: [],
        logos: { large: '', small: '' },
        screenshots: [],
        updated: '',
        version: '',
      },
    } as DataSourcePluginMeta,
  };
}
