// Kernels of the distribution: found, fetched and unpacked with its own tools; nothing of them is installed on this machine.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { quietly, ROOT, SetupError, say } from '../setup/packages.mjs';
import { cpio } from './cpio.mjs';

const CACHE = join(ROOT, 'out/kernels');
/** What mounts the root; all else is loaded by the kernel itself when it is asked for, as on any machine. */
const FIRST_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const KMOD_NAMES = ['depmod', 'insmod', 'lsmod', 'modinfo', 'modprobe', 'rmmod'];

/** The newest package of a line (`6.1`) that the machine's package sources have; null: none. Old lists are no reason to go without. */
export function newestPackage(line) {
  return listedPackage(line) ?? (updateLists() ? listedPackage(line) : null);
}

function listedPackage(line) {
  const { stdout } = spawnSync('apt-cache', ['pkgnames', `linux-image-${line}.`], { encoding: 'utf8' });
  const names = (stdout ?? '')
    .split('\n')
    .filter((name) => /-amd64$/.test(name) && !/-(cloud|rt)-/.test(name));
  names.sort((left, right) => left.localeCompare(right, 'en', { numeric: true }));
  return names.at(-1) ?? null;
}

/** Fetches and unpacks a kernel, once. Its folder has `vmlinuz`, `initrd.cpio`, and `layer`, which is to be laid over a root. */
export function fetchKernel(packageName) {
  const folder = join(CACHE, packageName);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'unpacked-'));
  try {
    say(`fetching ${packageName} from the package archive (not installed, kept in out/kernels) ...`);
    const tree = join(work, 'tree');
    // kmod, since the machine's own root may have no modprobe; busybox is the shell of the moment before there is a root.
    for (const name of [packageName, 'kmod', 'busybox-static']) unpack(work, name, tree);
    const made = build(tree, work);
    renameSync(made, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

let updated = false;

/** Once, and only as root; false: it has been done before, or cannot be. */
function updateLists() {
  if (updated || process.getuid?.() !== 0) return false;
  updated = true;
  say('reading the package lists again (apt-get update) ...');
  return spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore' }).status === 0;
}

function unpack(work, name, tree) {
  const download = () => spawnSync('apt-get', ['download', '-q', name], { cwd: work, encoding: 'utf8' });
  let { status, stderr } = download();
  if (status !== 0 && updateLists()) ({ status, stderr } = download());
  if (status !== 0)
    throw new SetupError(`apt-get cannot download ${name}: ${stderr.trim().split('\n').at(-1)}`);
  const file = readdirSync(work).find((entry) => entry.startsWith(`${name}_`));
  quietly('dpkg-deb', ['-x', file, tree], `dpkg-deb cannot unpack ${file}`, { cwd: work });
}

function build(tree, work) {
  const release = readdirSync(join(tree, 'lib/modules'))[0];
  const kmod = (name, ...args) => run(join(tree, 'bin/kmod'), args, { argv0: name });
  kmod('depmod', '-b', tree, release);
  const folder = join(work, 'kernel');
  const layer = join(folder, 'layer/usr');
  mkdirSync(join(layer, 'lib'), { recursive: true });
  renameSync(join(tree, 'boot', `vmlinuz-${release}`), join(folder, 'vmlinuz'));
  const loaded = FIRST_MODULES.flatMap((name) =>
    [...kmod('modprobe', '-d', tree, '-S', release, '--show-depends', name).matchAll(/^insmod (\S+)/gm)].map(
      ([, path]) => path,
    ),
  );
  const busybox = readFileSync(join(tree, 'bin/busybox'));
  const files = [
    ...['bin', 'dev', 'proc', 'sys', 'host', 'layer', 'changes', 'root', 'modules'].map((path) => ({
      path,
      mode: 0o40755,
    })),
    { path: 'bin/busybox', mode: 0o100755, content: busybox },
    // Numbered, in the order in which they need each other.
    ...[...new Set(loaded)].map((path, index) => ({
      path: `modules/${100 + index}.ko`,
      mode: 0o100644,
      content: path.endsWith('.xz')
        ? run(join(tree, 'bin/busybox'), ['xz', '-dc', path], {}, 'buffer')
        : readFileSync(path),
    })),
  ];
  writeFileSync(join(folder, 'initrd.cpio'), cpio(files));
  renameSync(join(tree, 'lib/modules'), join(layer, 'lib/modules'));
  for (const place of ['bin', 'sbin']) mkdirSync(join(layer, place));
  renameSync(join(tree, 'bin/kmod'), join(layer, 'bin/kmod'));
  for (const name of KMOD_NAMES) symlinkSync('../bin/kmod', join(layer, 'sbin', name));
  return folder;
}

function run(command, args, options, encoding = 'utf8') {
  const { status, stdout, stderr } = spawnSync(command, args, { ...options, encoding, maxBuffer: 1 << 27 });
  if (status !== 0) throw new SetupError(`${[command, ...args].join(' ')} fails: ${stderr}`);
  return stdout;
}
