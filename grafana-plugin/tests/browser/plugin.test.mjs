// The built plugin in a real browser, with Grafana's real packages, the real
// backend and a real Tidemark.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { bundle, packageSets } from './bundle.mjs';
import { eventually, openView, openWindow, screenshots, startBrowser, startParts } from './harness.mjs';
import { slowTrace, tell } from './story.mjs';
import { Tidemark } from './tidemark.mjs';

/** How soon, in milliseconds, a change must be on an open dashboard. */
const liveWithin = 1000;

const requests = 'sum by (service) (rate(http_requests_total{code="500"}[1m]))';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

for (const name of Object.keys(packageSets)) {
  describe(name, { timeout: 240_000 }, () => {
    let folder;
    let parts;
    let tidemark;
    let window;

    before(async () => {
      folder = await mkdtemp(path.join(os.tmpdir(), 'tidemark-page-'));
      await bundle(name, folder);
      parts = await startParts(folder);
      tidemark = new Tidemark(parts.tidemark);
      await tell(tidemark);
      await tidemark.waitSamples('node_load1');
      window = await openWindow(browser);
    });
    after(async () => {
      await window?.close();
      await parts?.end();
      await rm(folder, { recursive: true, force: true });
    });

    /** Opens a view, looks at it, keeps a picture, and holds it against what the page complained of. */
    const view = (kind, options, look, shot) => async () => {
      const { page, complaints, close } = await openView(window, parts.grafana, kind, options);
      try {
        await look(page);
      } finally {
        if (shot) {
          await page.locator('#view').screenshot({ path: path.join(screenshots, `${name}-${shot}.png`) });
        }
        await close();
      }
      assert.deepEqual(complaints, []);
    };
    const panel = (query, look, shot, options) => view('panel', { query, minutes: '15', ...options }, look, shot);

    it(
      'writes an expression with completion, runs it, and draws it with its changes',
      panel(
        {},
        async (page) => {
          await write(page, 'http_requ');
          const option = page.locator('.cm-tooltip-autocomplete li', { hasText: 'http_requests_total' }).first();
          await option.waitFor();
          await page.screenshot({ path: path.join(screenshots, `${name}-completion.png`) });
          await option.click();
          await page.keyboard.press('Shift+Enter');
          await page.getByTestId('graph').locator('canvas').first().waitFor();
          const titles = await changes(page, (found) => found.length >= 5);
          assert.ok(
            titles.some((title) => title.includes('v42')),
            titles.join()
          );
        },
        'query-editor'
      )
    );

    it(
      'underlines what does not parse, and says why',
      panel(
        {},
        async (page) => {
          await write(page, 'rate(up');
          await page.locator('.cm-lintRange-error, .cm-lintPoint-error').first().waitFor();
        },
        'lint'
      )
    );

    it(
      "says in the server's words why a query failed",
      panel(
        { expr: 'rate(up)', range: true },
        async (page) => {
          await page.getByText('expected type range vector').first().waitFor();
        },
        'error'
      )
    );

    it(
      'draws the changes of each kind, and what has a span as a region',
      panel(
        { expr: requests, range: true, legendFormat: '{{service}}' },
        async (page) => {
          const titles = await changes(page, (found) => found.length >= 5);
          for (const title of [
            'deploy web v41',
            'deploy api v7',
            'deploy web v42',
            'errors at the checkout',
            'new-checkout off',
          ]) {
            assert.ok(
              titles.some((text) => text.includes(title)),
              `${title} is missing: ${titles.join()}`
            );
          }
          const colors = await page
            .getByTestId('change')
            .evaluateAll((all) => new Set(all.map((one) => one.dataset.color)).size);
          assert.ok(colors >= 3, 'kinds and failures have colours of their own');
          assert.ok(await page.getByTestId('change').evaluateAll((all) => all.some((one) => one.clientWidth > 10)));
          const text = await page
            .getByTestId('change-text')
            .evaluateAll((all) => all.map((one) => one.innerHTML).join('\n'));
          assert.ok(text.includes('v41') && text.includes('ann'), text);
          assert.ok(!text.includes('<b>for everybody'), 'what a person wrote is text');
          assert.ok(text.includes('https://git.example.com/web/pull/812'));
        },
        'overlay'
      )
    );

    it(
      'draws only the changes of what the panel is about',
      panel({ expr: 'rate(http_requests_total{service="api"}[1m])', range: true }, async (page) => {
        const titles = await changes(page, (found) => found.length > 0);
        assert.deepEqual(
          titles.filter((title) => title.includes('web')),
          []
        );
      })
    );

    it(
      'follows a dashboard variable',
      panel(
        { expr: 'rate(http_requests_total{service=~"$service"}[1m])', range: true },
        async (page) => {
          const titles = await changes(page, (found) => found.length > 0);
          assert.deepEqual(
            titles.filter((title) => title.includes('web')),
            []
          );
        },
        undefined,
        { variables: { service: ['api', 'db'] } }
      )
    );

    it(
      'draws none where the query says so',
      panel({ expr: requests, range: true, overlay: false }, async (page) => {
        await page.getByTestId('graph').locator('canvas').first().waitFor();
        await page.waitForFunction(() => document.querySelector('[data-testid=panel]')?.dataset.state === 'Done');
        assert.equal(await page.getByTestId('change').count(), 0);
      })
    );

    it(
      'draws none where the settings say so',
      panel(
        { expr: requests, range: true },
        async (page) => {
          await page.getByTestId('graph').locator('canvas').first().waitFor();
          await page.waitForFunction(() => document.querySelector('[data-testid=panel]')?.dataset.state === 'Done');
          assert.equal(await page.getByTestId('change').count(), 0);
        },
        undefined,
        { settings: { overlay: { enabled: false } } }
      )
    );

    it(
      'gives a graph its exemplars',
      panel(
        {
          expr: 'histogram_quantile(0.99, sum by (le) (rate(checkout_duration_seconds_bucket[1m])))',
          range: true,
          exemplar: true,
        },
        async (page) => {
          const exemplars = page.getByTestId('exemplars');
          await exemplars.locator('[data-field=trace_id]', { hasText: slowTrace }).waitFor();
          for (const [field, value] of Object.entries({ Value: '1.5', service: 'web' })) {
            assert.equal(await exemplars.locator(`[data-field=${field}]`).innerText(), value);
          }
          assert.ok(Number(await exemplars.locator('[data-field=Time]').innerText()) > 0);
          await changes(page, (found) => found.length >= 5);
        },
        'exemplars'
      )
    );

    it(
      'shows the buckets of a native histogram',
      panel(
        { expr: 'sum(rate(search_duration_seconds[1m]))', range: true },
        async (page) => {
          const rows = page.getByTestId('rows').first();
          for (const text of ['xMax', 'yMin', 'yMax', 'sum(rate(search_duration_', '0.125', '0.250']) {
            await rows.getByText(text).first().waitFor();
          }
        },
        'native-histogram'
      )
    );

    it(
      'shows a change on an open graph within a second',
      panel(
        { expr: requests, range: true },
        async (page) => {
          await changes(page, (found) => found.length > 0);
          await page.evaluate(() => (window.opened = true));
          const shown = (title) => page.getByTestId('change').filter({ hasText: title }).count();
          // The channel says nothing of when it is followed, and a busy machine is slow once: the quickest of a few is measured.
          let took = Infinity;
          for (let attempt = 1; took > liveWithin && attempt <= 5; attempt++) {
            const title = `disk ${attempt} swapped`;
            const recorded = performance.now();
            await tidemark.record({ kind: 'maintenance', service: 'web', title, status: 'succeeded' });
            await eventually(() => shown(title), title, 2 * liveWithin).then(
              () => (took = Math.min(took, performance.now() - recorded)),
              () => undefined
            );
          }
          assert.ok(took < liveWithin, `it took ${Math.round(took)} ms`);
          assert.equal(await page.evaluate(() => window.opened), true, 'without loading the page again');
        },
        'live'
      )
    );

    it(
      'lists changes',
      panel(
        { queryType: 'changes', filter: { kinds: ['deploy'] } },
        async (page) => {
          await page.getByText('deploy web v42').first().waitFor();
          assert.equal(await page.getByText('new-checkout off').count(), 0);
        },
        'changes'
      )
    );

    it(
      'shows the last change',
      panel(
        { queryType: 'last' },
        async (page) => {
          await page
            .getByTestId('rows')
            .getByText(/disk \d swapped|new-checkout off/)
            .first()
            .waitFor();
        },
        'last'
      )
    );

    it(
      'shows flags as they stand',
      panel(
        { queryType: 'flags' },
        async (page) => {
          await page.getByTestId('rows').getByText('new-checkout').first().waitFor();
        },
        'flags'
      )
    );

    it(
      'shows what version ran when',
      panel(
        { queryType: 'timeline', of: 'versions' },
        async (page) => {
          await page.getByTestId('rows').getByText('v42').first().waitFor();
        },
        'timeline'
      )
    );

    it(
      'switches between the types of query',
      panel({ expr: 'up', range: true }, async (page) => {
        await page.getByTestId('query-editor').getByRole('radio', { name: 'Last change' }).check({ force: true });
        await page.getByTestId('rows').first().waitFor();
        await page.getByTestId('query-editor').getByRole('radio', { name: 'Metrics' }).check({ force: true });
        await page.getByTestId('graph').locator('canvas').first().waitFor();
        assert.equal((await editor(page).textContent()).trim(), 'up', 'the expression is still there');
      })
    );

    it(
      'finds the values of a variable',
      view(
        'variable',
        { query: { kind: 'label_values', label: 'service' } },
        async (page) => {
          await page.getByRole('button', { name: 'Preview of values' }).click();
          await page.getByTestId('values').getByText('web', { exact: true }).waitFor();
        },
        'variable'
      )
    );

    it(
      'finds the environments of changes',
      view('variable', { query: { kind: 'environments' } }, async (page) => {
        await page.getByRole('button', { name: 'Preview of values' }).click();
        await page.getByTestId('values').getByText('production', { exact: true }).waitFor();
      })
    );

    it(
      'makes annotations of changes',
      view(
        'annotation',
        {},
        async (page) => {
          await page.getByRole('button', { name: 'Test annotation query' }).click();
          await page.getByTestId('events').getByText('deploy web v42').first().waitFor();
        },
        'annotation'
      )
    );

    it(
      'saves settings and says what it found, or what is wrong',
      view(
        'settings',
        {},
        async (page) => {
          const url = page.getByLabel('URL', { exact: true });
          const saveAndTest = page.getByRole('button', { name: 'Save & test' });
          await url.fill('http://127.0.0.1:1');
          await saveAndTest.click();
          await page.locator('[data-testid=outcome][data-status=error]').waitFor();
          await url.fill(parts.tidemark);
          await saveAndTest.click();
          await page.locator('[data-testid=outcome][data-status=success]').waitFor();
          assert.match(await page.getByTestId('outcome').innerText(), /Tidemark .*jobs? up.*changes?/);
        },
        'settings'
      )
    );
  });
}

/** The field of the PromQL expression, once its editor has been loaded. */
const editor = (page) => page.locator('.cm-content');

/** Types an expression as a person does. */
async function write(page, expr) {
  await editor(page).click();
  await page.keyboard.type(expr, { delay: 15 });
}

/** Waits until the changes that are drawn are as wanted, and returns their titles. */
async function changes(page, wanted) {
  const titles = () => page.getByTestId('change').evaluateAll((all) => all.map((one) => one.dataset.title));
  let last = [];
  return eventually(async () => {
    last = await titles();
    return wanted(last) ? last : undefined;
  }, 'the changes').catch((error) => {
    throw new Error(`${error.message}; drawn are: ${last.join(', ')}`);
  });
}
