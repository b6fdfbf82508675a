/** Names and bounds that both ends of the control socket share. */

/** Most decisions in one answer; the ring of the daemon may hold more. */
export const MAX_DECISIONS_ANSWERED = 500;

/** Largest answer that the client reads, in bytes: all decisions with 16 attempts each fit. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export const STATUS_PATH = '/v1/status';
export const WHY_PATH = '/v1/why';

/** The request for the decisions of an address, or of an address and port. */
export function whyPath(address: string, port: number | null): string {
  const query = new URLSearchParams({ address, ...(port === null ? {} : { port: String(port) }) });
  return `${WHY_PATH}?${query}`;
}

/** Body of every answer that is not 200. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}
