// `npm run package [-- --version V]`: a Debian package of the gateway with the Node that runs this, in out/.
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit } from 'node:process';
import { parseArgs } from 'node:util';
import { buildDebian } from './package/debian.mjs';
import { packageJson, sourceEpoch } from './package/tree.mjs';
import { installPrograms, systemPath } from './setup/debian.mjs';
import { buildIfStale, checkNode, installPackages, ROOT, SetupError } from './setup/packages.mjs';

const OUTPUT = join(ROOT, 'out');

env.PATH = systemPath();
try {
  const { values } = parseArgs({ args: argv.slice(2), options: { version: { type: 'string' } } });
  const version = values.version ?? packageJson().version;
  // Debian compares what it can read: digits first, and no hyphen, which would begin a revision.
  if (!/^[0-9][0-9A-Za-z.+~]*$/.test(version)) throw new SetupError(`${version} is no version for Debian`);
  checkNode();
  installPackages();
  installPrograms('package');
  buildIfStale();
  mkdirSync(OUTPUT, { recursive: true });
  const file = await buildDebian({
    version,
    epoch: sourceEpoch(commitEpoch()),
    work: join(OUTPUT, 'package/tree'),
    output: OUTPUT,
  });
  const megabytes = (statSync(file).size / 1e6).toFixed(1);
  console.log(`wrote ${file} (${megabytes} MB)`);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`package: ${error.message}`);
  exit(1);
}

/** Of what is checked out; undefined outside of a repository. */
function commitEpoch() {
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' });
  return status === 0 ? Number(stdout) : undefined;
}
