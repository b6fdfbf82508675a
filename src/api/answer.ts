/** Errors over the control socket: to the body of an answer, and back. */
import { ConfigError, type ConfigProblem } from '../config/problems.js';
import { ERRORS, type ErrorCode, PathraceError } from '../model/errors.js';
import type { ErrorAnswer } from './paths.js';

/** The body that tells the error, with all problems of a configuration. */
export function toAnswer(error: PathraceError): ErrorAnswer {
  const { code, message, remedy, found, expected } = error;
  return {
    code,
    message,
    remedy,
    ...(found === undefined ? {} : { found }),
    ...(expected === undefined ? {} : { expected }),
    ...(error instanceof ConfigError ? { file: error.file, problems: error.problems } : {}),
  };
}

/** The HTTP status of the error. */
export function statusOf(error: PathraceError): number {
  if (error.code === 'E_ARGUMENT') return 400;
  return error.code === 'E_CONFIG_INVALID' || error.code === 'E_CONFIG_UNREADABLE' ? 422 : 500;
}

/** The error that a body tells. Whatever else the body is: E_INTERNAL. */
export function fromAnswer(body: unknown): PathraceError {
  const answer = (typeof body === 'object' && body !== null ? body : {}) as Partial<
    Record<keyof ErrorAnswer, unknown>
  >;
  const { code, message, file, problems } = answer;
  if (code === 'E_CONFIG_INVALID' && typeof file === 'string' && areProblems(problems)) {
    return new ConfigError(file, problems);
  }
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code);
  return new PathraceError(
    known ? (code as ErrorCode) : 'E_INTERNAL',
    typeof message === 'string' ? message : 'The gateway answered with an unknown error.',
    { ...text(answer, 'found'), ...text(answer, 'expected'), ...text(answer, 'remedy') },
  );
}

function text<K extends 'found' | 'expected' | 'remedy'>(
  answer: Partial<Record<K, unknown>>,
  key: K,
): { [key in K]?: string } {
  const value = answer[key];
  return (typeof value === 'string' ? { [key]: value } : {}) as { [key in K]?: string };
}

function areProblems(value: unknown): value is readonly ConfigProblem[] {
  return Array.isArray(value) && value.length > 0 && value.every(isProblem);
}

function isProblem(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { line, column, key, found, expected, message } = value as Record<string, unknown>;
  const texts = [key, found, expected, message];
  return Number.isInteger(line) && Number.isInteger(column) && texts.every((one) => typeof one === 'string');
}
