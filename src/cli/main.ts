/** The entry of the command line: runs one command and turns every failure into a clear line and an exit code. */
import { CommanderError } from 'commander';
import { ConfigError, problemLine } from '../config/problems.js';
import { PathraceError } from '../model/errors.js';
import { type CommandIo, EXIT, type Output, writeJson } from './io.js';
import { createProgram } from './program.js';
import { takeSignals } from './signals.js';

/** Runs the command that `args` (without `node` and the script) name; the result is the exit code. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  let code: number = EXIT.ok;
  try {
    await createProgram(io, (result) => {
      code = result;
    }).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return report(error, args.includes('--json'), io);
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
  process.exit(await main(args, { stdout, stderr, env, signals }));
}

function report(error: unknown, json: boolean, io: CommandIo): number {
  // Commander has printed the help or what is wrong; 0 means that help was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const known = error instanceof PathraceError ? error : new PathraceError('E_INTERNAL', messageOf(error));
  if (json) writeJson(io.stderr, toJson(known));
  else writeText(io.stderr, known);
  const debug = io.env.PATHRACE_DEBUG;
  if (debug !== undefined && debug !== '' && debug !== '0') {
    io.stderr.write(`${(error as Error | null)?.stack ?? String(error)}\n`);
  }
  return known.code === 'E_ARGUMENT' ? EXIT.usage : EXIT.failed;
}

function writeText(output: Output, error: PathraceError): void {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) output.write(`${problemLine(error.file, problem)}\n`);
  }
  output.write(`pathrace: ${error.toString()}\n`);
}

function toJson(error: PathraceError): Record<string, unknown> {
  const { code, message, found, expected, remedy } = error;
  const problems = error instanceof ConfigError ? { problems: error.problems } : {};
  return { code, message, found, expected, remedy, ...problems };
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0];
}
