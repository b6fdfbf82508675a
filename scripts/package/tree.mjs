// The gateway as a package has it: compiled code without maps, lab and benches, its npm packages, the page.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup/packages.mjs';
import { copyFiles } from './files.mjs';
import { copyModules } from './modules.mjs';

/** Fills `home` (/usr/lib/pathrace): bin, dist, the API's document, node_modules, package.json. */
export function makeTree(home, version) {
  mkdirSync(home, { recursive: true });
  copyCode('dist/src', home);
  // What the API serves and checks requests by.
  copyFiles(join(ROOT, 'docs'), join(home, 'docs'), (file) => file === 'openapi.json');
  mkdirSync(join(home, 'bin'));
  // The wrapper says by which Node, and how.
  writeFileSync(
    join(home, 'bin/pathrace'),
    readFileSync(join(ROOT, 'bin/pathrace'), 'utf8').replace(/^#!.*\n/, ''),
  );
  // The page is built apart; the gateway runs without one.
  if (existsSync(join(ROOT, 'dist/web'))) copyCode('dist/web', home);
  copyModules(home);
  const { name, type, description, license } = packageJson();
  writeFileSync(
    join(home, 'package.json'),
    json({ name, version, private: true, description, license, type }),
  );
}

/** package.json of the checkout. */
export function packageJson() {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

/** Seconds since 1970 that everything made is dated with: SOURCE_DATE_EPOCH, else that of the last commit, else of package.json. */
export function sourceEpoch() {
  const said = Number(process.env.SOURCE_DATE_EPOCH ?? Number.NaN);
  if (Number.isInteger(said) && said > 0) return said;
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' });
  return status === 0 ? Number(stdout) : Math.floor(lstatSync(join(ROOT, 'package.json')).mtimeMs / 1000);
}

/** Files 644, folders and programs 755, whatever the umask was; every name below `folder` that is a file, sorted. */
export function settle(folder, programs) {
  const files = [];
  const walk = (path) => {
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      const inside = join(path, entry.name);
      if (entry.isSymbolicLink()) continue;
      if (entry.isDirectory()) {
        chmodSync(join(folder, inside), 0o755);
        walk(inside);
      } else {
        chmodSync(join(folder, inside), programs.includes(inside) ? 0o755 : 0o644);
        files.push(inside);
      }
    }
  };
  chmodSync(folder, 0o755);
  walk('');
  return files.sort();
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function copyCode(part, home) {
  copyFiles(join(ROOT, part), join(home, part), (file) => !file.endsWith('.map'));
}
