/** How much a configuration may have. */

/** The largest file that is read, in bytes; the largest sensible configuration has a quarter of that. */
export const MAX_CONFIG_BYTES = 256 * 1024;

export const MIN_ROUTES = 2;
export const MAX_ROUTES = 16;
