/** What is wrong with a configuration: every mistake with its place, all of them in one error. */
import { PathraceError } from '../model/errors.js';

/** One mistake of a configuration file. */
export interface ConfigProblem {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** Path of the key, for example `routes.a.addresses[1]`; empty for the file as a whole. */
  readonly key: string;
  /** The value as it is written, shortened. */
  readonly found: string;
  /** What would have been allowed. */
  readonly expected: string;
  readonly message: string;
}

/** E_CONFIG_INVALID with all mistakes, in the order of the file. */
export class ConfigError extends PathraceError {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super('E_CONFIG_INVALID', `${file} has ${count}, first ${problemLine(file, problems[0])}.`);
    this.file = file;
    this.problems = problems;
  }
}

/** One line for a person: `file:line:column key: message (found X; allowed Y)`. */
export function problemLine(file: string, problem: ConfigProblem): string {
  const key = problem.key === '' ? '' : `${problem.key}: `;
  return `${file}:${problem.line}:${problem.column} ${key}${problem.message} (found ${problem.found}; allowed ${problem.expected})`;
}
