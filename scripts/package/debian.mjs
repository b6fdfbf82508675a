// The Debian package, with dpkg-deb alone: control files, licences, the folder tree, and the same bytes from the same sources.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { env, execPath } from 'node:process';
import { gzipSync } from 'node:zlib';
import { ROOT, SetupError } from '../setup/packages.mjs';
import { copyFiles } from './files.mjs';
import { copyrightText } from './licences.mjs';
import { makePages, writeCompletions } from './pages.mjs';
import { makeTree, packageJson, settle } from './tree.mjs';

/** Where what is built, and what it is tested with, lies. */
export const PATHS = {
  output: join(ROOT, 'out'),
  work: join(ROOT, 'out/package'),
  again: join(ROOT, 'out/package/again'),
  debian: join(ROOT, 'out/package/debian'),
};

const HOME = 'usr/lib/pathrace';
const DOCS = 'usr/share/doc/pathrace';
const MAINTAINER = 'Pathrace maintainers <maintainers@pathrace.example>';

/**
 * Builds `out/pathrace_VERSION_ARCH.deb` by way of a folder below `work`; the path of the file. `epoch`: seconds, what everything is
 * dated with. `compression`: as dpkg-deb knows it.
 */
export async function buildDebian({ version, epoch, work, output, compression = 'xz' }) {
  const root = join(work, 'root');
  rmSync(work, { recursive: true, force: true });
  const at = (path) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  makeTree(at(HOME), version);
  cpSync(execPath, at(`${HOME}/node`));
  command('strip', [
    '--strip-unneeded',
    '--remove-section=.comment',
    '--remove-section=.note',
    join(root, HOME, 'node'),
  ]);
  const addon = addons(join(root, HOME));
  if (addon.length > 0) command('strip', ['--strip-unneeded', ...addon]);
  writeFileSync(at('usr/bin/pathrace'), wrapper());
  writeFileSync(at('usr/lib/systemd/system/pathrace.service'), unit());
  const pages = await makePages(join(root, HOME), version, epoch);
  writeFileSync(at('usr/share/man/man8/pathrace.8.gz'), compressed(pages.manual));
  writeCompletions(join(root, 'usr/share'), pages);
  writeDocs(at, version, epoch);
  cpSync(join(ROOT, 'packaging/debian/lintian-overrides'), at('usr/share/lintian/overrides/pathrace'));
  const files = settle(root, [`${HOME}/node`, 'usr/bin/pathrace']);
  writeControl(root, files, version, [join(root, HOME, 'node'), ...addon]);
  const file = join(output, `pathrace_${version}_${architecture()}.deb`);
  rmSync(file, { force: true });
  command('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--threads-max=1', '--build', root, file], {
    env: { ...env, SOURCE_DATE_EPOCH: String(epoch), TZ: 'UTC' },
  });
  rmSync(work, { recursive: true, force: true });
  return file;
}

/** As Debian calls this machine's: amd64. */
export function architecture() {
  return command('dpkg', ['--print-architecture']).trim();
}

/** The Node that comes with it, with the flags of the checkout's own program. */
function wrapper() {
  const [shebang] = readFileSync(join(ROOT, 'bin/pathrace'), 'utf8').split('\n');
  const [, flags] = /^#!\/usr\/bin\/env -S node(.*)$/.exec(shebang) ?? [];
  if (flags === undefined) throw new SetupError('bin/pathrace does not begin as the wrapper expects');
  return `#!/bin/sh\nexec /${HOME}/node${flags} /${HOME}/bin/pathrace "$@"\n`;
}

/** The unit of the checkout with the package's paths. */
function unit() {
  return readFileSync(join(ROOT, 'packaging/pathrace.service'), 'utf8')
    .replaceAll('/opt/pathrace/bin/pathrace', '/usr/bin/pathrace')
    .replace('file:/opt/pathrace/README.md', `man:pathrace(8) file:/${DOCS}/README.md`);
}

