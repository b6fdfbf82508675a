import { describe, expect, it } from 'vitest';
import {
  addRows,
  copyChunk,
  createChunk,
  createRows,
  type MemoryChunk,
  type MemoryRows,
  NEVER_MS,
  restore,
} from '../../src/core/memory/rows.js';
import { SEGMENT } from '../../src/core/memory/segments.js';
import { MemoryTable } from '../../src/core/memory/table.js';
import { TIMES } from '../../src/core/memory/times.js';
import { VERDICT } from '../../src/core/memory/verdicts.js';

const SECOND = 1_000_000;
const TRUST = 600 * SECOND;
const ALL = 0b1110;
const SAME = [0, 1, 2, 3];

function create(size = 8, routes = 3): MemoryTable {
  return new MemoryTable({ size, routes, aggregate: { 4: 32, 6: 64 }, secret: size });
}

function host(n: number): Int32Array {
  return Int32Array.of(0, 0, 0xffff, (10 << 24) | n);
}

/** A table in chunks of some slots each. */
function chunksOf(table: MemoryTable, now: number, slots = table.size): MemoryChunk[] {
  const chunks: MemoryChunk[] = [];
  for (let from = 0; from < table.size; from += slots) {
    chunks.push(createChunk(slots, table.routes));
    copyChunk(table, from, now, chunks.at(-1)!);
  }
  return chunks;
}

function rowsOf(chunks: readonly MemoryChunk[], forget = Number.POSITIVE_INFINITY): MemoryRows {
  const rows = createRows(20, 3);
  for (const chunk of chunks) addRows(chunk, forget, rows);
  return rows;
}

function saved(table: MemoryTable, now: number, forget?: number): MemoryRows {
  return rowsOf(chunksOf(table, now), forget);
}

/** Destinations 1 to `count`, raced a second after each other: 1, 2 and 3 ms, the last route silent. */
function filled(count: number, size = count): MemoryTable {
  const table = create(size);
  for (let n = 1; n <= count; n++) {
    const slot = table.take(host(n), 0, n * SECOND);
    table.note(slot, 1, VERDICT.ANSWERED, 1000, n * SECOND);
    table.note(slot, 2, VERDICT.ANSWERED, 2000, n * SECOND);
    table.note(slot, 3, VERDICT.SILENT, 0, n * SECOND);
    table.noteRace(slot, ALL, n * SECOND);
  }
  return table;
}

