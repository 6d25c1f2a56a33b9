import type { DataSourcePlugin, DataSourceSettings } from '@grafana/data';
import { getBackendSrv } from '@grafana/runtime';
import { Alert, Button } from '@grafana/ui';
import React, { useState } from 'react';

import { makeSource } from './services';
import { pluginId, sourcePath, sourceUid } from './source';

interface Outcome {
  status: string;
  message: string;
}

/** The page of a data source's settings: the plugin's editor, and "Save & test" under it. */
export function Settings({ plugin, url }: { plugin: DataSourcePlugin<any>; url: string }) {
  const [settings, setSettings] = useState<DataSourceSettings<any, any>>({
    id: 1,
    uid: sourceUid,
    orgId: 1,
    name: 'Tidemark',
    type: pluginId,
    typeName: 'Tidemark',
    typeLogoUrl: '',
    access: 'proxy',
    url,
    user: '',
    database: '',
    basicAuth: false,
    basicAuthUser: '',
    isDefault: false,
    jsonData: {},
    secureJsonFields: {},
    secureJsonData: {},
    readOnly: false,
    withCredentials: false,
  });
  const [outcome, setOutcome] = useState<Outcome>();

  const saveAndTest = async () => {
    const { url, jsonData, secureJsonData } = settings;
    await getBackendSrv().put(sourcePath, { url, jsonData, secureJsonData });
    // What is secret is never given back: only that it is there.
    const secureJsonFields = Object.fromEntries(
      Object.entries(secureJsonData ?? {}).map(([name, value]) => [name, value !== ''])
    );
    setSettings({ ...settings, secureJsonFields: { ...settings.secureJsonFields, ...secureJsonFields } });
    try {
      setOutcome(await makeSource(plugin, jsonData).testDatasource());
    } catch (error) {
      setOutcome(error as Outcome);
    }
  };

  const Editor = plugin.components.ConfigEditor!;
  return (
    <>
      <Editor options={settings} onOptionsChange={setSettings} />
      <Button onClick={() => void saveAndTest()}>Save &amp; test</Button>
      {outcome && (
        <div data-testid="outcome" data-status={outcome.status}>
          <Alert severity={outcome.status === 'success' ? 'success' : 'error'} title={outcome.message} />
        </div>
      )}
      <pre data-testid="json-data" style={{ display: 'none' }}>
        {JSON.stringify(settings.jsonData)}
      </pre>
    </>
  );
}
