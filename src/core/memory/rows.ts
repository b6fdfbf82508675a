/**
 * The memory outside the race loop. The loop copies columns of the table, a few thousand slots at a time; whoever asked for
 * them, in another thread, makes rows of them: without what is void, and with ages instead of times, so that they can be
 * shown, stored, and read by a later run whose clock starts anew and whose routes have other numbers.
 */
import { type AddressWords, familyOf } from '../../model/address.js';
import type { Micros } from '../engine-types.js';
import { SEGMENT } from './segments.js';
import { MAX_DESTINATIONS, type MemoryTable } from './table.js';
import { TIMES } from './times.js';
import { VERDICT, type Verdict } from './verdicts.js';

/** Age of what never was, and the longest age that can be told (49 days). */
export const NEVER_MS = 0xffffffff;
const OLDEST_MS = 0xfffffffe;

/** Columns of typed arrays on buffers of their own: they can be transferred to another thread. Ages in milliseconds. */
export interface MemoryRows {
  /** Routes per row; their names are the caller's to keep. */
  readonly routes: number;
  count: number;
  readonly address: AddressWords;
  readonly usedAge: Uint32Array;
  readonly racedAge: Uint32Array;
  /** Routes of the last race: bit n - 1 is route n. */
  readonly raced: Uint16Array;
  readonly segment: Uint8Array;
  /** These by `row * routes + route - 1`. */
  readonly verdict: Uint8Array;
  readonly rtt: Int32Array;
  readonly age: Uint32Array;
}

/** Columns in the order in which files have them, with the entries that a row has in each. */
export const ROW_COLUMNS = [
  { name: 'address', type: Int32Array, entries: () => 4 },
  { name: 'usedAge', type: Uint32Array, entries: () => 1 },
  { name: 'racedAge', type: Uint32Array, entries: () => 1 },
  { name: 'raced', type: Uint16Array, entries: () => 1 },
  { name: 'segment', type: Uint8Array, entries: () => 1 },
  { name: 'verdict', type: Uint8Array, entries: (routes: number) => routes },
  { name: 'rtt', type: Int32Array, entries: (routes: number) => routes },
  { name: 'age', type: Uint32Array, entries: (routes: number) => routes },
] as const;

export function createRows(capacity: number, routes: number): MemoryRows {
  return {
    routes,
    count: 0,
    address: new Int32Array(capacity * 4),
    usedAge: new Uint32Array(capacity),
    racedAge: new Uint32Array(capacity),
    raced: new Uint16Array(capacity),
    segment: new Uint8Array(capacity),
    verdict: new Uint8Array(capacity * routes),
    rtt: new Int32Array(capacity * routes),
    age: new Uint32Array(capacity * routes),
  };
}

/**
 * Part of a table at one moment, bit by bit. Every column has a buffer of its own: whoever wants to know something sends a
 * chunk into the race loop's thread and gets it back full, over and over, so that the loop neither allocates nor collects.
 */
export interface MemoryChunk {
  readonly routes: number;
  /** Slots in it; entries of the columns beyond them are stale. */
  count: number;
  now: Micros;
  readonly address: AddressWords;
  readonly segment: Uint8Array;
  /** What their times mean (TIMES). */
  readonly times: Uint8Array;
  readonly usedAt: Float64Array;
  readonly racedAt: Float64Array;
  readonly racedBits: Uint16Array;
  readonly kind: Uint8Array;
  readonly rtt: Int32Array;
  readonly at: Float64Array;
  readonly forgottenAt: Float64Array;
}

/** Slots of one chunk: copied in some 15 microseconds with three routes. */
export const CHUNK_SLOTS = 4096;

export function createChunk(slots: number, routes: number): MemoryChunk {
  return {
    routes,
    count: 0,
    now: 0,
    address: new Int32Array(slots * 4),
    segment: new Uint8Array(slots),
    times: new Uint8Array(slots),
    usedAt: new Float64Array(slots),
    racedAt: new Float64Array(slots),
    racedBits: new Uint16Array(slots),
    kind: new Uint8Array(slots * routes),
    rtt: new Int32Array(slots * routes),
    at: new Float64Array(slots * routes),
    forgottenAt: new Float64Array(2 * routes + 2),
  };
}

/**
 * Copies as many slots from `from` on as the chunk holds. The table may change between calls: a destination that moves then
 * is in none or in two of the chunks, which `restore` sorts out.
 */
export function copyChunk(table: MemoryTable, from: number, now: Micros, chunk: MemoryChunk): void {
  const { routes, verdicts } = table;
  const end = Math.min(from + chunk.segment.length, table.size);
  chunk.count = Math.max(0, end - from);
  chunk.now = now;
  chunk.address.set(table.address.subarray(from * 4, end * 4));
  chunk.segment.set(table.segments.of.subarray(from, end));
  chunk.times.set(table.times.subarray(from, end));
  chunk.usedAt.set(table.usedAt.subarray(from, end));
  chunk.racedAt.set(table.racedAt.subarray(from, end));
  chunk.racedBits.set(table.racedBits.subarray(from, end));
  chunk.kind.set(verdicts.kind.subarray(from * routes, end * routes));
  chunk.rtt.set(verdicts.rtt.subarray(from * routes, end * routes));
  chunk.at.set(verdicts.at.subarray(from * routes, end * routes));
  chunk.forgottenAt.set(verdicts.forgottenAt);
}