describe('rows', () => {
  it('have ages in milliseconds, and say what never was', () => {
    const rows = saved(filled(2), 3 * SECOND + 1);
    expect([...rows.usedAge.subarray(0, rows.count)]).toEqual([2001, 1001]);
    expect([...rows.age.subarray(0, 3)]).toEqual([2001, 2001, 2001]);
    expect([...rows.rtt.subarray(0, 3)]).toEqual([1000, 2000, -1]);
    expect([...rows.raced.subarray(0, 2)]).toEqual([7, 7]);
    const fresh = create();
    fresh.take(host(1), 0, 0);
    const empty = saved(fresh, 0);
    expect([empty.count, empty.racedAge[0], empty.age[0], empty.verdict[0]]).toEqual([
      1,
      NEVER_MS,
      NEVER_MS,
      VERDICT.NONE,
    ]);
  });

  it('leave out what was not used for long, and what a route said before it was forgotten', () => {
    const table = filled(3);
    table.forgetRoute(1, 10 * SECOND);
    const rows = saved(table, 12 * SECOND, 10 * SECOND);
    expect(rows.count).toBe(1);
    expect([...rows.verdict.subarray(0, 3)]).toEqual([VERDICT.NONE, VERDICT.ANSWERED, VERDICT.SILENT]);
    expect(rows.raced[0]).toBe(0b110);
  });

  it('have an oldest age, and are never from the future', () => {
    const table = filled(1);
    expect(saved(table, 1e18).usedAge[0]).toBe(NEVER_MS - 1);
    expect(saved(table, 0).usedAge[0]).toBe(0);
  });

  it('of parts are the same as of the whole, up to its end', () => {
    const table = filled(10, 16);
    expect(rowsOf(chunksOf(table, 20 * SECOND, 5), TRUST)).toEqual(saved(table, 20 * SECOND));
    expect(rowsOf([]).count).toBe(0);
  });

  it('are appended, of the slots that are kept', () => {
    const table = filled(8);
    for (const n of [1, 4, 8]) table.remove(table.find(host(n), 0));
    const [, chunk] = chunksOf(table, 8 * SECOND, 4);
    const rows = createRows(8, 3);
    rows.count = 3;
    // Slots 4 to 6 are 5, 6 and 7; the first two are too old.
    expect([...addRows(chunk, 2 * SECOND, rows)]).toEqual([2]);
    expect([...addRows(chunk, TRUST, rows)]).toEqual([0, 1, 2]);
    expect([rows.count, rows.address[15]]).toEqual([7, host(7)[3]]);
  });

  it('are of connections alone where they are kept, and of everything where they are shown', () => {
    const table = create();
    table.take(host(1), 0, SECOND);
    table.take(host(1), 0, SECOND, TIMES.DNS);
    table.take(host(2), 0, SECOND, TIMES.PAYLOAD);
    const [chunk] = chunksOf(table, 2 * SECOND);
    expect(rowsOf([chunk]).count).toBe(1);
    const rows = createRows(8, 3);
    const slots = addRows(chunk, TRUST, rows, 'all');
    expect([...slots].map((slot) => chunk.times[slot])).toEqual([TIMES.CONNECT, TIMES.DNS, TIMES.PAYLOAD]);
  });

  it('have nothing of what was in the chunk before', () => {
    const [chunk] = chunksOf(filled(8), 8 * SECOND);
    copyChunk(create(2), 0, 9 * SECOND, chunk);
    expect([chunk.count, rowsOf([chunk]).count]).toEqual([2, 0]);
    copyChunk(filled(8), 6, 9 * SECOND, chunk);
    expect([chunk.count, rowsOf([chunk]).count]).toEqual([2, 2]);
    copyChunk(filled(8), 8, 9 * SECOND, chunk);
    expect([chunk.count, rowsOf([chunk]).count]).toEqual([0, 0]);
  });

  it('stay as they were when the table changes', () => {
    const table = filled(2);
    const before = chunksOf(table, 2 * SECOND);
    const rows = rowsOf(before);
    table.forgetRoute(1, 3 * SECOND);
    table.take(host(9), 0, 3 * SECOND);
    expect(rowsOf(before)).toEqual(rows);
  });
});

