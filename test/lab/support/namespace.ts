/** Commands in a network namespace that a test has made itself, without a lab. */
import { spawnSync } from 'node:child_process';

const LONGEST_OUTPUT = 64 * 1024 * 1024;

/** Runs a command to its end and returns what it has written; fails with what it has complained of. */
export function runIn(namespace: string, command: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', namespace, ...command], {
    input,
    encoding: 'utf8',
    maxBuffer: LONGEST_OUTPUT,
  });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${status} ${stderr || stdout}`);
  return stdout;
}
