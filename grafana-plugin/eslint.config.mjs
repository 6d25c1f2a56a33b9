import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'tests/'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // One build runs under every React: the new JSX runtime is not in the older ones. Operators are in rxjs itself since 7.2,
      // and Grafana does not give plugins rxjs/operators everywhere.
      'no-restricted-imports': ['error', { paths: ['react/jsx-runtime', 'react-dom', 'rxjs/operators'] }],
    },
  },
  {
    files: ['scripts/**', '*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  }
);
