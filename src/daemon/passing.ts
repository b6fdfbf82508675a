/** Failures that may pass: of the kernel and its tools, not of what an operator has written. */
import { PathraceError } from '../model/errors.js';

const PASSING: ReadonlySet<string> = new Set(['E_COMMAND_FAILED', 'E_NETLINK']);

/** Whether what has failed is worth another try. */
export function mayPass(error: unknown): boolean {
  return error instanceof PathraceError && PASSING.has(error.code);
}
