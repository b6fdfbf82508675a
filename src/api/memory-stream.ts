/** What is remembered, as JSON in slices: the daemon's thread does other work between two of them. */
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { PathraceError } from '../model/errors.js';
import type { MemoryEntry } from './contract.js';
import { MAX_MEMORY_TIMES } from './paths.js';

/** Times of routes in one slice: some 25 kB, a fraction of a millisecond. */
const TIMES_PER_SLICE = 256;

/** A stream of one JSON array. Throws E_ARGUMENT when the entries are more than one answer may have. */
export async function streamMemory(entries: readonly MemoryEntry[]): Promise<Readable> {
  await refuseTooMany(entries);
  return Readable.from(slices(entries), { objectMode: false, highWaterMark: 64 * 1024 });
}

async function* slices(entries: readonly MemoryEntry[]): AsyncGenerator<string> {
  let text = '[';
  let times = 0;
  for (const [i, entry] of entries.entries()) {
    text += i === 0 ? JSON.stringify(entry) : `,${JSON.stringify(entry)}`;
    times += 1 + countRoutes(entry);
    if (times < TIMES_PER_SLICE) continue;
    yield text;
    await setImmediate();
    text = '';
    times = 0;
  }
  yield `${text}]`;
}

/** Entries between two pauses while counting. */
const COUNTED_AT_ONCE = 4096;

async function refuseTooMany(entries: readonly MemoryEntry[]): Promise<void> {
  let times = 0;
  for (const [i, entry] of entries.entries()) {
    times += countRoutes(entry);
    if (times > MAX_MEMORY_TIMES) {
      throw new PathraceError('E_ARGUMENT', 'What is remembered is more than one answer may have.', {
        found: `a limit of ${entries.length} destinations`,
        expected: `a limit of at most ${i}, or a prefix`,
      });
    }
    if (i % COUNTED_AT_ONCE === COUNTED_AT_ONCE - 1) await setImmediate();
  }
}

function countRoutes(entry: MemoryEntry): number {
  let count = 0;
  for (const _ in entry.routes) count++;
  return count;
}
