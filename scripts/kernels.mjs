// `npm run test:kernels [-- [measure] LINE ... [--only NAMES]]`: a smoke test of the gateway on stock kernels of the distribution, each in a virtual machine (qemu, with
// or without KVM) whose root file system is this machine's, read only below a tmpfs. `measure`: what a flowtable is worth, instead. `--only`: the
// tests whose names match alone. Exit code 77: it cannot be done here, and why.
import { argv, env, execPath, exit } from 'node:process';
import { fetchKernel, newestPackage } from './kernels/archive.mjs';
import { runInMachine } from './kernels/machine.mjs';
import { installPrograms, systemPath } from './setup/debian.mjs';
import { buildIfStale, checkNode, installPackages, SetupError } from './setup/packages.mjs';

/** Kernels that are worth the time; an archive that has one of a line is asked for its newest. */
const LINES = ['6.1', '6.12'];
const CANNOT = 77;
const SECONDS = 1800;
const TEST = [execPath, '--test-reporter=spec', 'dist/test/kernels/main.js'];
const MEASURE = [execPath, 'dist/test/kernels/measure.js'];

/** The folders of the kernels that there are. */
function prepare(lines) {
  if (process.arch !== 'x64')
    throw new SetupError(`the kernels are for x64, this machine is ${process.arch}`);
  checkNode();
  installPackages();
  installPrograms('kernels');
  buildIfStale();
  const found = lines.map((line) => ({ line, name: newestPackage(line) }));
  for (const { line } of found.filter(({ name }) => name === null))
    console.log(`kernel ${line}: SKIPPED, no package of it in this machine's package sources`);
  return found.flatMap(({ name }) => (name === null ? [] : [{ name, folder: fetchKernel(name) }]));
}

env.PATH = systemPath();
const words = argv.slice(2);
const only = words.includes('--only') ? words.splice(words.indexOf('--only'), 2)[1] : null;
const filter = only === null ? [] : [`--test-name-pattern=${only}`];
const command = words[0] === 'measure' ? MEASURE : [TEST[0], ...filter, ...TEST.slice(1)];
const lines = words.filter((word) => word !== 'measure');
let kernels = [];
try {
  kernels = prepare(lines.length > 0 ? lines : LINES);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`kernels: SKIPPED: ${error.message}`);
  exit(CANNOT);
}
if (kernels.length === 0) exit(CANNOT);

let failed = 0;
for (const { name, folder } of kernels) {
  console.log(`\n=== ${name}`);
  const startedAt = performance.now();
  const code = await runInMachine(folder, command, SECONDS, (line) => console.log(line));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const result =
    code === 0 ? 'ok' : code === null ? 'FAILED: the machine has ended before its tests' : 'FAILED';
  console.log(`--- ${name}: ${result} (${seconds} s)`);
  if (code !== 0) failed++;
}
console.log(`\n${kernels.length - failed} of ${kernels.length} kernels passed`);
exit(failed === 0 ? 0 : 1);
