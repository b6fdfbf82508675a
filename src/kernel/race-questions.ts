/** What the race thread is asked and told by an operator: what would happen, and what to forget. */
import type { Engine } from '../core/engine.js';
import type { Micros } from '../core/engine-types.js';
import type { Foreseen } from '../core/what-if.js';
import { type AddressWords, familyOf, maskAddress, sameAddress } from '../model/address.js';
import { firstPacket } from '../wire/first-packets.js';
import type { ImaginedSetup, MemoryPart, MemoryPrefix } from './race-messages.js';
import { memoryPart } from './race-report.js';

export function foresee(engine: Engine, set: ImaginedSetup, now: Micros): Foreseen {
  const { service, mayCopy, isLocal } = set;
  return engine.whatIf({ kind: 'setup', packet: firstPacket(set), service, tried: 0, mayCopy, isLocal }, now);
}

/** The part of memory that a destination is in: one slot, or none. */
export function memoryOf(engine: Engine, destination: AddressWords, now: Micros): MemoryPart {
  const slot = engine.memory.find(destination, 0);
  return memoryPart(engine, Math.max(0, slot), slot < 0 ? 0 : 1, true, now);
}

/** Of `count` slots of memory from `from` on, those within the prefix, and the one that it is within; null: all. */
export function forgetPart(
  engine: Engine,
  from: number,
  count: number,
  prefix: MemoryPrefix | null,
  now: Micros,
): { readonly count: number; readonly next: number } {
  const { memory } = engine;
  const masked = new Int32Array(4);
  const isMeant = (slot: number): boolean => {
    if (prefix === null) return true;
    if (familyOf(memory.address, slot * 4) !== prefix.family) return false;
    for (let i = 0; i < 4; i++) masked[i] = memory.address[slot * 4 + i];
    maskAddress(masked, 0, prefix.family, prefix.length);
    return sameAddress(masked, 0, prefix.words, 0);
  };
  const forgotten = engine.forget(from, count, isMeant, now);
  return { count: forgotten, next: from + count < memory.mostUsed ? from + count : -1 };
}
