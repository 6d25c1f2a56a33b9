// Starts the real parts for a test: a Tidemark, the plugin's backend, what
// stands in for Grafana, and a Chromium.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Where screenshots go; git ignores it. */
export const screenshots = path.join(here, 'screenshots');

/** How long a test waits for what must come, in milliseconds. */
export const patience = 20_000;

/** The value of an environment variable that says where a built part is. */
function built(name) {
  const value = process.env[name];
  if (!value || !existsSync(value)) {
    throw new Error(`${name} must name what was built: run \`make plugin-test\``);
  }
  return value;
}

/** Debian's Chromium, or the one that TIDEMARK_CHROMIUM names. */
function browserPath() {
  const found = [
    process.env.TIDEMARK_CHROMIUM,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ].find((file) => file && existsSync(file));
  if (!found) {
    throw new Error('no Chromium: run scripts/install-peers, or say where it is with TIDEMARK_CHROMIUM');
  }
  return found;
}

/** Starts the harness on a bundled page. `end` stops all that it started. */
export async function startParts(page) {
  const child = spawn(
    built('TIDEMARK_HARNESS'),
    [
      '-tidemark',
      built('TIDEMARK_BIN'),
      '-backend',
      built('TIDEMARK_BACKEND'),
      '-dist',
      built('TIDEMARK_DIST'),
      '-page',
      page,
    ].concat(process.env.TIDEMARK_VERBOSE ? ['-verbose'] : []),
    { stdio: ['pipe', 'pipe', 'inherit'] }
  );
  const exited = once(child, 'exit');
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => text),
    exited.then(([code]) => Promise.reject(new Error(`the harness ended with ${code} before it was ready`))),
  ]);
  return {
    ...JSON.parse(line),
    async end() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Starts the browser. */
export async function startBrowser() {
  await mkdir(screenshots, { recursive: true });
  return chromium.launch({
    executablePath: browserPath(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'],
  });
}

/** Opens the window that views of one page are opened in: they share what the browser keeps of its scripts. */
export async function openWindow(browser, viewport = { width: 1140, height: 700 }) {
  const context = await browser.newContext({
    viewport,
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(patience);
  return context;
}

/**
 * Opens a view of the page and waits until the plugin is mounted. What the
 * page says is wrong is collected in `complaints`.
 */
export async function openView(context, origin, view, options = {}) {
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
  page.on('console', (message) => {
    // A failed query is reported by the browser as well, and tested where it is meant.
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  const url = new URL(origin);
  url.searchParams.set('view', view);
  for (const [name, value] of Object.entries(options)) {
    url.searchParams.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  await page.goto(url.href);
  await page.waitForSelector('body[data-react], body[data-failed]');
  const failed = await page.getAttribute('body', 'data-failed');
  if (failed) {
    throw new Error(`the plugin was not mounted: ${failed}\n${complaints.join('\n')}`);
  }
  return { page, complaints, close: () => page.close() };
}

/** Polls until `look` gives something true, and returns it. */
export async function eventually(look, what, within = patience) {
  const end = Date.now() + within;
  for (;;) {
    const seen = await look();
    if (seen) {
      return seen;
    }
    if (Date.now() > end) {
      throw new Error(`${what} did not come within ${within} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
