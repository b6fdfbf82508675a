// `npm run package [-- --version V]`: a Debian package of the gateway with the Node that runs this, in out/.
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit } from 'node:process';
import { parseArgs } from 'node:util';
import { buildDebian, PATHS } from './package/debian.mjs';
import { packageJson, sourceEpoch } from './package/tree.mjs';
import { installPrograms, systemPath } from './setup/debian.mjs';
import { buildIfStale, checkNode, installPackages, SetupError } from './setup/packages.mjs';

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
  mkdirSync(PATHS.output, { recursive: true });
  const file = await buildDebian({
    version,
    epoch: sourceEpoch(),
    work: join(PATHS.work, 'tree'),
    output: PATHS.output,
  });
  const megabytes = (statSync(file).size / 1e6).toFixed(1);
  console.log(`wrote ${file} (${megabytes} MB)`);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`package: ${error.message}`);
  exit(1);
}
