// Packages that are shipped as ES modules only, and so are compiled for jest as the sources are.
const modules = [
  'd3',
  'd3-[^/]+',
  'internmap',
  'delaunator',
  'robust-predicates',
  'ol',
  'marked',
  'uuid',
  'nanoid',
  'react-calendar',
  'get-user-locale',
  'memoize',
  'mimic-function',
  '@wojtekmaj',
  '@grafana',
  '@prometheus-io',
  'react-data-grid',
  'micromark[^/]*',
  'monaco-promql',
  'p-defer',
].join('|');

/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/src'],
  testEnvironment: 'jsdom',
  setupFiles: ['<rootDir>/src/test/browser.ts'],
  setupFilesAfterEnv: ['@testing-library/jest-dom'],
  transform: {
    '^.+\\.m?(t|j)sx?$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'classic' } },
        },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [`node_modules/(?!(?:${modules})/)`],
  moduleNameMapper: {
    '\\.(css|svg|png)$': 'identity-obj-proxy',
  },
  clearMocks: true,
  restoreMocks: true,
};
