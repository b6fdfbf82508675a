// Before `npm pack`: the manual page and the completions, where package.json says that they are.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup/packages.mjs';
import { COMPLETIONS, makePages } from './pages.mjs';
import { packageJson, sourceEpoch } from './tree.mjs';

const { manual, completions } = await makePages(ROOT, packageJson().version, sourceEpoch());
const folder = (name) => {
  mkdirSync(join(ROOT, 'dist', name), { recursive: true });
  return join(ROOT, 'dist', name);
};
writeFileSync(join(folder('man'), 'pathrace.8'), manual);
// The names that the shells look for, in one folder.
for (const [shell, path] of Object.entries(COMPLETIONS)) {
  const name = path.split('/').at(-1);
  writeFileSync(join(folder('completion'), shell === 'bash' ? `${name}.bash` : name), completions[shell]);
}
