/** The entry of the command line: runs one command and turns every failure into a clear line and an exit code. */
import { CommanderError } from 'commander';
import { ConfigError, problemLine } from '../config/problems.js';
import { PathraceError } from '../model/errors.js';
import { journalPriority, logForm } from '../observe/journal.js';
import { type CommandIo, EXIT, type Input, type Output, writeError } from './io.js';
import { createProgram } from './program.js';
import { takeSignals } from './signals.js';
import { CHECK_EXIT } from './status-check.js';

/** Runs the command that `args` (without `node` and the script) name; the result is the exit code. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  const json = args.includes('--json');
  let code: number = EXIT.ok;
  try {
    const done = (result: number): void => {
      code = result;
    };
    await createProgram(io, done, json).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    code = report(error, json, io);
    // To monitoring 1 and 2 are an alarm and a gateway that is down.
    const isCheck = args[0] === 'status' && args.includes('--check');
    return isCheck && code !== EXIT.ok ? CHECK_EXIT.unknown : code;
  }
}

/** Runs this process's command and ends the process. */
export async function runProcess(): Promise<void> {
  const { stdout, stderr, env } = process;
  const args = process.argv.slice(2);
  const runsOn = args[0] === 'gateway';
  const signals = runsOn ? takeSignals() : undefined;
  for (const stream of [stdout, stderr]) {
    // The reader may leave early, as in `pathrace status | head -1`. A gateway goes on without.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' && !runsOn) process.exit(EXIT.ok);
    });
  }
  const input = (): Input => process.stdin;
  const keys = process.stdin.isTTY === true ? readKeys : undefined;
  process.exit(await main(args, { stdout, stderr, env, input, signals, interrupted, keys }));
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}

/** Keys as they are pressed, not as lines; the terminal is as it was when it ends. */
function readKeys(pressed: (key: string) => void): () => void {
  const { stdin } = process;
  const hear = (text: Buffer): void => {
    for (const key of text.toString('latin1')) pressed(key);
  };
  const leave = (): void => {
    stdin.off('data', hear);
    stdin.setRawMode(false);
    stdin.pause();
    process.off('exit', leave);
  };
  stdin.setRawMode(true);
  stdin.on('data', hear);
  process.once('exit', leave);
  return leave;
}

function report(error: unknown, json: boolean, io: CommandIo): number {
  // Commander has printed the help or, without `--json`, what is wrong; 0 means that help was asked for.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    if (json) writeError(io, new PathraceError('E_ARGUMENT', messageOf(error).replace(/^error: /, '')));
    return EXIT.usage;
  }
  const known = error instanceof PathraceError ? error : new PathraceError('E_INTERNAL', messageOf(error));
  if (json) writeError(io, known);
  else writeText(io.stderr, known, logForm(io.env) === 'journal' ? journalPriority('error') : '');
  const debug = io.env.PATHRACE_DEBUG;
  if (debug !== undefined && debug !== '' && debug !== '0') {
    io.stderr.write(`${(error as Error | null)?.stack ?? String(error)}\n`);
  }
  return known.code === 'E_ARGUMENT' ? EXIT.usage : EXIT.failed;
}

/** `priority`: what the journal reads at the begin of a line. */
function writeText(output: Output, error: PathraceError, priority: string): void {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) output.write(`${priority}${problemLine(error.file, problem)}\n`);
  }
  output.write(`${priority}pathrace: ${error.toString()}\n`);
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0];
}
