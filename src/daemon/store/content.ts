/** What the store file keeps over a restart; the part of it that is JSON, checked as input from outside. */
import type { MemoryRows } from '../../core/memory/rows.js';
import { EARLIEST_MS } from '../../core/quota/clock.js';
import { haveOwnNames } from '../stored.js';
import { isStored } from '../validators.js';

/** Longest JSON part that is read or written, bytes. */
export const MAX_JSON_BYTES = 262_144;

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

/** The part of the file that is JSON, or null where it is anything else. */
export function readJsonPart(value: unknown): JsonPart | null {
  if (!isStored(value)) return null;
  const part = value as JsonPart;
  return haveOwnNames(part.routes) ? part : null;
}

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
