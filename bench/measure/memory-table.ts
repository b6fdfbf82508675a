/** What the memory of destinations costs: bytes, time per operation, and how long it holds up the race loop. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  addRows,
  CHUNK_SLOTS,
  copyChunk,
  createChunk,
  createRows,
  type MemoryRows,
  restore,
} from '../../src/core/memory/rows.js';
import { MemoryTable } from '../../src/core/memory/table.js';
import { VERDICT } from '../../src/core/memory/verdicts.js';
import type { StoreContent } from '../../src/daemon/store/content.js';
import { StoreFile } from '../../src/daemon/store/file.js';
import { median } from '../side-by-side.js';

const ROUTES = 3;
const ALL = 0b1110;
const ROUNDS = 9;
const TRUST = 600e6;

export interface MemoryTableFigures {
  /** Of table memory with its index, over three routes. */
  readonly bytesPerDestination: number;
  /** A `find` with `best` and `expiry`, at destinations in random order: what a new connection costs. */
  readonly lookupNanos: number;
  /** One `note`, at destinations in random order that have been found. */
  readonly noteNanos: number;
  /** A `take` of a new destination into a full table, which another one leaves. */
  readonly evictNanos: number;
  /** The whole table, copied chunk by chunk in the race loop; and made into rows by whoever asked for it. */
  readonly snapshotMs: number;
  readonly rowsMs: number;
  /** The longest chunk, the median of rounds; and the longest of all, with the collector and the machine's noise. */
  readonly largestPauseMicros: number;
  readonly worstPauseMicros: number;
  readonly writeMs: number;
  /** Reading, checking and restoring into an empty table. */
  readonly readMs: number;
  readonly restoreMs: number;
  /** The longest time that the event loop of the writing and reading thread stood still, without the restore. */
  readonly storePauseMs: number;
  readonly fileMb: number;
}

/** Measured with a full table. */
export async function measureMemoryTable(destinations = 100_000): Promise<MemoryTableFigures> {
  const table = create(destinations, 1);
  const addresses = randomAddresses(destinations);
  fill(table, addresses, 0);
  const order = shuffled(destinations);
  const lookupNanos = rounds(() => lookUp(table, addresses, order)) / destinations;
  const noteNanos = rounds(() => note(table, addresses, order)) / destinations;
  const largest: number[] = [];
  const snapshotNanos = rounds(() => {
    const nanos = copy(table);
    largest.push(Math.max(...nanos));
    return nanos.reduce((sum, one) => sum + one, 0);
  });
  const rows = createRows(destinations, ROUTES);
  const rowsNanos = rounds(() => makeRows(table, rows)) - snapshotNanos;
  return {
    bytesPerDestination: bytesOf(table) / destinations,
    lookupNanos,
    noteNanos,
    evictNanos: measureEviction(destinations),
    snapshotMs: snapshotNanos / 1e6,
    rowsMs: rowsNanos / 1e6,
    largestPauseMicros: median(largest.slice(1)) / 1000,
    worstPauseMicros: Math.max(...largest.slice(1)) / 1000,
    ...(await measureStore(rows)),
  };
}

function create(size: number, secret: number): MemoryTable {
  return new MemoryTable({ size, routes: ROUTES, aggregate: { 4: 32, 6: 64 }, secret });
}

/** Half IPv4, half IPv6; always the same. */
function randomAddresses(count: number, seed = 1): Int32Array {
  let state = seed;
  const word = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state ^ (state >>> 15);
  };
  const words = new Int32Array(count * 4);
  for (let n = 0; n < count; n++) {
    if (n % 2 === 0) words.set([0, 0, 0xffff, word()], n * 4);
    else words.set([0x20010db8, word(), word(), word()], n * 4);
  }
  return words;
}

function shuffled(count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, n) => n);
  for (let n = count - 1; n > 0; n--) {
    const other = Math.floor(Math.random() * (n + 1));
    [order[n], order[other]] = [order[other], order[n]];
  }
  return order;
}

function fill(table: MemoryTable, addresses: Int32Array, now: number): void {
  for (let at = 0; at < addresses.length; at += 4) {
    const slot = table.take(addresses, at, now);
    for (let route = 1; route <= ROUTES; route++)
      table.note(slot, route, VERDICT.ANSWERED, 10_000 + ((at * route) % 7919), now);
    table.noteRace(slot, ALL, now);
  }
}

let sink = 0;

function lookUp(table: MemoryTable, addresses: Int32Array, order: Int32Array): void {
  for (const n of order) {
    const slot = table.find(addresses, n * 4);
    if (table.expiry(slot, ALL, 1000, TRUST) > 1000) sink += table.best(slot, ALL, 1000, TRUST);
  }
}

