/** Memory is forgotten a part at a time, so that no packet waits; the kernel forgets with it. */
import type { MemoryPrefix } from '../kernel/race-messages.js';
import { familyOf, maskAddress, parseAddress } from '../model/address.js';
import type { RaceClient } from './race-client.js';

/** Slots in one go: a fraction of a millisecond. */
const PART_SLOTS = 2048;

/** `prefix`: canonical; null: everything. `aggregate`: prefix lengths that make one destination. Returns how many destinations there were. */
export async function forgetMemory(
  race: Pick<RaceClient, 'forget' | 'empty' | 'settle'>,
  prefix: string | null,
  aggregate: { readonly 4: number; readonly 6: number },
): Promise<number> {
  // Each destination taken back by itself would be more than waits for the kernel: its memories are emptied first.
  if (prefix === null) await race.empty(['memory']);
  const wanted = prefix === null ? null : memoryPrefix(prefix, aggregate);
  let forgotten = 0;
  for (let from = 0; from >= 0; ) {
    const { count, next } = await race.forget(from, PART_SLOTS, wanted);
    forgotten += count;
    from = next;
    if (prefix !== null && count > 0) await race.settle();
  }
  // What was told between two parts.
  if (prefix === null) await race.empty(['memory']);
  return forgotten;
}

function memoryPrefix(prefix: string, aggregate: { readonly 4: number; readonly 6: number }): MemoryPrefix {
  const [address, bits] = prefix.split('/');
  const words = parseAddress(address)!;
  const family = familyOf(words);
  const length = Math.min(Number(bits ?? 128), family === 4 ? 32 : 128, aggregate[family]);
  maskAddress(words, 0, family, length);
  return { words, family, length };
}
