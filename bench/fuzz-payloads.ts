/**
 * Gives a decoder of payloads hostile ones. Each is decoded twice: alone, in bytes and a view that end where it ends, so that reading
 * outside of it with the view throws; and among other bytes, so that reading outside in any way makes a difference. Nothing else may:
 * a decoder says the same of the same bytes, throws nothing, and takes no time.
 */
import { type Random, random, subSeed } from '../src/sim/random.js';
import { type ViewedBytes, viewed } from '../src/wire/viewed-bytes.js';

/** One decoder; `fuzz-protocols.ts` lists them. */
export interface FuzzedProtocol {
  readonly name: string;
  /** Right payloads, of every kind that the decoder tells apart. */
  readonly corpus: readonly Uint8Array[];
  /**
   * Decodes the payload from `start` to before `end`, throws when what is said breaks a promise, and gives a number that differs when
   * anything that was said does, with offsets from `start` (`digestOf`); REFUSED when the payload was not taken.
   */
  readonly run: (space: ViewedBytes, start: number, end: number) => number;
  /** Makes lengths and checksums right in most payloads, so that what lies behind them is reached; nothing for those without. */
  readonly mend?: (bytes: Uint8Array, at: number, length: number) => void;
}

/** What `run` gives for a payload that was not taken. */
export const REFUSED = 0;

export interface ProtocolReport {
  readonly name: string;
  readonly payloads: number;
  /** Each is decoded twice. */
  readonly perSecond: number;
  /** Payloads that were taken for what the decoder decodes. */
  readonly taken: number;
  /** Most that one payload took twice in a row, microseconds. */
  readonly slowestMicros: number;
  /** Heap in use after a tenth and at the end, MB. */
  readonly heapMb: readonly [number, number];
  /** The payload that broke a promise, as hex, and how; null when none did. */
  readonly failure: { readonly payload: string; readonly why: string } | null;
}

/** Longest payload that a mutation makes. */
const LONGEST = 1500;
const ROOM = 3 * LONGEST;
/** Far more than any payload of 1500 bytes needs, and less than a pause for garbage that comes twice in a row. */
const SLOW_MICROS = 20_000;

/** Deterministic for a seed, but for the time it takes. */
export function fuzzPayloads(
  { name, corpus, run, mend }: FuzzedProtocol,
  count: number,
  seed: number,
): ProtocolReport {
  const luck = random(subSeed(seed, 1));
  const among = viewed(new Uint8Array(ROOM));
  const started = performance.now();
  let early = 0;
  let taken = 0;
  let slowest = 0;
  let done = 0;
  let failure: ProtocolReport['failure'] = null;
  for (; done < count && failure === null; done++) {
    if (done === Math.floor(count / 10)) early = heapMb();
    const at = 16 + Math.floor(luck() * (ROOM - LONGEST - 32));
    const length = mutatePayload(corpus[Math.floor(luck() * corpus.length)], among.bytes, at, luck);
    if (mend !== undefined && luck() < 0.6) mend(among.bytes, at, length);
    surround(among.bytes, at, length, luck);
    try {
      const alone = viewed(among.bytes.slice(at, at + length));
      const before = performance.now();
      const digest = run(alone, 0, length);
      const micros = 1000 * (performance.now() - before);
      if (micros > slowest) slowest = Math.max(slowest, Math.min(micros, timeAgain(run, alone, length)));
      if (digest !== run(among, at, at + length)) throw new RangeError('it depends on bytes around it');
      if (slowest > SLOW_MICROS) throw new RangeError(`it took ${Math.round(slowest)} us`);
      if (digest !== REFUSED) taken++;
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failure = { payload: Buffer.from(among.bytes.subarray(at, at + length)).toString('hex'), why };
    }
  }
  const perSecond = Math.round(done / ((performance.now() - started) / 1000));
  const slowestMicros = Math.round(slowest);
  return { name, payloads: done, perSecond, taken, slowestMicros, heapMb: [early, heapMb()], failure };
}

