// The parts of `npm test`: what each runs, under which headline, and how its results are counted.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { env, execPath } from 'node:process';
import { ROOT, tool } from '../setup/packages.mjs';
import { runVitest } from './vitest.mjs';

/** In the order in which they run: the quick ones first. */
export const PARTS = {
  types: () => [
    step('types: the pure folders see no Node', 'typescript', 'tsc', ['-p', 'tsconfig.pure.json']),
    step('types: everything, and build', 'typescript', 'tsc', ['-p', 'tsconfig.json']),
    step('types: the tests', 'typescript', 'tsc', ['-p', 'tsconfig.test.json']),
    step('types: the page', 'typescript', 'tsc', ['-p', 'web/tsconfig.json']),
  ],
  lint: () => [step('lint and format', '@biomejs/biome', 'biome', ['check', '--max-diagnostics=50'])],
  fast: () => [
    headed('fast tests: architecture, units, properties, simulator', () => runVitest('fast', [execPath])),
  ],
  lab: () => [
    headed('lab tests: the real kernel in network namespaces', () => lab('lab')),
    headed('lab tests that mostly wait, several files at a time', () => lab('waiting')),
  ],
  wide: () => [headed('more lab tests that mostly wait: what else it can do', () => lab('wide'))],
  browser: () => [headed('the page in Chromium, with a real gateway behind it', () => lab('browser'))],
  long: () => [headed('lab tests that walk through every moment and every failure', () => lab('long'))],
};

/** What is run without being named: a quarter of an hour. */
export const USUAL = Object.keys(PARTS).filter((name) => name !== 'wide' && name !== 'long');

/** Runs one part; the result is a count per step. */
export function runPart(name) {
  return PARTS[name]();
}

/** A program of an npm package that passes or fails as a whole. */
function step(title, packageName, program, args) {
  return headed(title, () => {
    const { status } = spawnSync(execPath, tool(packageName, program, args), {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const failures = status === 0 ? [] : [`${title}: see above`];
    return { passed: status === 0 ? 1 : 0, failed: failures.length, skipped: 0, again: [], failures };
  });
}

/** A headline before, and the result with its time after. */
function headed(title, run) {
  console.log(`\n=== ${title}`);
  const startedAt = performance.now();
  const count = run();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const words = count.failed === 0 ? 'ok' : 'FAILED';
  const skipped = count.skipped === 0 ? '' : `, ${count.skipped} skipped`;
  const again = count.again.length === 0 ? '' : `, ${count.again.length} at a second try`;
  console.log(
    `--- ${title}: ${words} (${count.passed} ok, ${count.failed} failed${skipped}${again}, ${seconds} s)`,
  );
  return count;
}

/** The lab needs root, or a user namespace in which it is root. */
function lab(project) {
  if (isSet(env.PATHRACE_NO_LAB)) return notRun(project, 'PATHRACE_NO_LAB is set', 0);
  const privileged = [execPath, join(ROOT, 'scripts/test/privileged.mjs')];
  if (
    spawnSync(privileged[0], [privileged[1], 'true'], { stdio: ['ignore', 'inherit', 'inherit'] }).status ===
    0
  ) {
    return runVitest(project, [...privileged, execPath]);
  }
  return notRun(project, 'they need root or a user namespace; PATHRACE_NO_LAB=1 goes without them', 1);
}

/** All files are named once, with the first project. */
function notRun(project, why, failed) {
  if (project !== 'lab') return { passed: 0, failed: 0, skipped: 0, again: [], failures: [] };
  const files = ['test/lab', 'test/browser'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `${folder}/${name}`),
  );
  console.log(`These ${files.length} files of tests did NOT run: ${why}.`);
  for (const name of files) console.log(`  ${name}`);
  const failures = failed === 0 ? [] : [`lab tests: ${why}`];
  return { passed: 0, failed, skipped: files.length, again: [], failures };
}

function isSet(value) {
  return value !== undefined && value !== '' && value !== '0';
}
