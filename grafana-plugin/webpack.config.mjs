import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import CopyPlugin from 'copy-webpack-plugin';

const root = path.dirname(fileURLToPath(import.meta.url));
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const { id } = JSON.parse(readFileSync(path.join(root, 'src/plugin.json'), 'utf8'));

/** What Grafana's own page gives to a plugin. Everything else is bundled. scripts/check-bundle.mjs holds the same list. */
const given = ['@grafana/data', '@grafana/runtime', '@grafana/ui', 'react', 'rxjs'];

/** plugin.json with what is only known when it is built. */
function stamp(content) {
  const today = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? Date.now() / 1000) * 1000).toISOString().slice(0, 10);
  return content.toString().replaceAll('%VERSION%', version).replaceAll('%TODAY%', today);
}

/** @returns {import('webpack').Configuration} */
export default function configure(_env, { mode }) {
  const production = mode === 'production';
  return {
    target: ['web', 'es2021'],
    context: path.join(root, 'src'),
    entry: { module: './module.ts' },
    devtool: production ? 'source-map' : 'eval-source-map',
    // AMD's own `module` says from where this file was loaded, and so from where its chunks are.
    externals: [{ 'amd-module': 'module' }, ...given],
    output: {
      path: path.join(root, 'dist'),
      filename: '[name].js',
      chunkFilename: '[name].[contenthash:8].js',
      library: { type: 'amd' },
      publicPath: `public/plugins/${id}/`,
      uniqueName: id,
      // The backend's binaries are built into the same folder.
      clean: { keep: /gpx_|go_plugin_build_manifest|LICENSE|README|CHANGELOG/ },
    },
    resolve: { extensions: ['.ts', '.tsx', '.js'] },
    module: {
      rules: [
        {
          test: /\.tsx?$/,
          exclude: /node_modules/,
          loader: 'swc-loader',
          options: {
            jsc: {
              target: 'es2021',
              parser: { syntax: 'typescript', tsx: true },
              transform: { react: { runtime: 'classic' } },
            },
          },
        },
      ],
    },
    optimization: { chunkIds: production ? 'deterministic' : 'named' },
    plugins: [
      new CopyPlugin({
        patterns: [
          { from: 'plugin.json', transform: stamp },
          { from: 'img', to: 'img' },
          // The dashboards are those that the server exports.
          { from: path.join(root, '../dashboards/json'), to: 'dashboards' },
        ],
      }),
    ],
    performance: { maxEntrypointSize: 200_000, maxAssetSize: 800_000, hints: production ? 'error' : false },
  };
}
