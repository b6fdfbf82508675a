/**
 * Fuzzes the decoders of signalling and of first payloads: `node dist/bench/fuzz-signalling.js [--count N] [--only NAME] [--seed N]`. N inputs
 * for each decoder. Exit code 1 on any broken promise.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type Random, random, subSeed } from '../src/sim/random.js';
import { viewed } from '../src/wire/viewed-bytes.js';
import { type ProtocolFuzz, SIGNALLING } from './signalling/table.js';

/** Longest input. */
const LONGEST = 6144;
const ROOM = 2 * LONGEST;
/** Each so-manieth input is decoded again with other bytes around it. */
const AGAIN = 16;
/** Heap growth over nine tenths of a run, MB. */
const GROWTH_MB = 8;
/** No input may take longer, at the quickest of some tries: others take the processor away for longer than that. */
const LONGEST_MS = 20;
const TRIES = 5;

export interface SignallingReport {
  readonly name: string;
  readonly inputs: number;
  readonly perSecond: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly heapMb: readonly [number, number];
  /** The input that broke a promise, as hex, and how; null when none did. */
  readonly failure: { readonly input: string; readonly why: string } | null;
}

/** Deterministic for a seed, but for the time it takes. */
export function fuzzSignalling(protocol: ProtocolFuzz, count: number, seed: number): SignallingReport {
  const luck = random(subSeed(seed, 7));
  const bytes = new Uint8Array(ROOM);
  const space = viewed(bytes);
  const kinds: Record<string, number> = {};
  const started = performance.now();
  let early = 0;
  let slowestMs = 0;
  let failure: SignallingReport['failure'] = null;
  let inputs = 0;
  for (; inputs < count && failure === null; inputs++) {
    if (inputs === Math.floor(count / 10)) early = heapMb();
    const start = Math.floor(luck() * (ROOM - LONGEST));
    const end = start + mutated(protocol.corpus, bytes, start, luck);
    try {
      const before = performance.now();
      const said = protocol.run(space, start, end);
      let took = performance.now() - before;
      for (let n = 1; n < TRIES && took > slowestMs; n++) {
        const again = performance.now();
        protocol.run(space, start, end);
        took = Math.min(took, performance.now() - again);
      }
      slowestMs = Math.max(slowestMs, took);
      kinds[said.kind] = (kinds[said.kind] ?? 0) + 1;
      if (inputs % AGAIN === 0) {
        const first = JSON.stringify(said);
        bytes.fill(Math.floor(luck() * 256), 0, start);
        bytes.fill(Math.floor(luck() * 256), end);
        if (JSON.stringify(protocol.run(space, start, end)) !== first)
          throw new RangeError('looks at what is around it');
      }
      if (slowestMs > LONGEST_MS) throw new RangeError(`takes ${slowestMs} ms`);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failure = { input: Buffer.from(bytes.subarray(start, end)).toString('hex'), why };
    }
  }
  const seconds = (performance.now() - started) / 1000;
  return {
    name: protocol.name,
    inputs,
    perSecond: Math.round(inputs / seconds),
    kinds,
    slowestMs: Math.round(slowestMs * 10) / 10,
    heapMb: [early, heapMb()],
    failure,
  };
}

const below = (luck: Random, limit: number): number => Math.floor(luck() * limit);

/** What breaks decoders of bytes, and of text. */
const EDGES = [0, 1, 2, 3, 4, 0x0f, 0x7e, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff];
const MARKS = [...'\r\n \t:;,="<>[]/@$-0129%'].map((mark) => mark.charCodeAt(0));

/** Writes a vector with something done to it; its length. */
function mutated(corpus: readonly Uint8Array[], out: Uint8Array, at: number, luck: Random): number {
  const seed = corpus[below(luck, corpus.length)];
  let length = Math.min(seed.length, LONGEST);
  out.set(seed.subarray(0, length), at);
  const times = below(luck, 5);
  for (let n = 0; n < times && length > 0; n++) length = mutateOnce(corpus, out, at, { length, luck });
  return length;
}

interface Step {
  readonly length: number;
  readonly luck: Random;
}

function mutateOnce(
  corpus: readonly Uint8Array[],
  out: Uint8Array,
  at: number,
  { length, luck }: Step,
): number {
  const where = below(luck, length);
  switch (below(luck, 9)) {
    case 0:
      out[at + where] ^= 1 << below(luck, 8);
      return length;
    case 1:
      out[at + where] = below(luck, 256);
      return length;
    case 2:
      out[at + where] = EDGES[below(luck, EDGES.length)];
      return length;
    case 3:
      out[at + where] = MARKS[below(luck, MARKS.length)];
      return length;
    case 4:
      return below(luck, length + 1);
    case 5: {
      // Something is left out.
      const less = Math.min(length - where, 1 + below(luck, 40));
      out.copyWithin(at + where, at + where + less, at + length);
      return length - less;
    }
    case 6: {
      // Something is said twice, or many times.
      const part = Math.min(length - where, 1 + below(luck, 60));
      let grown = length;
      for (let n = 1 + below(luck, luck() < 0.05 ? 100 : 2); n > 0 && grown + part <= LONGEST; n--) {
        out.copyWithin(at + where + part, at + where, at + grown);
        grown += part;
      }
      return grown;
    }
    case 7: {
      // Goes on as another one.
      const other = corpus[below(luck, corpus.length)];
      const from = below(luck, other.length);
      const part = other.subarray(from, from + Math.min(other.length - from, LONGEST - where));
      out.set(part, at + where);
      return where + part.length;
    }
    default: {
      const more = Math.min(LONGEST - length, below(luck, 60));
      for (let i = 0; i < more; i++) out[at + length + i] = below(luck, 256);
      return length + more;
    }
  }
}

function heapMb(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Math.round((process.memoryUsage().heapUsed / 1048576) * 10) / 10;
}

function main(argv: readonly string[]): number {
  const { values } = parseArgs({
    args: [...argv],
    options: { count: { type: 'string' }, only: { type: 'string' }, seed: { type: 'string' } },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 0x7fffffff));
  const count = Number(values.count ?? 10_000_000);
  process.stdout.write(`seed ${seed}\n`);
  let failed = false;
  for (const protocol of SIGNALLING.filter(({ name }) => values.only === undefined || name === values.only)) {
    const { name, inputs, perSecond, kinds, slowestMs, heapMb, failure } = fuzzSignalling(
      protocol,
      count,
      seed,
    );
    const shares = Object.entries(kinds).map(([kind, times]) => `${kind} ${times}`);
    process.stdout.write(
      `${name}: ${inputs} inputs, ${perSecond}/s, slowest ${slowestMs} ms, heap ${heapMb.join(' -> ')} MB\n  ${shares.join(', ')}\n`,
    );
    const grown = 'gc' in globalThis && heapMb[1] - heapMb[0] > GROWTH_MB;
    if (grown) process.stdout.write('  FAILED: the heap grows\n');
    if (failure !== null) process.stdout.write(`  FAILED: ${failure.why}\n  ${failure.input}\n`);
    failed ||= grown || failure !== null;
  }
  return failed ? 1 : 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = main(process.argv.slice(2));
}
