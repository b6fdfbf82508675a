/** What the store file keeps over a restart; the part of it that is JSON, checked as input from outside. */
import type { MemoryRows } from '../../core/memory/rows.js';
import { MAX_ROUTES } from '../../core/memory/verdicts.js';
import { EARLIEST_MS } from '../../core/quota/clock.js';
import { haveOwnNames, NAME, reader, strict } from '../stored.js';

/** Longest JSON part that is read or written, bytes. */
export const MAX_JSON_BYTES = 262_144;

const MAX_STORED_ROUTES = 64;
const MAX_STORED_SERVICES = 127;
const MAX_STATISTICS = 32;
/** Wall-clock milliseconds; the largest that a date can be. */
const MAX_TIME_MS = 8.64e15;

export interface StoredRoute {
  readonly name: string;
  /** In a file of before: what an operator commanded. It is kept apart now (state/content.ts), and so is what follows. */
  readonly admin?: 'enabled' | 'draining' | 'disabled';
  /** Bytes of a calendar month, `2026-07`. */
  readonly quota?: { readonly month: string; readonly bytes: number };
  readonly statistics: Readonly<Record<string, number>>;
  /** Largest packets that were found to pass. */
  readonly pathMtu?: { readonly ipv4?: number | undefined; readonly ipv6?: number | undefined };
}

/** What is JSON of the file. */
export interface JsonPart {
  readonly savedAtMs: number;
  readonly routes: readonly StoredRoute[];
  /** Absent in a file of before. */
  readonly services?: readonly string[];
  readonly statistics: Readonly<Record<string, number>>;
  readonly memory: { readonly rows: number; readonly routes: number };
}

const Statistics = {
  type: 'object',
  maxProperties: MAX_STATISTICS,
  patternProperties: { '^[A-Za-z][A-Za-z0-9-]{0,63}$': { type: 'number', minimum: 0 } },
  additionalProperties: false,
} as const;

const PathMtu = { type: 'integer', minimum: 68, maximum: 65_535 } as const;

const RouteSchema = {
  ...strict(
    {
      name: NAME,
      admin: { enum: ['enabled', 'draining', 'disabled'] },
      quota: strict({
        month: { type: 'string', pattern: '^\\d{4}-(0[1-9]|1[0-2])$' },
        bytes: { type: 'number', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      }),
      statistics: Statistics,
      pathMtu: strict({ ipv4: PathMtu, ipv6: PathMtu }, []),
    },
    ['name', 'statistics'],
  ),
};

/** The part of the file that is JSON, or null where it is anything else. */
export const readJsonPart = reader<JsonPart>(
  strict(
    {
      savedAtMs: { type: 'number', minimum: 0, maximum: MAX_TIME_MS },
      routes: { type: 'array', maxItems: MAX_STORED_ROUTES, items: RouteSchema },
      services: {
        type: 'array',
        maxItems: MAX_STORED_SERVICES,
        items: { anyOf: [NAME, { const: '' }] },
      },
      statistics: Statistics,
      memory: strict({
        rows: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
        routes: { type: 'integer', minimum: 1, maximum: MAX_ROUTES },
      }),
    },
    ['savedAtMs', 'routes', 'statistics', 'memory'],
  ),
  ({ routes }) => haveOwnNames(routes),
);

export interface StoreContent {
  /** Wall-clock time, for the age of everything. */
  readonly savedAtMs: number;
  /** In the order of the numbers that `memory` uses, which may have numbers without a route behind them. */
  readonly routes: readonly StoredRoute[];
  /** Names by number from 1; '' where there is none. */
  readonly services: readonly string[];
  readonly statistics: Readonly<Record<string, number>>;
  /** Not changed while it is written. */
  readonly memory: MemoryRows;
}

/** Bounds of what is read. */
export interface StoreLimits {
  /** Destinations that the memory may hold. */
  readonly destinations: number;
}

/**
 * How long ago something was saved. A clock that runs backwards, or was not set then (a machine without a battery for it), tells
 * nothing: then it was `trustMs` ago, so that what was remembered orders races and decides none.
 */
export function elapsedSince(savedAtMs: number, wallMs: number, trustMs: number): number {
  const isKnown = savedAtMs >= EARLIEST_MS && wallMs >= savedAtMs;
  return isKnown ? wallMs - savedAtMs : trustMs;
}
