// Bundles the test page with one set of Grafana's packages.
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const plugin = path.join(here, '../..');

/** The folders whose node_modules hold each set of Grafana's packages. */
export const packageSets = {
  'grafana-11.6-react-18': path.join(here, '../oldest'),
  'grafana-13.1-react-18': plugin,
  'grafana-13.2-react-19': path.join(here, '../react19'),
};

/** Lets the page's own imports come from the set, wherever the page is. */
const fromSet = (folder) => ({
  name: 'package-set',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path: name, importer, kind, pluginData }) =>
      pluginData === 'resolved' || !importer.startsWith(path.join(here, 'page'))
        ? undefined
        : resolve(name, { kind, resolveDir: folder, pluginData: 'resolved' })
    );
  },
});

/**
 * Reads the .mjs files of Grafana's packages as any other script. Of the CommonJS modules that they import they mean the default as
 * webpack gives it, and not as Node does.
 */
const asScripts = {
  name: 'as-scripts',
  setup({ onResolve, onLoad, resolve }) {
    const script = (file) => ({ path: file.slice(0, -'.mjs'.length), namespace: 'script' });
    onResolve({ filter: /^@grafana\// }, async ({ path: name, kind, resolveDir, pluginData }) => {
      if (pluginData === 'entry') {
        return undefined;
      }
      const found = await resolve(name, { kind, resolveDir, pluginData: 'entry' });
      return found.path.endsWith('.mjs') ? { ...found, ...script(found.path) } : found;
    });
    onResolve({ filter: /^\..*\.mjs$/, namespace: 'script' }, ({ path: name, resolveDir }) =>
      script(path.join(resolveDir, name))
    );
    onLoad({ filter: /.*/, namespace: 'script' }, async ({ path: file }) => ({
      contents: await readFile(`${file}.mjs`),
      resolveDir: path.dirname(file),
    }));
  },
};

/** What the packages name and no view of the page needs: Node's own modules, and the editor of Grafana's SQL data sources. */
const leftOut = {
  name: 'left-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(stream|tty|util|fs|os|path|monaco-editor(\/.*)?)$/ }, ({ path: name }) => ({
      path: name,
      namespace: 'none',
    }));
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {}' }));
  },
};

/** Writes a page with the packages of a set into a folder. */
export async function bundle(name, folder, entry = 'page.tsx') {
  const set = packageSets[name];
  await mkdir(path.join(folder, 'public/build'), { recursive: true });
  await build({
    entryPoints: [path.join(here, 'page', entry)],
    outfile: path.join(folder, 'page.js'),
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    jsx: 'transform',
    mainFields: ['browser', 'module', 'main'],
    // The packages' AMD branches would register with the page's SystemJS.
    define: { 'define.amd': 'false', 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff2': 'dataurl' },
    plugins: [leftOut, fromSet(set), asScripts],
    logLevel: 'error',
  });
  await cp(path.join(here, 'page/index.html'), path.join(folder, 'index.html'));
  await build({
    stdin: {
      contents: ['system.js', 'extras/amd.js', 'extras/named-register.js', 'extras/dynamic-import-maps.js']
        .map((file) => `import 'systemjs/dist/${file}';`)
        .join('\n'),
      resolveDir: plugin,
    },
    outfile: path.join(folder, 'system.js'),
    bundle: true,
    format: 'iife',
    logLevel: 'error',
  });
  const images = path.join(set, 'node_modules/@grafana/ui/dist/public/img');
  for (const where of ['public/img', 'public/build/img']) {
    // the icons moved with Grafana 12
    await symlink(images, path.join(folder, where));
  }
}
