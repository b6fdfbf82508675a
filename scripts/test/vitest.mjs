// Runs one vitest project and counts its tests from vitest's own report.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, tool } from '../setup/packages.mjs';

/** `node` is the command that runs a script, with whatever has to come before it. */
export function runVitest(project, node) {
  const directory = mkdtempSync(join(tmpdir(), 'pathrace-test-'));
  const report = join(directory, 'report.json');
  const options = ['run', '--project', project, '--reporter=default', '--reporter=json'];
  const [command, ...args] = [
    ...node,
    ...tool('vitest', 'vitest', [...options, `--outputFile.json=${report}`]),
  ];
  try {
    const { status } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
    return count(report, status === 0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function count(report, succeeded) {
  let read;
  try {
    read = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // A file that does not load or a hook that fails has no failed test of its own.
  const broken = read.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = read.numFailedTests + broken.length;
  return {
    passed: read.numPassedTests,
    // An error outside of any test, or a run that broke off, must not pass for a success.
    failed: failed === 0 && !succeeded ? 1 : failed,
    skipped: read.numPendingTests + read.numTodoTests,
  };
}
