/**
 * Nothing of a lab outlives it. A janitor, a shell of its own session, waits for its stdin to close, which happens on every end
 * of the lab's process, SIGKILL included; it then kills what still runs in the namespaces and removes them.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { run } from './exec.js';
import { ownerOf } from './plan.js';

/** Removes the namespaces and the directory when called, and whenever this process ends without calling. */
export interface Janitor {
  sweep(): Promise<void>;
}

const SWEEP = `
cat >/dev/null
dir=$1; shift
for ns in "$@"; do for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done; done
for ns in "$@"; do ip netns del "$ns" 2>/dev/null; done
rm -rf "$dir"
`;

export function hireJanitor(namespaces: readonly string[], directory: string): Janitor {
  const child = spawn('sh', ['-c', SWEEP, 'janitor', directory, ...namespaces], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // Ctrl-C at the terminal must not reach it.
  });
  const gone = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    child.on('error', () => resolve());
  });
  child.unref();
  return {
    async sweep(): Promise<void> {
      child.ref();
      child.stdin?.end();
      await gone;
    },
  };
}

/** Removes the namespaces of labs whose process is dead, with what runs in them; gives their names. */
export async function cleanLeftovers(): Promise<string[]> {
  if (!existsSync('/run/netns')) return [];
  const leftovers = readdirSync('/run/netns').filter((name) => {
    const pid = ownerOf(name);
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
  for (const name of leftovers) {
    const { stdout } = await run(undefined, ['ip', 'netns', 'pids', name]);
    for (const pid of stdout.split('\n').filter(Boolean)) await run(undefined, ['kill', '-KILL', pid]);
    await run(undefined, ['ip', 'netns', 'del', name]);
  }
  return leftovers;
}
