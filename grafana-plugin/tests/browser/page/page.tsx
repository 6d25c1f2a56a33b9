import { createTheme, DashboardCursorSync, EventBusSrv, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelContextProvider, PortalContainer } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';

import { Annotation } from './Annotation';
import { loadPlugin } from './modules';
import { Panel } from './Panel';
import { makeSource, setServices } from './services';
import { Settings } from './Settings';
import { setVariable } from './templateSrv';
import { Variable } from './Variable';

/** What the page's address asks for: ?view=panel&query={…}&settings={…}&variables={…}&minutes=5&theme=dark */
function asked() {
  const params = new URLSearchParams(location.search);
  const json = (name: string) => JSON.parse(params.get(name) ?? '{}');
  return {
    view: params.get('view') ?? 'panel',
    query: { refId: 'A', ...json('query') },
    settings: json('settings'),
    variables: json('variables') as Record<string, string | string[]>,
    minutes: Number(params.get('minutes') ?? 5),
    url: params.get('url') ?? '',
    theme: createTheme({ colors: { mode: params.get('theme') === 'light' ? 'light' : 'dark' } }),
  };
}

async function main() {
  const { view, query, settings, variables, minutes, url, theme } = asked();
  setServices();
  for (const [name, value] of Object.entries(variables)) {
    setVariable(name, value);
  }
  const plugin = await loadPlugin();
  const source = makeSource(plugin, settings);
  const views: Record<string, () => React.ReactElement> = {
    panel: () => <Panel source={source} query={query} minutes={minutes} />,
    settings: () => <Settings plugin={plugin} url={url} />,
    variable: () => <Variable source={source} query={query} />,
    annotation: () => <Annotation source={source} />,
  };
  createRoot(document.getElementById('view')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider
        value={{ eventsScope: 'panel', eventBus: new EventBusSrv(), sync: () => DashboardCursorSync.Off }}
      >
        {views[view]!()}
      </PanelContextProvider>
      <PortalContainer />
    </ThemeContext.Provider>
  );
  document.body.dataset.react = React.version;
}

main().catch((error) => {
  document.body.dataset.failed = String(error?.stack ?? error);
});
