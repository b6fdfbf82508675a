/** The one client of the page: it asks the daemon that served it. */
import { createClient } from '../../../src/api/client/browser.js';

export const api = createClient();

/** What an error says to a person. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Its code in docs/errors.md; '' for what is none of ours. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