describe('restored', () => {
  it('by the names of routes, with numbers of today', () => {
    const later = create(8, 2);
    // What was route 2 is route 1 now; route 1 is gone, 3 is 2.
    restore(later, saved(filled(1), SECOND), [0, 0, 1, 2], 0, 5000);
    const slot = later.find(host(1), 0);
    expect(later.best(slot, 0b110, 0, TRUST)).toBe(1);
    expect(later.rttOf(slot, 1)).toBe(2000);
    expect(later.racedRoutes(slot)).toBe(0b110);
    // Whoever was silent then is asked again.
    expect(later.expiry(slot, 0b110, 0, TRUST)).toBe(Number.NEGATIVE_INFINITY);
    expect(later.expiry(slot, 0b010, 0, TRUST)).toBe(TRUST - 5 * SECOND);
    expect(later.segments.of[slot]).toBe(SEGMENT.PROBATION);
  });

  it('into a smaller table: the most valuable ones', () => {
    const table = filled(10);
    // Used in another order than that of the slots.
    for (const n of [9, 1]) table.touch(table.find(host(n), 0), 60 * SECOND);
    for (const n of [4, 3]) {
      table.remove(table.find(host(n), 0));
      table.note(table.take(host(n), 0, (80 - n) * SECOND), 1, VERDICT.ANSWERED, 1, (80 - n) * SECOND);
    }
    const rows = saved(table, 100 * SECOND);
    const later = create(5);
    restore(later, rows, SAME, 0, 0);
    const kept = Array.from({ length: 10 }, (_, i) => i + 1).filter((n) => later.find(host(n), 0) >= 0);
    expect(kept).toEqual([1, 3, 4, 9, 10]);
  });

  it('in the order in which they would have left', () => {
    const orders = [(n: number) => n, (n: number) => (n * 7) % 11].map((used) => {
      const left: number[] = [];
      const table = create(10);
      for (let n = 1; n <= 10; n++) table.take(host(n), 0, 0);
      for (let n = 1; n <= 10; n++) {
        const other = used(n);
        table.note(table.find(host(other), 0), 1, VERDICT.ANSWERED, 1, n * SECOND);
        if (other % 2 === 0) table.touch(table.find(host(other), 0), (n + 20) * SECOND);
      }
      const later = new MemoryTable({
        size: 10,
        routes: 3,
        aggregate: { 4: 32, 6: 64 },
        secret: 9,
        leaves: (slot) => left.push(later.address[slot * 4 + 3] & 0xff),
      });
      restore(later, saved(table, 50 * SECOND), SAME, 0, 0);
      for (let n = 1; n <= 10; n++) later.note(later.take(host(100 + n), 0, n), 2, VERDICT.ANSWERED, 1, n);
      return left;
    });
    // What was used again leaves last: not at all here, because what comes is used once.
    expect(orders).toEqual([
      [1, 3, 5, 7, 9, 101, 102, 103, 104, 105],
      [7, 3, 9, 5, 1, 101, 102, 103, 104, 105],
    ]);
  });

  it('over what is known by now, which is newer', () => {
    const rows = saved(filled(1), SECOND);
    const later = create();
    const slot = later.take(host(1), 0, 0);
    later.note(slot, 1, VERDICT.ANSWERED, 77, 0);
    later.noteRace(slot, ALL, 0);
    restore(later, rows, SAME, 1, 1000);
    expect([later.rttOf(slot, 1), later.rttOf(slot, 2)]).toEqual([77, 2000]);
    expect(later.racedAt[slot]).toBe(0);
    expect(later.destinations).toBe(1);
  });

  it('once, when a destination moved while the chunks were made', () => {
    const table = filled(2);
    const [old] = chunksOf(table, 3 * SECOND);
    const [young] = chunksOf(table, 3 * SECOND);
    young.rtt.fill(55);
    young.at.fill(3 * SECOND - 1000);
    young.usedAt.fill(3 * SECOND - 1000);
    for (const chunks of [
      [old, young],
      [young, old],
    ]) {
      const later = create();
      restore(later, rowsOf(chunks), SAME, 0, 0);
      expect(later.destinations).toBe(2);
      expect(later.rttOf(later.find(host(1), 0), 1)).toBe(55);
    }
  });

  it('without believing what cannot be', () => {
    const rows = createRows(4, 3);
    rows.count = 4;
    for (let row = 0; row < 4; row++) rows.address.set(host(row), row * 4);
    rows.verdict.fill(200, 0, 3).fill(VERDICT.ANSWERED, 3, 6);
    rows.rtt.fill(-5);
    rows.raced.fill(0xffff);
    rows.segment.set([9, SEGMENT.PROTECTED, 255, SEGMENT.FREE]);
    const later = create();
    restore(later, rows, [0, 99, -1, 3], 0, -1e9);
    expect(later.destinations).toBe(4);
    for (let row = 0; row < 4; row++) {
      const slot = later.find(host(row), 0);
      expect(later.best(slot, ALL, 0, TRUST)).toBe(0);
      expect(later.racedRoutes(slot)).toBe(0b1000);
      expect(later.segments.of[slot]).toBeLessThanOrEqual(SEGMENT.PROTECTED);
    }
    expect(later.verdicts.live(later.find(host(1), 0), 3, 0, TRUST)).toBe(VERDICT.RETRANSMITTED);
  });
});