export { copyChunk as snapshot };

/** Of which times rows are made: those of programs are shown, and not kept for the next run. */
export type RowsOf = 'connections' | 'all';

/** Whether a slot of a chunk becomes a row: it has a destination that was used within `forget`. */
function isKept(
  { segment, times, usedAt, now }: MemoryChunk,
  slot: number,
  forget: Micros,
  of: RowsOf,
): boolean {
  if (of === 'connections' && times[slot] !== TIMES.CONNECT) return false;
  return segment[slot] !== SEGMENT.FREE && usedAt[slot] + forget > now;
}

/**
 * Appends what a chunk has that was used within `forget`; `rows` needs room for all of it. Returns the place in the chunk
 * of every row that was added.
 */
export function addRows(
  chunk: MemoryChunk,
  forget: Micros,
  rows: MemoryRows,
  of: RowsOf = 'connections',
): Int32Array {
  const { routes, now, count, address, segment, usedAt, racedAt, forgottenAt } = chunk;
  const places = new Int32Array(count);
  const before = rows.count;
  for (let slot = 0; slot < count; slot++) {
    if (!isKept(chunk, slot, forget, of)) continue;
    const row = rows.count++;
    places[row - before] = slot;
    const six = familyOf(address, slot * 4) === 6 ? 1 : 0;
    for (let i = 0; i < 4; i++) rows.address[row * 4 + i] = address[slot * 4 + i];
    rows.usedAge[row] = ageOf(usedAt[slot], now);
    rows.segment[row] = segment[slot];
    rows.racedAge[row] = ageOf(racedAt[slot], now);
    rows.raced[row] = chunk.racedBits[slot];
    for (let n = 0; n < routes; n++) {
      const at = slot * routes + n;
      const out = row * routes + n;
      const voidUntil = forgottenAt[2 * (n + 1) + six];
      const known = chunk.kind[at] !== VERDICT.NONE && chunk.at[at] > voidUntil;
      rows.verdict[out] = known ? chunk.kind[at] : VERDICT.NONE;
      rows.rtt[out] = known ? chunk.rtt[at] : -1;
      rows.age[out] = known ? ageOf(chunk.at[at], now) : NEVER_MS;
      if (racedAt[slot] <= voidUntil) rows.raced[row] &= ~(1 << n);
    }
  }
  return places.subarray(0, rows.count - before);
}

/**
 * Enters rows of an earlier run into a table. `newNumber[n]` is what route n is called now, 0 when it is gone; `elapsedMs` is
 * how long ago the rows were made. What the rows say may be false: it is brought into bounds, and at worst useless.
 */
export function restore(
  table: MemoryTable,
  rows: MemoryRows,
  newNumber: ArrayLike<number>,
  now: Micros,
  elapsedMs: number,
): void {
  const made = now - Math.max(0, elapsedMs) * 1000;
  const { verdicts } = table;
  for (const row of oldestFirst(rows)) {
    const slot = table.take(rows.address, row * 4, made - rows.usedAge[row] * 1000);
    let raced = 0;
    for (let route = 1; route <= rows.routes; route++) {
      const number = newNumber[route] ?? 0;
      if (number < 1 || number > table.routes) continue;
      if ((rows.raced[row] & (1 << (route - 1))) !== 0) raced |= 1 << number;
      const from = row * rows.routes + route - 1;
      const verdict = rows.verdict[from];
      if (verdict === VERDICT.NONE || verdict > VERDICT.SLOW || rows.age[from] === NEVER_MS) continue;
      const at = made - rows.age[from] * 1000;
      const own = slot * table.routes + number - 1;
      if (verdicts.kind[own] !== VERDICT.NONE && verdicts.at[own] >= at) continue;
      verdicts.note(slot, number, verdict as Verdict, rows.rtt[from], at);
    }
    const racedAt =
      rows.racedAge[row] === NEVER_MS ? Number.NEGATIVE_INFINITY : made - rows.racedAge[row] * 1000;
    if (racedAt > table.racedAt[slot]) table.noteRace(slot, raced, racedAt);
    const segment = rows.segment[row];
    if (segment > table.segments.of[slot] && segment <= SEGMENT.PROTECTED) table.segments.put(slot, segment);
  }
}

function ageOf(at: Micros, now: Micros): number {
  if (at === Number.NEGATIVE_INFINITY) return NEVER_MS;
  // Up, not down: what is restored is never younger than it was.
  return Math.min(OLDEST_MS, Math.max(0, Math.ceil((now - at) / 1000)));
}

/** Rows in the order of their last use. Age and row in one number, because sorting numbers needs no callback. */
function oldestFirst({ count, usedAge }: MemoryRows): Float64Array {
  const keys = new Float64Array(count);
  for (let row = 0; row < count; row++) keys[row] = (OLDEST_MS + 1 - usedAge[row]) * MAX_DESTINATIONS + row;
  keys.sort();
  for (let i = 0; i < count; i++) keys[i] %= MAX_DESTINATIONS;
  return keys;
}
