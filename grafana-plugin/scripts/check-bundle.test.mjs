// Holds the check of the built plugin against builds that are spoilt in one way each.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const check = path.join(path.dirname(fileURLToPath(import.meta.url)), 'check-bundle.mjs');

/** A build that is as it should be. */
const good = {
  'module.js': 'define(["react","rxjs"],(e,t)=>{e.useState()});\n//# sourceMappingURL=module.js.map',
  '618.js': 'e.createElement("div");\n//# sourceMappingURL=618.js.map',
  'plugin.json': '{"info":{"version":"0.1.0"}}',
};

/** What the check says of a build with some files that are other than they should be. */
function checked(files) {
  const dist = mkdtempSync(path.join(os.tmpdir(), 'tidemark-dist-'));
  try {
    for (const [name, text] of Object.entries({ ...good, ...files })) {
      writeFileSync(path.join(dist, name), text);
    }
    const { status, stderr } = spawnSync(process.execPath, [check, dist], { encoding: 'utf8' });
    return { status, stderr };
  } finally {
    rmSync(dist, { recursive: true });
  }
}

it('takes a build that runs under every React', () => {
  assert.deepEqual(checked({}), { status: 0, stderr: '' });
});

const spoilt = {
  'an import that is not given': [{ 'module.js': good['module.js'].replace('rxjs', 'react-dom') }, /imports react-dom/],
  'no AMD module': [{ 'module.js': good['module.js'].replace('define', 'require') }, /no define/],
  'a React of its own': [{ '618.js': `ReactCurrentOwner;${good['618.js']}` }, /holds ReactCurrentOwner/],
  'the runtime of one React': [{ '618.js': `"react/jsx-runtime";${good['618.js']}` }, /holds react\/jsx-runtime/],
  'no source map': [{ '618.js': '' }, /618.js: has no source map/],
  'no version': [{ 'plugin.json': '{"info":{"version":"%VERSION%"}}' }, /%VERSION%/],
  ...Object.fromEntries(
    ['useId', 'useSyncExternalStore', 'useTransition', 'useDeferredValue', 'useInsertionEffect', 'createRoot'].map(
      (name) => [
        `${name}, which is newer than React 17`,
        [{ '618.js': `e.${name}();${good['618.js']}` }, new RegExp(`618.js: uses ${name}`)],
      ]
    )
  ),
};
for (const [what, [files, says]] of Object.entries(spoilt)) {
  it(`refuses ${what}`, () => {
    const { status, stderr } = checked(files);
    assert.equal(status, 1);
    assert.match(stderr, says);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });
}
