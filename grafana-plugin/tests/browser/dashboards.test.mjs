// The dashboards, whole, as near to Grafana as its packages allow: asked by the built plugin through the real backend of a real
// Tidemark, which scrapes this host and itself and knows a month of a shop.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { bundle } from './bundle.mjs';
import { openView, openWindow, screenshots, startBrowser, startParts } from './harness.mjs';
import { tellMonth } from './month.mjs';
import { Tidemark } from './tidemark.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../dashboards');

/** What is drawn of each dashboard, and the time range where there is no month of samples. */
const views = [
  { file: 'now', from: 'now-1h' },
  { file: 'service', from: 'now-1h', variables: { service: 'web' } },
  { file: 'service', from: 'now-1h', variables: { service: 'api' } },
  { file: 'service', from: 'now-1h', variables: { service: 'checkout' } },
  { file: 'host', from: 'now-1h' },
  { file: 'changes' },
  { file: 'flags' },
  { file: 'itself', from: 'now-1h' },
];

/** Where the plugin's archive has a dashboard. */
const shipped = (file) => `/public/plugins/tidemark-tidemark-datasource/dashboards/${file}.json`;

describe('dashboards', { timeout: 240_000 }, () => {
  let folder;
  let browser;
  let parts;
  let tidemark;
  let window;
  let mayBeEmpty;

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'tidemark-page-'));
    browser = await startBrowser();
    await bundle('grafana-13.1-react-18', folder, 'dashboard/page.tsx');
    mayBeEmpty = JSON.parse(await readFile(path.join(root, 'dashboardtest/may_be_empty.json'), 'utf8'));
    const started = Date.now();
    parts = await startParts(folder);
    tidemark = new Tidemark(parts.tidemark);
    await tidemark.waitSamples('node_uname_info and on () tidemark_build_info');
    await tellMonth(tidemark, { metricNames: await metricNames(), started });
    window = await openWindow(browser, { width: 1640, height: 2200 });
  });
  after(async () => {
    await window?.close();
    await browser?.close();
    await parts?.end();
    await rm(folder, { recursive: true, force: true });
  });

  for (const { file, from, variables } of views) {
    const name = [file, ...Object.values(variables ?? {})].join('-');
    it(`draws ${name}`, async () => {
      const options = { ...(from && { from }), ...(variables && { variables }) };
      const { page, complaints, close } = await openView(window, parts.grafana, shipped(file), options);
      let panels;
      try {
        await page.waitForFunction(() => {
          const all = [...document.querySelectorAll('[data-testid=panel]')];
          return all.length > 0 && all.every(({ dataset }) => dataset.state !== 'Loading');
        });
        panels = await page
          .getByTestId('panel')
          .evaluateAll((all) => all.map(({ dataset }) => ({ ...dataset, ...JSON.parse(dataset.report) })));
      } finally {
        await page.getByTestId('dashboard').screenshot({ path: path.join(screenshots, `dashboard-${name}.png`) });
        await close();
      }
      assert.deepEqual(complaints, []);
      const wrong = [];
      for (const { id, title, errors, empty, missing } of panels) {
        const panel = `panel ${id} “${title}”`;
        wrong.push(...(errors ?? []).map((error) => `${panel}: ${error}`));
        wrong.push(...missing.map((what) => `${panel} has not ${what}`));
        for (const refId of empty) {
          if (!(await excused(`tidemark-${file}/${id}`, refId))) {
            wrong.push(`${panel} shows nothing of query ${refId}`);
          }
        }
      }
      assert.deepEqual(wrong, []);
    });
  }

  /** Whether a query may answer with nothing: always, or where a series is missing. */
  async function excused(panel, refId) {
    const key = [panel, `${panel}/${refId}`].find((name) => name in mayBeEmpty);
    return key && (mayBeEmpty[key].series === '' || (await tidemark.query(mayBeEmpty[key].series)).length === 0);
  }
});

/** The names in the expressions of all dashboards; those of metrics are among them. */
async function metricNames() {
  const files = await readdir(path.join(root, 'json'));
  const texts = await Promise.all(files.map((file) => readFile(path.join(root, 'json', file), 'utf8')));
  return new Set(texts.join().match(/[A-Za-z_]\w+/g));
}
