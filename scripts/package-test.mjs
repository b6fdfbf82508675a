// `npm run test:package`: the packages as their users have them. The Debian package, built twice, is installed in a fresh Debian 12 without a
// network and carries traffic there, is upgraded, removed and purged; the npm package is installed into an empty folder; the container file
// is checked, and built where an engine runs. Exit code 77: it cannot be done here, and why.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { env, execPath, exit, getuid, umask } from 'node:process';
import { buildDebian, PATHS } from './package/debian.mjs';
import { packageJson, sourceEpoch } from './package/tree.mjs';
import { installPrograms, systemPath } from './setup/debian.mjs';
import { makeDebian } from './setup/fresh-debian.mjs';
import { buildIfStale, checkNode, installPackages, SetupError, say } from './setup/packages.mjs';
import { runVitest } from './test/vitest.mjs';

const CANNOT = 77;
const { version } = packageJson();

/** The same twice, in another folder and by somebody who shares nothing; and what comes after it, quickly. */
async function buildAll() {
  rmSync(PATHS.again, { recursive: true, force: true });
  mkdirSync(PATHS.again, { recursive: true });
  const epoch = sourceEpoch();
  const common = { version, epoch };
  say('building the package ...');
  await buildDebian({ ...common, work: join(PATHS.work, 'tree'), output: PATHS.output });
  say('building it again ...');
  const before = umask(0o077);
  await buildDebian({ ...common, work: join(PATHS.work, 'other/tree-again'), output: PATHS.again });
  umask(before);
  const next = `${version}+next`;
  await buildDebian({
    version: next,
    epoch: epoch + 86_400,
    work: join(PATHS.work, 'tree'),
    output: PATHS.again,
    compression: 'none',
  });
}

env.PATH = systemPath();
try {
  if (getuid() !== 0) throw new SetupError('only root can make a Debian and chroot into it');
  checkNode();
  installPackages();
  for (const purpose of ['test', 'package', 'package-test']) installPrograms(purpose);
  buildIfStale();
  makeDebian(PATHS.debian, 'nftables,iproute2');
  await buildAll();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`package-test: SKIPPED: ${error.message}`);
  exit(CANNOT);
}
const { passed, failed, skipped } = runVitest('package', [execPath], { once: true });
console.log(`\n${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
exit(failed === 0 ? 0 : 1);
