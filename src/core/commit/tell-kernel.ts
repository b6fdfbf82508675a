/** What the kernel is told of memory: each change once, and nothing that it would not notice. */
import type { Family } from '../../model/address.js';
import { lastingRoutes } from '../choose/candidates.js';
import { OF_PAYLOADS } from '../choose/services.js';
import type { MemoryEntry } from '../contract.js';
import { finishHash, mix } from '../hash.js';
import { isAnyMissed } from '../health/missed.js';
import { INTERIM } from '../memory/kernel-copy.js';
import { TIMES, type Times } from '../memory/times.js';
import { EQUAL } from '../memory/verdicts.js';
import type { Turn } from '../turn.js';

/** Memory has chosen for the packet in hand although the kernel could have: it does not know yet, or no longer. */
export function tellChosen(turn: Turn): void {
  const slot = turn.shard.memory.find(turn.packet.destination, 0, turn.times);
  if (slot >= 0) tellKernel(turn, slot);
}

/** Brings the kernel's memory of a destination to what ours would choose now. */
export function tellKernel(turn: Turn, slot: number): void {
  const { site, shard, now } = turn;
  const { memory, kernelCopy } = shard;
  const { masks, memorySettings } = site;
  const family = memory.familyOf(slot);
  for (let view = 0; view < masks.length; view++) {
    if (memory.times[slot] !== timesOf(masks[view])) continue;
    const open = lastingRoutes(site, masks[view], family);
    const before = kernelCopy.routeOf(slot, view, now);
    const best = keepEqual(turn, slot, before, open);
    const until = memory.expiry(slot, open, now, memorySettings.trustMicros);
    // Behind a doubt the kernel would never ask again: it notes groups by what it is told.
    if (best === 0 || until <= now || memory.isDoubted(slot, open)) {
      takeBack(turn, slot, view);
      continue;
    }
    const left = until - now;
    // Nothing the kernel would notice: the same route, for most of the time that is left.
    const isInterim = isAnyMissed(site, masks[view], family);
    const isSame = before === best && kernelCopy.isInterim(slot, view) === isInterim;
    if (isSame && kernelCopy.untilOf(slot, view) - now > left / 2) continue;
    // Up to a tenth shorter, so that what was learnt together does not expire together.
    const luck = (finishHash(mix(site.settings.secret[0] ^ slot, now | 0)) >>> 0) / 0x1_0000_0000;
    const ttl = Math.floor(left * (1 - luck / 10));
    if (ttl < 1000) continue;
    kernelCopy.set(slot, view, isInterim ? best | INTERIM : best, now + ttl, now);
    const entry = entryOf(turn, slot, masks[view]);
    entry.route = best;
    entry.isInterim = isInterim;
    entry.ttl = ttl;
    turn.notes.remember(entry);
  }
}

/** What the kernel knows is of connections; of datagrams that are raced each first one is asked about. */
function timesOf(mask: number): Times {
  return (mask & OF_PAYLOADS) === 0 ? TIMES.CONNECT : TIMES.PAYLOAD;
}

/** An entry leaves memory: the kernel forgets it too. */
export function forgetInKernel(turn: Turn, slot: number): void {
  for (let view = 0; view < turn.site.masks.length; view++) takeBack(turn, slot, view);
}

function takeBack(turn: Turn, slot: number, view: number): void {
  const { kernelCopy } = turn.shard;
  if (!kernelCopy.isHeld(slot, view, turn.now)) return;
  kernelCopy.clear(slot, view);
  turn.notes.unremember(entryOf(turn, slot, turn.site.masks[view]));
}

function entryOf({ entry, shard: { memory } }: Turn, slot: number, mask: number): MemoryEntry {
  entry.mask = mask;
  entry.family = memory.familyOf(slot) as Family;
  entry.words = memory.address;
  entry.at = slot * 4;
  return entry;
}

/** The best route of `open`, or the one that the kernel has, `before`, when it is as good. */
function keepEqual(
  { site, shard: { memory }, now }: Turn,
  slot: number,
  before: number,
  open: number,
): number {
  const { trustMicros } = site.memorySettings;
  const best = memory.best(slot, open, now, trustMicros);
  if (before === 0 || before === best || (open & (1 << before)) === 0) return best;
  // Its own time must count as the best one's does.
  if (memory.best(slot, 1 << before, now, trustMicros) === 0) return best;
  return memory.rttOf(slot, before) <= memory.rttOf(slot, best) * EQUAL.times + EQUAL.plusMicros
    ? before
    : best;
}
