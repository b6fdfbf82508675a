/** A machine of the lab: a namespace in which programs run. */
import { must, type RunOptions, type RunResult, run, start, type Task } from './exec.js';
import { type Child, startChild } from './rpc.js';

export interface Host {
  readonly namespace: string;
  /** Runs to the end, at most `timeoutMs` (default 30 s); never rejects, the exit code is in the result. */
  run(command: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Like `run`, but anything other than exit code 0 throws; gives stdout. */
  must(command: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts a program that goes on; it is killed with the lab. */
  spawn(command: readonly string[], options?: RunOptions): Task;
  /** Starts one of the lab's own scripts, to be asked questions. */
  child(script: string): Child;
  /** Sets `net.ipv4.…`, in this namespace only. */
  sysctl(settings: Record<string, string | number>): Promise<void>;
  /** The kernel's counters (`nstat`), those at zero included. */
  counters(): Promise<Record<string, number>>;
  /** TCP sockets in a state of `ss`, e.g. `established` or `syn-recv`. */
  sockets(state: string): Promise<number>;
}

/** `keep` remembers what must be killed at the end. */
export function host(namespace: string, keep: (task: Task) => void): Host {
  const kept = (task: Task): Task => {
    keep(task);
    return task;
  };
  return {
    namespace,
    run: (command, options) => run(namespace, command, options),
    must: (command, options) => must(namespace, command, options),
    spawn: (command, options) => kept(start(namespace, command, options)),
    child: (script) => {
      const child = startChild(namespace, script);
      keep(child.task);
      return child;
    },
    sysctl: async (settings) => {
      const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
      await must(namespace, ['sysctl', '-q', '-w', ...lines]);
    },
    counters: async () => {
      const { kernel } = JSON.parse(await must(namespace, ['nstat', '-aszj'])) as {
        kernel: Record<string, number>;
      };
      return kernel;
    },
    sockets: async (state) => {
      const lines = await must(namespace, ['ss', '-Htan', 'state', state]);
      return lines.split('\n').filter(Boolean).length;
    },
  };
}
