// Runs one vitest project and counts its tests from vitest's own report.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT, tool } from '../setup/packages.mjs';

/** More files than this do not fail for want of a processor. */
const MOST_AGAIN = 5;
/** Of one failure's message, in the list at the end. */
const MOST_LINES = 12;

/** What fails by chance is a counterexample, and none the less one when the next run draws others. */
const DRAWN = 'test/property/';

/**
 * `node` is the command that runs a script, with whatever has to come before it. Files that failed run once more, one at a time, with
 * everything set up anew. That tells what a busy machine does from what is broken; they are named, whichever it is. `once`: not for tests
 * that would meet what the first run has left.
 */
export function runVitest(project, node, { once = false } = {}) {
  const first = runOnce(project, node, []);
  const { files } = first;
  if (once || files.length === 0 || files.length > MOST_AGAIN || files.some((file) => file.startsWith(DRAWN)))
    return first.count;
  console.log(`\n--- ${first.files.length} failed, once more alone: ${first.files.join(', ')}`);
  const again = runOnce(project, node, ['--no-file-parallelism', ...first.files]);
  if (again.count.failed === 0)
    console.log(`\n--- passed alone, at the second run: ${first.files.join(', ')}`);
  const { passed, failed, skipped } = again.count;
  // What has failed twice is a failure, not a second try.
  const rescued = first.files.filter((file) => !again.files.includes(file));
  return {
    passed: first.count.passed - first.passedInFiles + passed,
    failed,
    skipped: first.count.skipped - first.skippedInFiles + skipped,
    failures: again.count.failures,
    again: [...first.count.again, ...again.count.again, ...rescued.map((file) => `${file}: the file, alone`)],
  };
}

function runOnce(project, node, further) {
  const directory = mkdtempSync(join(tmpdir(), 'pathrace-test-'));
  const report = join(directory, 'report.json');
  const options = ['run', '--project', project, '--reporter=default', '--reporter=json'];
  const [command, ...args] = [
    ...node,
    ...tool('vitest', 'vitest', [...options, `--outputFile.json=${report}`, ...further]),
  ];
  try {
    const { status } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
    return evaluate(report, status === 0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The count, and the files that failed with what passed and was left out in them. */
function evaluate(report, succeeded) {
  let read;
  try {
    read = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    const count = {
      passed: 0,
      failed: 1,
      skipped: 0,
      again: [],
      failures: ['vitest ended without a report'],
    };
    return { count, files: [], passedInFiles: 0, skippedInFiles: 0 };
  }
  const failing = read.testResults.filter(({ status }) => status === 'failed');
  const inFailing = (...states) =>
    failing
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => states.includes(status)).length;
  // A file that does not load or a hook that fails has no failed test of its own.
  const broken = failing.filter(
    ({ assertionResults }) => !assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = read.numFailedTests + broken.length;
  return {
    count: {
      passed: read.numPassedTests,
      // An error outside of any test, or a run that broke off, must not pass for a success.
      failed: failed === 0 && !succeeded ? 1 : failed,
      skipped: read.numPendingTests + read.numTodoTests,
      again: read.testResults.flatMap(toldAgain),
      failures:
        failed === 0 && !succeeded ? ['an error outside of all tests, see above'] : failing.flatMap(told),
    },
    files: failing.map(({ name }) => relative(ROOT, name)),
    passedInFiles: inFailing('passed'),
    skippedInFiles: inFailing('pending', 'skipped', 'todo'),
  };
}

/** What failed in one file, each with the beginning of its message. */
function told({ name, message, assertionResults }) {
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  const each = failed.map((test) => ({ title: test.fullName, why: test.failureMessages[0] }));
  if (each.length === 0) each.push({ title: 'the file as a whole', why: message });
  return each.map(({ title, why }) => `${relative(ROOT, name)}: ${title}\n${beginning(why ?? 'no message')}`);
}

/** What passed in one file at a second try: it carries the message of the first. */
function toldAgain({ name, assertionResults }) {
  return assertionResults
    .filter(({ status, failureMessages }) => status === 'passed' && failureMessages.length > 0)
    .map(
      ({ fullName, failureMessages }) =>
        `${relative(ROOT, name)}: ${fullName}\n${beginning(failureMessages[0])}`,
    );
}

/** Enough of a message to see what was found and expected. */
function beginning(message) {
  const lines = message.split('\n').filter((line) => !line.includes('/node_modules/'));
  return lines
    .slice(0, MOST_LINES)
    .map((line) => `    ${line.slice(0, 200)}`)
    .join('\n');
}