function writeDocs(at, version, epoch) {
  // Pictures are for the site.
  copyFiles(join(ROOT, 'docs'), at(`${DOCS}/docs`), (file) => /\.(md|json)$/.test(file));
  cpSync(join(ROOT, 'README.md'), at(`${DOCS}/README.md`));
  cpSync(join(ROOT, 'packaging/example.yaml'), at(`${DOCS}/examples/pathrace.yaml`));
  writeFileSync(at(`${DOCS}/copyright`), copyrightText());
  writeFileSync(at(`${DOCS}/changelog.gz`), compressed(changelog(version, epoch)));
  cpSync(join(ROOT, 'CHANGELOG.md'), at(`${DOCS}/CHANGELOG.md`));
}

/** Debian's form of it, which is about packages; what users notice is in CHANGELOG.md. */
function changelog(version, epoch) {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `pathrace (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md for what has changed.\n\n -- ${MAINTAINER}  ${date}\n`;
}

function writeControl(root, files, version, binaries) {
  const { description } = packageJson();
  const folder = join(root, 'DEBIAN');
  mkdirSync(folder);
  const bytes = files.reduce((sum, file) => sum + Math.ceil(readFileSync(join(root, file)).length / 1024), 0);
  const fields = {
    Package: 'pathrace',
    Version: version,
    Architecture: architecture(),
    Maintainer: MAINTAINER,
    'Installed-Size': bytes,
    Depends: [...libraries(binaries), 'nftables (>= 1.0.2)', 'iproute2'].join(', '),
    Suggests: 'bash-completion',
    Section: 'net',
    Priority: 'optional',
    Description: `multi-uplink gateway that races every new connection\n${DESCRIPTION}`,
  };
  if (description === undefined) throw new SetupError('package.json has no description');
  writeFileSync(
    join(folder, 'control'),
    `${Object.entries(fields)
      .map(([key, value]) => `${key}: ${value}`)
      .join('\n')}\n`,
  );
  const scripts = ['postinst', 'prerm', 'postrm'];
  for (const script of scripts) cpSync(join(ROOT, 'packaging/debian', script), join(folder, script));
  const sums = files.map(
    (file) =>
      `${createHash('md5')
        .update(readFileSync(join(root, file)))
        .digest('hex')}  ${file}\n`,
  );
  writeFileSync(join(folder, 'md5sums'), sums.join(''));
  settle(folder, scripts);
}

const DESCRIPTION = ` For a new connection its first packet is copied over all Internet providers at
 once; the provider whose answer comes first carries it, the others are reset.
 What was measured decides the next connections in the kernel. Turns, weights,
 load, cost, order and quota are there as well. Established traffic never leaves
 the kernel.
 .
 The package has everything but nftables and iproute2, the Node.js runtime
 included. Nothing is started until there is a configuration.`;

/** Libraries of Debian that the programs need, with their least versions, as dpkg-shlibdeps finds them. */
function libraries(binaries) {
  // It wants the folder of a source package, whatever is in it.
  const folder = join(dirname(dirname(binaries[0])), 'debian');
  mkdirSync(folder);
  writeFileSync(join(folder, 'control'), 'Source: pathrace\n\nPackage: pathrace\nArchitecture: any\n');
  try {
    const said = command('dpkg-shlibdeps', ['-O', '--ignore-missing-info', ...binaries], {
      cwd: dirname(folder),
    });
    const found = said.trim().replace('shlibs:Depends=', '').split(', ').sort();
    const own = found.find((one) => /^libnode/.test(one));
    if (own !== undefined)
      throw new SetupError(
        `this Node is Debian's and needs ${own}: build with one that is whole, from nodejs.org`,
      );
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function addons(home) {
  const folder = join(home, 'node_modules/@koromix');
  const found = spawnSync('find', [folder, '-name', '*.node'], { encoding: 'utf8' }).stdout.trim();
  return found === '' ? [] : found.split('\n').sort();
}

function compressed(text) {
  // No name, no date: the same bytes each time.
  return gzipSync(text, { level: 9 });
}

function command(program, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    ...options,
  });
  if (status !== 0)
    throw new SetupError(`${program} failed: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  return stdout;
}
