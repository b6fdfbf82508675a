/** Names and bounds that both ends of the control socket share. */

/** Decisions in one answer, unless asked otherwise. */
export const WHY_LIMIT = 100;

/** Most decisions in one answer; the ring of the daemon may hold more. */
export const MAX_DECISIONS_ANSWERED = 500;

/** Most living connections in one answer. */
export const MAX_FLOWS_ANSWERED = 500;

/** Largest answer that the client reads, in bytes: all decisions with 16 attempts each fit. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Destinations in one answer, unless asked otherwise, and at most. */
export const DEFAULT_MEMORY_LIMIT = 1000;
export const MAX_MEMORY_LIMIT = 100_000;

/** Times of routes in one answer: 100000 destinations of 4 routes, 25000 of 16. More is refused, never cut silently. */
export const MAX_MEMORY_TIMES = 400_000;

/** All that MAX_MEMORY_TIMES allows fits: at most 129 bytes for a time and 130 for a destination. */
export const MAX_MEMORY_BYTES = 64 * 1024 * 1024;

export const METRICS_PATH = '/metrics';
export const STATUS_PATH = '/v1/status';
export const WHY_PATH = '/v1/why';
export const MEMORY_PATH = '/v1/memory';
export const ROUTES_PATH = '/v1/routes';
export const SERVICES_PATH = '/v1/services';
export const RELOAD_PATH = '/v1/reload';
export const CONFIG_PATH = '/v1/config';
/** A POST with the text of a configuration file: what a reload would do with it. */
export const PREVIEW_PATH = '/v1/preview';

export const ROUTE_COMMANDS = ['drain', 'undrain', 'kill', 'disable', 'enable'] as const;
export type RouteCommand = (typeof ROUTE_COMMANDS)[number];

/** The request for the decisions of an address, or of an address and port; null: of any. */
export function whyPath(
  address: string | null,
  port: number | null,
  more: Readonly<Record<string, string | number>> = {},
): string {
  const all = { ...(address === null ? {} : { address }), ...(port === null ? {} : { port }), ...more };
  const query = new URLSearchParams(
    Object.entries(all).map(([key, value]): [string, string] => [key, String(value)]),
  );
  return `${WHY_PATH}?${query}`;
}

/** The request for what is remembered. */
export function memoryPath(limit: number, prefix: string | null): string {
  const query = new URLSearchParams({ limit: String(limit), ...(prefix === null ? {} : { prefix }) });
  return `${MEMORY_PATH}?${query}`;
}

/** The request (a POST) for a command on one route. */
export function routePath(name: string, command: RouteCommand): string {
  return `${ROUTES_PATH}/${encodeURIComponent(name)}/${command}`;
}
