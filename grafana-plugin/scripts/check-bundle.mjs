// Checks that the built plugin takes from Grafana's page what every supported version gives, and brings no React of its own: one
// build has to run under React 17, 18 and 19.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '../dist');
const given = ['@grafana/data', '@grafana/runtime', '@grafana/ui', 'module', 'react', 'rxjs'];
/** What came with React 18 and 19: with the one of Grafana's older versions it is undefined. */
const newerReact =
  /\b(useId|useSyncExternalStore|useTransition|startTransition|useDeferredValue|useInsertionEffect|useOptimistic|useActionState|useEffectEvent|useFormStatus|createRoot|hydrateRoot)\b|react-dom\/client/g;
const ownReact = ['ReactCurrentOwner', 'react/jsx-runtime', 'react.element', 'react.transitional.element'];

const problems = [];
const entry = readFileSync(path.join(dist, 'module.js'), 'utf8');
const imports = /\bdefine\(\s*(\[[^\]]*\])/.exec(entry)?.[1];
if (!imports) {
  problems.push('module.js: no define([…]); Grafana loads AMD modules');
} else {
  for (const name of JSON.parse(imports.replaceAll("'", '"'))) {
    if (!given.includes(name)) {
      problems.push(`module.js: imports ${name}, which Grafana does not give to plugins in every version; bundle it`);
    }
  }
}
for (const file of readdirSync(dist).filter((name) => name.endsWith('.js'))) {
  const code = readFileSync(path.join(dist, file), 'utf8');
  for (const mark of ownReact.filter((text) => code.includes(text))) {
    problems.push(`${file}: holds ${mark}, so that it is tied to one version of React`);
  }
  for (const name of new Set(code.match(newerReact))) {
    problems.push(`${file}: uses ${name}, which React 17 does not have`);
  }
  if (!code.includes('//# sourceMappingURL=')) {
    problems.push(`${file}: has no source map`);
  }
}
const { info } = JSON.parse(readFileSync(path.join(dist, 'plugin.json'), 'utf8'));
if (!/^\d+\.\d+\.\d+/.test(info.version)) {
  problems.push(`plugin.json: version ${info.version} is not that of package.json`);
}

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`module.js imports ${imports}`);
