// The npm packages that the gateway loads, without what it never reads: types, sources, tests, other machines' binaries.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { arch, platform } from 'node:process';
import { ROOT } from '../setup/packages.mjs';
import { copyFiles } from './files.mjs';

const LICENCE = /^(licen[cs]e|copying|notice)/i;
/** Beside the code of a package; folders of the same names deeper inside may be code. */
const FOLDERS = [
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
  /(\.(d\.[cm]?ts|ts|map|md|markdown|cc|hh|inc|def|html|ico|sh|ya?ml|min\.js)|^eslint\.config\..*|^tsconfig.*|^CNAME)$/i;
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
    const name = path.replace(/^.*node_modules\//, '');
    copyFiles(join(ROOT, path), join(target, path), (file) => isNeeded(name, file));
  }
}

/** Whether a file of a package, by its path inside, is ever loaded. */
function isNeeded(name, file) {
  const [first, ...further] = file.split(sep);
  // What is hidden is for the package's own makers.
  if ([first, ...further].some((part) => part.startsWith('.'))) return false;
  // Packages inside have their own turn.
  if (first === 'node_modules' || LICENCE.test(basename(file)) || FILES.test(basename(file))) return false;
  if (further.length > 0 && FOLDERS.includes(first)) return false;
  if ((UNUSED[name] ?? []).some((part) => file === part || file.startsWith(part + sep))) return false;
  // koffi brings what is for another C library as well.
  return !name.startsWith('@koromix/') || further.length === 0 || first === `${platform}_${arch}`;
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
