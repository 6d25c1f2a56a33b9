import { createTheme, DashboardCursorSync, EventBusSrv, rangeUtil, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelContextProvider, PortalContainer } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';

import { loadPlugin } from '../modules';
import { makeSource, setServices } from '../services';
import { Dashboard } from './Dashboard';
import { registerTransformations } from './fieldConfig';
import type { DashboardModel } from './model';
import { chooseVariables } from './variables';

/** How wide a dashboard is drawn, in pixels. */
const width = 1600;

/** Draws what the page's address asks for: ?view=/path/of/now.json&from=now-1h&variables={…} */
async function main() {
  const params = new URLSearchParams(location.search);
  const model = (await (await fetch(params.get('view')!)).json()) as DashboardModel;
  const range = rangeUtil.convertRawToRange({ from: params.get('from') ?? model.time.from, to: model.time.to });
  setServices();
  registerTransformations();
  const source = makeSource(await loadPlugin(), { timeInterval: '10s' });
  const choices = await chooseVariables(
    source,
    model.templating.list,
    range,
    JSON.parse(params.get('variables') ?? '{}')
  );
  createRoot(document.getElementById('view')!).render(
    <ThemeContext.Provider value={createTheme({ colors: { mode: 'dark' } })}>
      <GlobalStyles />
      <PanelContextProvider
        value={{ eventsScope: 'panel', eventBus: new EventBusSrv(), sync: () => DashboardCursorSync.Off }}
      >
        <Dashboard model={model} choices={choices} source={source} range={range} width={width} />
      </PanelContextProvider>
      <PortalContainer />
    </ThemeContext.Provider>
  );
  document.body.dataset.react = React.version;
}

main().catch((error) => {
  document.body.dataset.failed = String(error?.stack ?? error);
});