function note(table: MemoryTable, addresses: Int32Array, order: Int32Array): void {
  for (const n of order)
    table.note(table.find(addresses, n * 4), 1 + (n % ROUTES), VERDICT.ANSWERED, 10_000 + (n & 1023), 2000);
}

/** Copies the table; the nanoseconds that each chunk took. */
function copy(table: MemoryTable): number[] {
  const chunk = createChunk(CHUNK_SLOTS, ROUTES);
  const nanos: number[] = [];
  for (let from = 0; from < table.size; from += CHUNK_SLOTS) {
    const startedAt = process.hrtime.bigint();
    copyChunk(table, from, 3000, chunk);
    nanos.push(Number(process.hrtime.bigint() - startedAt));
  }
  return nanos;
}

function makeRows(table: MemoryTable, rows: MemoryRows): void {
  const chunk = createChunk(CHUNK_SLOTS, ROUTES);
  rows.count = 0;
  for (let from = 0; from < table.size; from += CHUNK_SLOTS) {
    copyChunk(table, from, 3000, chunk);
    addRows(chunk, TRUST, rows);
  }
}

function measureEviction(destinations: number): number {
  const table = create(destinations, 2);
  let seed = 1;
  fill(table, randomAddresses(destinations, seed), 0);
  return rounds(() => {
    const fresh = randomAddresses(destinations, ++seed * 7919);
    const startedAt = process.hrtime.bigint();
    for (let at = 0; at < fresh.length; at += 4) sink += table.take(fresh, at, 1);
    return Number(process.hrtime.bigint() - startedAt) / destinations;
  });
}

async function measureStore(
  memory: MemoryRows,
): Promise<Pick<MemoryTableFigures, 'writeMs' | 'readMs' | 'restoreMs' | 'storePauseMs' | 'fileMb'>> {
  const folder = await mkdtemp(join(tmpdir(), 'pathrace-memory-'));
  const path = join(folder, 'memory');
  const routes = ['fiber', 'cable', 'lte'].map((name) => ({
    name,
    admin: 'enabled' as const,
    quota: { month: '2026-07', bytes: 1e9 },
    statistics: {},
  }));
  const content: StoreContent = { savedAtMs: Date.now(), routes, services: [], statistics: {}, memory };
  const writes: number[] = [];
  const reads: number[] = [];
  const restores: number[] = [];
  let pause = 0;
  const watch = new EventLoopWatch();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const startedAt = performance.now();
      const written = await new StoreFile(path, { destinations: memory.count }).write(content);
      const writtenAt = performance.now();
      const read = await new StoreFile(path, { destinations: memory.count }).read();
      const readAt = performance.now();
      if (!written.ok || read.kind !== 'content') throw new Error('the store did not come back');
      if (round > 0) pause = Math.max(pause, watch.longest());
      watch.reset();
      const table = create(memory.count, round);
      const restoredFrom = performance.now();
      restore(table, read.content.memory, [0, 1, 2, 3], 0, 0);
      restores.push(performance.now() - restoredFrom);
      if (table.destinations !== memory.count) throw new Error('destinations were lost');
      writes.push(writtenAt - startedAt);
      reads.push(readAt - writtenAt);
      await new Promise((resolve) => setImmediate(resolve));
      watch.reset();
    }
    const { size } = await stat(path);
    return {
      writeMs: median(writes),
      readMs: median(reads),
      restoreMs: median(restores),
      storePauseMs: pause,
      fileMb: size / 1e6,
    };
  } finally {
    watch.stop();
    await rm(folder, { recursive: true });
  }
}

/** Notes the longest time between two turns of the event loop. */
class EventLoopWatch {
  private last = performance.now();
  private most = 0;
  private stopped = false;

  constructor() {
    const turn = (): void => {
      const now = performance.now();
      this.most = Math.max(this.most, now - this.last);
      this.last = now;
      if (!this.stopped) setImmediate(turn);
    };
    setImmediate(turn);
  }

  longest(): number {
    return this.most;
  }

  reset(): void {
    this.most = 0;
    this.last = performance.now();
  }

  stop(): void {
    this.stopped = true;
  }
}

/** Median nanoseconds of rounds after one that warms up; a round may measure itself. */
function rounds(work: () => unknown): number {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const startedAt = process.hrtime.bigint();
    const own = work();
    const took = Number(process.hrtime.bigint() - startedAt);
    if (round > 0) times.push(typeof own === 'number' ? own : took);
  }
  return median(times);
}

/** Bytes of all typed arrays of a value. */
function bytesOf(value: object): number {
  return Object.values(value).reduce((sum: number, field) => {
    if (ArrayBuffer.isView(field)) return sum + field.byteLength;
    return typeof field === 'object' && field !== null ? sum + bytesOf(field) : sum;
  }, 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(await measureMemoryTable(Number(process.argv[2] ?? 100_000)));
  // So that nothing of the loops above is optimized away.
  if (sink < 0) console.log(sink);
}
