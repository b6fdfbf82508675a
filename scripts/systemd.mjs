// `npm run test:systemd`: README's gateway on a fresh Debian 12 whose first program is systemd, in a virtual machine (qemu, with or without KVM): the
// Debian package and its unit, reload, restart, watchdog, stop, upgrade and purge. Exit code 77: it cannot be done here, and why.
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env, exit } from 'node:process';
import { boot } from './kernels/machine.mjs';
import { buildDebian } from './package/debian.mjs';
import { packageJson, sourceEpoch } from './package/tree.mjs';
import { installPrograms, systemPath } from './setup/debian.mjs';
import { makeDebian, run } from './setup/fresh-debian.mjs';
import { buildIfStale, checkNode, installPackages, ROOT, SetupError } from './setup/packages.mjs';

const CANNOT = 77;
const SECONDS = 2400;
const FOLDER = join(ROOT, 'out/systemd');
const SYSTEM = join(FOLDER, 'system');
const IMAGE = join(FOLDER, 'disk.img');
const PACKAGES =
  'systemd-sysv,dbus,linux-image-amd64,nftables,iproute2,kmod,procps,curl,python3-minimal,libpython3-stdlib';

/** A fresh system, once, and who does what a person would. */
function makeSystem() {
  makeDebian(SYSTEM, PACKAGES);
  const units = join(SYSTEM, 'etc/systemd/system');
  // It would take the console away.
  link('/dev/null', join(units, 'serial-getty@ttyS0.service'));
  writeFileSync(join(units, 'operator.service'), OPERATOR);
  link('../operator.service', join(units, 'multi-user.target.wants/operator.service'));
  writeFileSync(join(SYSTEM, 'etc/fstab'), '/dev/vda / ext4 defaults 0 1\n');
}

function link(target, path) {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}

const OPERATOR = `[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /root/guest.sh
TimeoutStartSec=infinity
`;

/** What is tested goes into it anew: the package, what comes after it, and README's configuration. */
async function fill() {
  const { version } = packageJson();
  const work = join(FOLDER, 'tree');
  const common = { epoch: sourceEpoch(), work, output: FOLDER, compression: 'none' };
  for (const [name, one] of [
    ['pathrace.deb', version],
    ['next.deb', `${version}+next`],
  ])
    renameSync(await buildDebian({ ...common, version: one }), join(SYSTEM, 'root', name));
  for (const name of ['guest.sh', 'echo.py'])
    cpSync(join(ROOT, 'scripts/systemd', name), join(SYSTEM, 'root', name));
  writeFileSync(join(SYSTEM, 'root/readme.yaml'), exampleOf(readFileSync(join(ROOT, 'README.md'), 'utf8')));
  rmSync(IMAGE, { force: true });
  run('mke2fs', ['-q', '-t', 'ext4', '-d', SYSTEM, IMAGE, '3G']);
}

function exampleOf(readme) {
  const [, example] = /`\/etc\/pathrace\.yaml`:\n\n```yaml\n([^`]*)```/.exec(readme) ?? [];
  if (example === undefined) throw new SetupError('README has no /etc/pathrace.yaml');
  return example;
}

async function runOperator() {
  const files = readdirSync(join(SYSTEM, 'boot'));
  const named = (prefix) =>
    join(
      SYSTEM,
      'boot',
      files.find((name) => name.startsWith(prefix)),
    );
  const counts = { passed: 0, failed: 0, ended: false };
  const options = [
    ...['-kernel', named('vmlinuz-'), '-initrd', named('initrd.img-')],
    ...['-drive', `file=${IMAGE},if=virtio,format=raw,cache=unsafe`],
    ...['-append', 'root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0 mitigations=off'],
  ];
  await boot(options, SECONDS, (line) => {
    if (line.startsWith('ok ')) counts.passed++;
    if (line.startsWith('not ok ')) counts.failed++;
    if (line === 'END') counts.ended = true;
    else console.log(line);
  });
  return counts;
}

env.PATH = systemPath();
try {
  if (process.arch !== 'x64') throw new SetupError(`the system is for x64, this machine is ${process.arch}`);
  checkNode();
  installPackages();
  for (const purpose of ['package', 'systemd']) installPrograms(purpose);
  buildIfStale();
  makeSystem();
  await fill();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`systemd: SKIPPED: ${error.message}`);
  exit(CANNOT);
}
const { passed, failed, ended } = await runOperator();
rmSync(IMAGE, { force: true });
if (!ended) console.log('FAILED: the machine has ended before its checks');
console.log(`\n${passed} passed, ${failed + (ended ? 0 : 1)} failed`);
exit(failed === 0 && ended ? 0 : 1);
