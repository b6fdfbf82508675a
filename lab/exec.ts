/** Runs programs in a namespace so that none outlives the lab: bounded time, bounded output, killed with the parent. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';

export interface RunOptions {
  /** Killed after this long; default 30 000 ms. */
  timeoutMs?: number;
  /** Written to standard input. */
  input?: string;
  env?: Record<string, string>;
  cwd?: string;
}

export interface RunResult {
  /** Exit code, or null after a signal. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  milliseconds: number;
}

/** A program that goes on running. */
export interface Task {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Output so far, at most the last megabyte. */
  stdout(): string;
  stderr(): string;
  /** The first line on stdout or stderr that matches, also one already printed; rejects on exit and after `timeoutMs` (default 10 s). */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Ends it with SIGTERM, and with SIGKILL after `graceMs` (default 5 s). */
  stop(graceMs?: number): Promise<RunResult>;
  readonly done: Promise<RunResult>;
}

const OUTPUT_LIMIT_BYTES = 1 << 20;

/** Arguments that put a command into a namespace; both prefixes exec, so the process keeps its pid. */
export function inNamespace(namespace: string | undefined, command: readonly string[]): string[] {
  const placed = namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command];
  return ['setpriv', '--pdeathsig', 'KILL', '--', ...placed];
}

export function start(
  namespace: string | undefined,
  command: readonly string[],
  options: RunOptions = {},
  stdio: StdioOptions = ['pipe', 'pipe', 'pipe'],
): Task {
  const [program, ...args] = inNamespace(namespace, command);
  const startedAt = performance.now();
  const child = spawn(program as string, args, {
    stdio,
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  const output = { stdout: '', stderr: '' };
  // BOUNDED: one per caller that is waiting for a line.
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      output[name] = (output[name] + chunk).slice(-OUTPUT_LIMIT_BYTES);
      for (const listener of listeners) listener();
    });
  }
  child.stdin?.on('error', () => {}); // The program may end without reading its input.
  child.stdin?.end(options.input ?? '');

  let finished: RunResult | undefined;
  const done = new Promise<RunResult>((resolve) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
      finished = {
        code,
        signal,
        ...output,
        timedOut: false,
        milliseconds: performance.now() - startedAt,
      };
      resolve(finished);
      for (const listener of listeners) listener();
    };
    child.on('error', (error) => {
      output.stderr += error.message;
      finish(127, null);
    });
    child.on('close', finish);
  });

  function waitForLine(pattern: RegExp, timeoutMs = 10_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (action: () => void): void => {
        clearTimeout(timer);
        listeners.delete(look);
        action();
      };
      const look = (): void => {
        const lines = `${output.stdout}\n${output.stderr}`.split('\n');
        const line = lines.find((candidate) => pattern.test(candidate));
        if (line !== undefined) settle(() => resolve(line));
        else if (finished !== undefined) fail(`ended with ${finished.code ?? finished.signal}`);
      };
      const fail = (why: string): void => {
        const printed = `${output.stdout}${output.stderr}`.slice(-2000);
        settle(() => reject(new Error(`${command.join(' ')}: no line ${pattern}: ${why}\n${printed}`)));
      };
      const timer = setTimeout(() => fail(`none within ${timeoutMs} ms`), timeoutMs);
      listeners.add(look);
      look();
    });
  }

  async function stop(graceMs = 5000): Promise<RunResult> {
    child.kill('SIGTERM');
    child.kill('SIGCONT'); // A stopped process would keep the SIGTERM waiting.
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    const result = await done;
    clearTimeout(timer);
    return result;
  }

  return {
    pid: child.pid ?? 0,
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    waitForLine,
    signal: (name) => void child.kill(name),
    stop,
    done,
  };
}

/** Runs to the end; never rejects, the exit code is in the result. */
export async function run(
  namespace: string | undefined,
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const task = start(namespace, command, options);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    task.signal('SIGKILL');
  }, options.timeoutMs ?? 30_000);
  const result = await task.done;
  clearTimeout(timer);
  return { ...result, timedOut };
}

/** Like `run`, but anything other than exit code 0 throws with what the program said; gives its stdout. */
export async function must(
  namespace: string | undefined,
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await run(namespace, command, options);
  if (result.code === 0) return result.stdout;
  const why = result.timedOut ? 'took too long' : `ended with ${result.code ?? result.signal}`;
  throw new Error(`${command.join(' ')} (${namespace ?? 'host'}) ${why}\n${result.stderr}${result.stdout}`);
}
