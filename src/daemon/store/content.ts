/** What the store file keeps over a restart; the part of it that is JSON, checked as input from outside. */
import { z } from 'zod';
import type { MemoryRows } from '../../core/memory/rows.js';
import { MAX_ROUTES } from '../../core/memory/verdicts.js';
import { EARLIEST_MS } from '../../core/quota/clock.js';

/** Longest JSON part that is read or written, bytes. */
export const MAX_JSON_BYTES = 262_144;

const MAX_STORED_ROUTES = 64;
const MAX_STORED_SERVICES = 127;
const MAX_STATISTICS = 32;
/** Wall-clock milliseconds; the largest that a date can be. */
const MAX_TIME_MS = 8.64e15;

const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{Cc}]+$/u);

const Statistics = z
  .record(z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/), z.number().nonnegative())
  .refine((record) => Object.keys(record).length <= MAX_STATISTICS);

const PathMtu = z.int().min(68).max(65_535);

const StoredRouteSchema = z.strictObject({
  name: Name,
  /** In a file of before: what an operator commanded. It is kept apart now (state/content.ts), and so is what follows. */
  admin: z.enum(['enabled', 'draining', 'disabled']).optional(),
  /** Bytes of a calendar month, `2026-07`. */
  quota: z
    .strictObject({
      month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/),
      bytes: z.number().nonnegative().max(Number.MAX_SAFE_INTEGER),
    })
    .optional(),
  statistics: Statistics,
  /** Largest packets that were found to pass. */
  pathMtu: z.strictObject({ ipv4: PathMtu.optional(), ipv6: PathMtu.optional() }).optional(),
});

export const JsonPartSchema = z.strictObject({
  savedAtMs: z.number().nonnegative().max(MAX_TIME_MS),
  routes: z
    .array(StoredRouteSchema)
    .max(MAX_STORED_ROUTES)
    .refine((routes) => new Set(routes.map(({ name }) => name)).size === routes.length),
  /** Absent in a file of before. */
  services: z
    .array(z.union([Name, z.literal('')]))
    .max(MAX_STORED_SERVICES)
    .optional(),
  statistics: Statistics,
  memory: z.strictObject({
    rows: z.int().nonnegative(),
    routes: z.int().min(1).max(MAX_ROUTES),
  }),
});

export type StoredRoute = z.infer<typeof StoredRouteSchema>;

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