function timeAgain(run: FuzzedProtocol['run'], space: ViewedBytes, length: number): number {
  const before = performance.now();
  run(space, 0, length);
  return 1000 * (performance.now() - before);
}

/** Other bytes right before and behind: those that decoders wait for, most often. */
function surround(bytes: Uint8Array, at: number, length: number, luck: Random): void {
  const byte = luck() < 0.5 ? EDGES[below(luck, EDGES.length)] : below(luck, 256);
  for (let i = 1; i <= 16; i++) {
    bytes[at - i] = byte;
    bytes[at + length + i - 1] = byte;
  }
}

/** A number that differs when any field of `out` does, or any of `more`; offsets count from `start`. Never REFUSED. */
export function digestOf(out: object, start: number, ...more: readonly number[]): number {
  let hash = 0x811c9dc5 | 0;
  for (const key in out) {
    const value = Number((out as Readonly<Record<string, number | boolean>>)[key]);
    hash = Math.imul(hash ^ (key.endsWith('At') ? value - start : value), 0x01000193);
  }
  for (const value of more) hash = Math.imul(hash ^ value, 0x01000193);
  return hash === REFUSED ? 1 : hash;
}

/** Values at which code breaks: ends of ranges, lengths of lengths, pointers, the first bytes of long and short headers. */
const EDGES = [
  0, 1, 2, 3, 4, 5, 7, 8, 0x0f, 0x10, 0x14, 0x15, 0x1f, 0x29, 0x3f, 0x40, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1,
  0xcf, 0xd0, 0xe0, 0xf0, 0xfe, 0xff,
];

const below = (luck: Random, limit: number): number => Math.floor(luck() * limit);

/** Writes a mutation of `payload` to `out` at `at`, where LONGEST bytes have room; gives its length. */
export function mutatePayload(payload: Uint8Array, out: Uint8Array, at: number, luck: Random): number {
  let length = payload.length;
  for (let i = 0; i < length; i++) out[at + i] = payload[i];
  for (let times = below(luck, 5); times > 0 && length > 0; times--)
    length = mutateOnce(out, at, length, luck);
  return length;
}

/** Where something is changed: in the first 64 bytes, most often, as that is where headers are. */
const place = (length: number, luck: Random): number =>
  below(luck, luck() < 0.7 ? Math.min(64, length) : length);

function mutateOnce(out: Uint8Array, at: number, length: number, luck: Random): number {
  const here = at + place(length, luck);
  switch (below(luck, 8)) {
    case 0:
      out[here] ^= 1 << below(luck, 8);
      return length;
    case 1:
      out[here] = below(luck, 256);
      return length;
    case 2:
    case 3:
      out[here] = EDGES[below(luck, EDGES.length)];
      return length;
    case 4:
      return below(luck, length + 1);
    case 5:
      return grow(out, at, length, luck);
    case 6:
      return remove(out, here, at, length, luck);
    default:
      return repeat(out, here, at, length, luck);
  }
}

/** Random bytes behind it, or zeros. */
function grow(out: Uint8Array, at: number, length: number, luck: Random): number {
  const more = Math.min(LONGEST - length, below(luck, 80));
  const isRandom = luck() < 0.7;
  for (let i = 0; i < more; i++) out[at + length + i] = isRandom ? below(luck, 256) : 0;
  return length + more;
}

/** Some bytes less in the middle: what is behind them is read as something else. */
function remove(out: Uint8Array, here: number, at: number, length: number, luck: Random): number {
  const less = Math.min(at + length - here, 1 + below(luck, 8));
  out.copyWithin(here, here + less, at + length);
  return length - less;
}

/** Some bytes once more in the middle: records, packets and attributes come twice. */
function repeat(out: Uint8Array, here: number, at: number, length: number, luck: Random): number {
  const more = Math.min(at + length - here, LONGEST - length, 1 + below(luck, 60));
  out.copyWithin(here + more, here, at + length);
  return length + more;
}

function heapMb(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Math.round((process.memoryUsage().heapUsed / 1048576) * 10) / 10;
}
