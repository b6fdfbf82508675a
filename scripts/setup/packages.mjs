// Node, the npm packages and the compiled code.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { env, execPath, versions } from 'node:process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Something that the person at the machine has to solve; the message is one clear line. */
export class SetupError extends Error {}

/** Prints one line about what is being done. */
export function say(line) {
  console.log(`setup: ${line}`);
}

/** Runs a program quietly; its output is shown only when it fails, and then `why` is thrown. */
export function quietly(command, args, why, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  throw new SetupError(error === undefined ? why : `${why} (${error.message})`);
}

/** Stops when this Node is older than package.json asks for. */
export function checkNode() {
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).engines.node;
  const [major, minor] = wanted.replace('>=', '').split('.').map(Number);
  const [ownMajor, ownMinor] = versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  throw new SetupError(
    `Pathrace needs Node ${major}.${minor} or newer, this is ${versions.node}. Debian 13 has it (apt-get install nodejs npm); for older ones see nodejs.org.`,
  );
}

/** `npm ci` when node_modules is missing or older than the lock file. */
export function installPackages() {
  const installed = modifiedAt(join(ROOT, 'node_modules/.package-lock.json'));
  if (installed >= modifiedAt(join(ROOT, 'package-lock.json'))) return;
  say(`${installed === 0 ? 'installing' : 'updating'} the npm packages of package-lock.json (npm ci) ...`);
  // No package needs its install script here, koffi included: it brings its compiled part along.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  quietly('npm', args, 'npm ci failed; above is what it said. Is the network up?', {
    // npm's own settings for the script that runs now are not meant for the one inside.
    env: { ...env, npm_config_loglevel: 'error', NODE_ENV: 'development' },
  });
}

const COMPILED = join(ROOT, 'dist/src/cli/main.js');

/** Compiles when the compiled code is missing or older than a source. */
export function buildIfStale() {
  const newest = Math.max(
    modifiedAt(join(ROOT, 'tsconfig.json')),
    modifiedAt(join(ROOT, 'node_modules/.package-lock.json')),
    ...['src', 'lab', 'bench', 'test/kernels'].map((folder) => newestIn(join(ROOT, folder))),
  );
  if (modifiedAt(COMPILED) >= newest) return;
  say('compiling (npm run build) ...');
  try {
    quietly(
      execPath,
      tool('typescript', 'tsc', ['-p', 'tsconfig.json']),
      'the sources do not compile; see above.',
    );
  } catch (error) {
    // The compiler writes its output all the same; the next start must not take it for good.
    if (existsSync(COMPILED)) utimesSync(COMPILED, 0, 0);
    throw error;
  }
}

const PAGE = join(ROOT, 'dist/web/index.html');

/** Builds the page when it is missing or older than a source of it. */
export function buildPageIfStale() {
  const newest = Math.max(
    modifiedAt(join(ROOT, 'node_modules/.package-lock.json')),
    // What it shares with the daemon: types, words, the client.
    ...['web/src', 'web/public', 'src/api', 'src/model'].map((folder) => newestIn(join(ROOT, folder))),
    ...['web/index.html', 'web/vite.config.ts', 'web/tsconfig.json'].map((name) =>
      modifiedAt(join(ROOT, name)),
    ),
  );
  if (modifiedAt(PAGE) >= newest) return;
  say('building the page (vite) ...');
  const args = ['build', '--config', join(ROOT, 'web/vite.config.ts'), '--logLevel', 'warn'];
  quietly(execPath, tool('vite', 'vite', args), 'the page cannot be built; see above.');
}

/** Arguments for Node that run a program of an installed npm package. */
export function tool(packageName, program, args) {
  const home = join(ROOT, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  return [join(home, typeof bin === 'string' ? bin : bin[program]), ...args];
}

/** Milliseconds; 0 for what does not exist. */
function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Of all files and folders below, because a folder changes when a file leaves it. */
function newestIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  const times = entries.map((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? newestIn(path) : modifiedAt(path);
  });
  return Math.max(modifiedAt(folder), ...times);
}
