// The npm packages that the gateway loads, without what it never reads: types, sources, tests, other machines' binaries.
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { arch, platform } from 'node:process';
import { ROOT } from '../setup/packages.mjs';

const LICENCE = /^(licen[cs]e|copying|notice)/i;
/** Beside the code of a package; folders of the same names deeper inside may be code. */
const FOLDERS = [
  '.github',
  'benchmark',
  'benchmarks',
  'doc',
  'docs',
  'example',
  'examples',
  'integration',
  'test',
  'tests',
  'types',
];
const FILES =
  /(\.(d\.[cm]?ts|ts|map|md|markdown|cc|hh|inc|def|html|ico|sh|ya?ml|min\.js)|^\.[^/]*|^eslint\.config\..*|^tsconfig.*|^CNAME)$/i;
/** What is large and never loaded. */
const UNUSED = {
  fastify: ['build', 'scripts'],
  koffi: [
    'lib',
    'vendor',
    'src/koffi/src/abi',
    'src/koffi/src/trampolines.cjs',
    'src/koffi/CMakeLists.txt',
    'cnoke.cjs',
  ],
  pino: ['bin.js', 'build'],
  'safe-regex2': ['bin'],
  semver: ['bin'],
  tldts: ['bin', 'src', 'dist/types'],
  'tldts-core': ['src', 'dist/types'],
  zod: ['src'],
  yaml: ['browser', 'bin.mjs'],
};

/** Packages of the lock file that are not for development alone and are there, by name: folder below node_modules. */
export function productionModules() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true && existsSync(join(ROOT, path)))
    .map(([path]) => path)
    .sort();
}

/** Copies them below `target`. */
export function copyModules(target) {
  for (const path of productionModules()) {
    const home = join(ROOT, path);
    const unused = (UNUSED[path.replace(/^.*node_modules\//, '')] ?? []).map((part) => join(home, part));
    cpSync(home, join(target, path), {
      recursive: true,
      dereference: true,
      filter: (file) => file === home || (isNeeded(home, file) && !unused.includes(file)),
    });
  }
}

function isNeeded(home, file) {
  const name = basename(file);
  const inside = relative(home, file);
  // Packages inside have their own turn.
  if (name === 'node_modules' || LICENCE.test(name) || FILES.test(name)) return false;
  if (!inside.includes(sep) && FOLDERS.includes(name)) return false;
  // koffi brings what is for another C library as well.
  if (basename(dirname(home)) === '@koromix' && !inside.includes(sep) && /_/.test(name)) {
    return name === `${platform}_${arch}`;
  }
  return true;
}

/** `{ name, version, licence, text }` of each, for the copyright file; throws over a package that says no licence. */
export function moduleLicences() {
  return productionModules().map((path) => {
    const home = join(ROOT, path);
    const { name, version, license } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    const file = readdirSync(home).find((one) => LICENCE.test(one));
    const text = file === undefined ? undefined : readFileSync(join(home, file), 'utf8');
    if (typeof license !== 'string') throw new Error(`${name} says no licence`);
    return { name, version, licence: license, text };
  });
}
