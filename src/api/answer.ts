/** Errors over HTTP: to the body of an answer, and back. */
import { ConfigError, type ConfigProblem } from '../config/problems.js';
import { ERRORS, type ErrorCode, PathraceError } from '../model/errors.js';
import type { ProblemAnswer } from './contract.js';

export const PROBLEM_MEDIA = 'application/problem+json';

/** The code follows. */
export const PROBLEM_TYPE = 'urn:pathrace:error:';

/** What there is to say of an error, with all problems of a configuration. */
export function toFields(error: PathraceError): ErrorFields {
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

type ErrorFields = Omit<ProblemAnswer, 'type' | 'title' | 'status' | 'detail'>;

/** The body that tells the error (RFC 9457). */
export function toProblem(error: PathraceError, status: number = statusOf(error)): ProblemAnswer {
  const { code, message } = error;
  const title = ERRORS[code].meaning;
  return { type: `${PROBLEM_TYPE}${code}`, title, status, detail: message, ...toFields(error) };
}

/** The HTTP status of the error. */
export function statusOf(error: PathraceError): number {
  return STATUSES[error.code] ?? 500;
}

const STATUSES: { readonly [code in ErrorCode]?: number } = {
  E_ARGUMENT: 400,
  E_UNAUTHENTICATED: 401,
  E_FORBIDDEN: 403,
  E_NOT_FOUND: 404,
  E_CONFIG_CHANGED: 412,
  E_CONFIG_INVALID: 422,
  E_CONFIG_UNREADABLE: 422,
  E_TOO_MANY: 429,
  E_CONTROL_BUSY: 503,
};

/** The error that a body tells. Whatever else the body is: E_INTERNAL. */
export function fromAnswer(body: unknown): PathraceError {
  const answer = (typeof body === 'object' && body !== null ? body : {}) as Partial<
    Record<keyof ProblemAnswer, unknown>
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
