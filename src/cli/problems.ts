/** Every mistake of a configuration, a line each; `check` and `reload` print them alike. */
import { type ConfigError, problemLine } from '../config/problems.js';
import { type CommandIo, EXIT, writeError } from './io.js';
import { printable } from './style.js';

/** Prints them as the result of the command; returns its exit code. */
export function reportProblems(error: ConfigError, json: boolean, io: CommandIo): number {
  const { file, problems } = error;
  if (json) writeError(io, error);
  else for (const problem of problems) io.stdout.write(`${printable(problemLine(file, problem))}\n`);
  return EXIT.failed;
}
