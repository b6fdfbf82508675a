/**
 * What was measured per destination and route, as columns of typed arrays: nothing is allocated per operation, and the
 * size is known from the start. A destination is an address without the bits that its prefix length leaves out; inside
 * addresses are not kept (hosts change them, and nobody needs to know who spoke with whom).
 *
 * A slot is valid until the next `take`, `remove` or `sweep`: whoever comes back later asks `find` again.
 */
import { type AddressWords, type Family, familyOf, sameAddress, wordMask } from '../../model/address.js';
import { assert } from '../../model/errors.js';
import type { Micros, RouteNumber } from '../engine-types.js';
import { finishHash, mixAddress, powerOfTwo } from '../hash.js';
import { SEGMENT, Segments } from './segments.js';
import { TIMES, type Times } from './times.js';
import { MAX_ROUTES, VERDICT, type Verdict, Verdicts } from './verdicts.js';

/** Uses within this time are one: a page that opens twenty connections has used its servers once. */
export const ONE_USE_MICROS = 10_000_000;

/** How long a decided race waits for its losers, to measure and tell them: so long they may still say something. */
export const AWAITED_MICROS = 2_000_000;

/** So that the age of an entry and its number fit into one exact integer: see rows.ts. */
export const MAX_DESTINATIONS = 2 ** 21;

export interface MemoryOptions {
  readonly size: number;
  /** How many routes there can be: 1 to 16. */
  readonly routes: number;
  /** Prefix lengths that make one destination. */
  readonly aggregate: { readonly 4: number; readonly 6: number };
  /** A random word, different in every run: nobody outside can aim at hash chains. */
  readonly secret: number;
  /** An entry leaves; its columns can still be read. It must not change the table. */
  readonly leaves?: (slot: number) => void;
}

/** BOUNDED: `size` destinations; which one gives way to a new one: segments.ts. */
export class MemoryTable {
  readonly size: number;
  readonly routes: number;
  /** Four words each, without the bits below the prefix. */
  readonly address: AddressWords;
  /** What the times are of: TIMES. */
  readonly times: Uint8Array;
  readonly verdicts: Verdicts;
  readonly segments: Segments;
  /** Last use, to within ONE_USE_MICROS. */
  readonly usedAt: Float64Array;
  /** Since then all routes of `racedRoutes` were asked; minus infinity: never. */
  readonly racedAt: Float64Array;
  /** Bit n - 1 is route n; some may be void: see `racedRoutes`. */
  readonly racedBits: Uint16Array;

  destinations = 0;
  /** No slot from this one on was ever used. */
  mostUsed = 0;
  /** Entries that had to leave because the table was full, since start. */
  evicted = 0;

  private readonly buckets: Int32Array;
  /** Next slot of the same bucket, or next free slot. */
  private readonly next: Int32Array;
  private firstFree = 0;
  private readonly prefix: Readonly<Record<Family, Int32Array>>;
  private readonly wanted = new Int32Array(4);
  private readonly secret: number;
  private readonly leaves: ((slot: number) => void) | undefined;

  constructor({ size, routes, aggregate, secret, leaves }: MemoryOptions) {
    assert(size >= 1 && size <= MAX_DESTINATIONS, `a memory of ${size} destinations`);
    assert(routes >= 1 && routes <= MAX_ROUTES, `a memory of ${routes} routes`);
    this.size = size;
    this.routes = routes;
    this.secret = secret;
    this.leaves = leaves;
    this.prefix = { 4: prefixMask(96 + aggregate[4]), 6: prefixMask(aggregate[6]) };
    this.address = new Int32Array(size * 4);
    this.times = new Uint8Array(size);
    this.verdicts = new Verdicts(size, routes);
    this.segments = new Segments(size);
    this.usedAt = new Float64Array(size);
    this.racedAt = new Float64Array(size);
    this.racedBits = new Uint16Array(size);
    this.buckets = new Int32Array(powerOfTwo(size)).fill(-1);
    this.next = new Int32Array(size);
    for (let slot = 0; slot < size; slot++) this.next[slot] = slot + 1;
    this.next[size - 1] = -1;
  }

  /** The slot of the destination that the address at word `at` belongs to, for such times; -1 when nothing is known of it. */
  find(words: AddressWords, at: number, times: Times = TIMES.CONNECT): number {
    this.mask(words, at, this.wanted, 0);
    return this.lookUp(this.bucketOf(this.wanted, 0, times), times);
  }

  /** The same, with a new entry where there is none; a use of it. A full table gives up its least valuable entry. */
  take(words: AddressWords, at: number, now: Micros, times: Times = TIMES.CONNECT): number {
    this.mask(words, at, this.wanted, 0);
    const bucket = this.bucketOf(this.wanted, 0, times);
    const found = this.lookUp(bucket, times);
    if (found >= 0) {
      this.touch(found, now);
      return found;
    }
    if (this.firstFree < 0) {
      this.remove(this.segments.leastValuable());
      this.evicted++;
    }
    const slot = this.firstFree;
    this.firstFree = this.next[slot];
    this.mask(words, at, this.address, slot * 4);
    this.times[slot] = times;
    this.next[slot] = this.buckets[bucket];
    this.buckets[bucket] = slot;
    this.verdicts.clear(slot, this.familyOf(slot));
    this.usedAt[slot] = now;
    this.racedAt[slot] = Number.NEGATIVE_INFINITY;
    this.racedBits[slot] = 0;
    this.segments.put(slot, SEGMENT.UNANSWERED);
    this.destinations++;
    if (slot >= this.mostUsed) this.mostUsed = slot + 1;
    return slot;
  }

  /** A use: of a destination that has answered before and was not used just now, a reason to keep it. */
  touch(slot: number, now: Micros): void {
    if (now - this.usedAt[slot] < ONE_USE_MICROS) return;
    this.usedAt[slot] = now;
    const answered = this.segments.of[slot] !== SEGMENT.UNANSWERED;
    this.segments.put(slot, answered ? SEGMENT.PROTECTED : SEGMENT.UNANSWERED);
  }

  /** What a route said just now. `rttMicros` counts with ANSWERED only; -1 there makes it RETRANSMITTED. */
  note(slot: number, route: RouteNumber, verdict: Verdict, rttMicros: number, now: Micros): void {
    this.verdicts.note(slot, route, verdict, rttMicros, now);
    // What answers in place of servers answers for hosts that do not exist, too: that saves nobody from leaving first.
    if (!isAnswer(verdict)) return;
    if (this.segments.of[slot] !== SEGMENT.UNANSWERED) return;
    this.usedAt[slot] = now;
    this.segments.put(slot, SEGMENT.PROBATION);
  }

  /**
   * The copies of a race have left over the routes of `mask` (bit n is route n). A staggered race that was decided before all
   * of them left asked fewer than a race before it: then that one still says since when all were asked, for `forget`.
   */
  noteRace(slot: number, mask: number, now: Micros, forget: Micros = Number.POSITIVE_INFINITY): void {
    const before = this.racedAt[slot] + forget > now ? this.racedRoutes(slot) : 0;
    this.racedBits[slot] = (before | mask) >>> 1;
    if ((before & ~mask) === 0) this.racedAt[slot] = now;
  }

  /** The last race has ended and nothing more can come of it: what is known now is all that there is to know. */
  awaitNobody(slot: number, now: Micros): void {
    if (this.verdicts.hasUnheard(slot, this.racedRoutes(slot)))
      this.racedAt[slot] = Math.min(this.racedAt[slot], now - AWAITED_MICROS);
  }

  /** The routes that were asked since `racedAt`, without those that have been forgotten since. */
  racedRoutes(slot: number): number {
    let mask = this.racedBits[slot] << 1;
    for (let route = 1; route <= this.routes; route++) {
      if (this.verdicts.isForgotten(slot, route, this.racedAt[slot])) mask &= ~(1 << route);
    }
    return mask;
  }

  /** The route of `mask` with the shortest time younger than `trust`; 0: none. Whether it decides alone says `expiry`. */
  best(slot: number, mask: number, now: Micros, trust: Micros): RouteNumber {
    return this.verdicts.best(slot, mask, now, trust);
  }

  /**
   * Until when `best` decides alone, unless something is noted before; minus infinity: it does not. `mask` has the routes
   * that can be used now. Nobody of them may be left who could be better and was not asked: either all of them were in a
   * race together (a route that came up since, or was down since, was not: race again), or each has a verdict that counts. Nor
   * may one be left that was faster when it was last heard: who answers alone is not the best for that. Nor one that has never
   * said anything and is still awaited: groups would be noted for good by what is known without it.
   */
  expiry(slot: number, mask: number, now: Micros, trust: Micros): Micros {
    const best = this.verdicts.best(slot, mask, now, trust);
    if (best === 0 || this.verdicts.hasFaster(slot, mask, best)) return Number.NEGATIVE_INFINITY;
    if ((mask & ~this.racedRoutes(slot)) === 0) {
      if (this.isAwaiting(slot, mask, now)) return Number.NEGATIVE_INFINITY;
      let until = this.verdicts.endOf(slot, best, trust);
      for (let route = 1; route <= this.routes; route++) {
        if ((mask & (1 << route)) === 0 || !this.verdicts.isOpen(slot, route)) continue;
        until = Math.min(until, this.verdicts.endOf(slot, route, trust));
      }
      return until > now ? until : Number.NEGATIVE_INFINITY;
    }
    let until = Number.POSITIVE_INFINITY;
    for (let route = 1; route <= this.routes; route++) {
      if ((mask & (1 << route)) !== 0) until = Math.min(until, this.verdicts.endOf(slot, route, trust));
    }
    return until > now ? until : Number.NEGATIVE_INFINITY;
  }

  /**
   * Enough is known for a staggered race: one of the routes answered within `forget`, and all of them were compared within
   * it. Without the second, staggered races that the best route wins alone would never find out that another one is better.
   */
  isKnown(slot: number, mask: number, now: Micros, forget: Micros): boolean {
    if (this.racedAt[slot] + forget <= now || (mask & ~this.racedRoutes(slot)) !== 0) return false;
    if (this.isAwaiting(slot, mask, now)) return false;
    return this.verdicts.best(slot, mask, now, forget) !== 0;
  }

  /** A race may still hear of a route of `mask` that has never said anything about the destination. */
  private isAwaiting(slot: number, mask: number, now: Micros): boolean {
    return now < this.racedAt[slot] + AWAITED_MICROS && this.verdicts.hasUnheard(slot, mask);
  }

  /** Routes of `mask` as a staggered race should ask them, into `out`; returns how many. See `Verdicts.order`. */
  order(slot: number, mask: number, now: Micros, forget: Micros, out: Uint8Array): number {
    return this.verdicts.order(slot, mask, now, forget, out);
  }

  /** The last word of some route of `mask` does not tell whether it is the best: that must be asked again and again. */
  isDoubted(slot: number, mask: number): boolean {
    for (let route = 1; route <= this.routes; route++)
      if ((mask & (1 << route)) !== 0 && this.verdicts.isOpen(slot, route)) return true;
    return false;
  }

  /** What the route takes could not be told when it was last asked, and it is time to ask it again. */
  isDue(slot: number, route: RouteNumber, now: Micros, trust: Micros): boolean {
    return this.verdicts.isOpen(slot, route) && this.verdicts.endOf(slot, route, trust) <= now;
  }

  /** Until when the last word of a route counts that does not tell its time; minus infinity: it tells. */
  openUntil(slot: number, route: RouteNumber, trust: Micros): Micros {
    return this.verdicts.isOpen(slot, route)
      ? this.verdicts.endOf(slot, route, trust)
      : Number.NEGATIVE_INFINITY;
  }

  /** Until when a route that was silent is not asked; minus infinity: it was not, or is due. */
  silentUntil(slot: number, route: RouteNumber, now: Micros, trust: Micros): Micros {
    const until = this.verdicts.silencesOf(slot, route) > 0 ? this.verdicts.endOf(slot, route, trust) : 0;
    return until > now ? until : Number.NEGATIVE_INFINITY;
  }

  /** The time that a route took last, however long ago; -1 when it is not known. */
  rttOf(slot: number, route: RouteNumber): Micros {
    return this.verdicts.rttOf(slot, route);
  }

  /**
   * A route went down (for a family, if one is named), or is another one now: what it said is void, and so is its part in
   * all races. At once.
   */
  forgetRoute(route: RouteNumber, now: Micros, family?: Family): void {
    if (family !== 6) this.verdicts.forget(route, 4, now);
    if (family !== 4) this.verdicts.forget(route, 6, now);
  }

  remove(slot: number): void {
    this.leaves?.(slot);
    const bucket = this.bucketOf(this.address, slot * 4, this.times[slot]);
    if (this.buckets[bucket] === slot) {
      this.buckets[bucket] = this.next[slot];
    } else {
      let at = this.buckets[bucket];
      while (this.next[at] !== slot) at = this.next[at];
      this.next[at] = this.next[slot];
    }
    this.segments.remove(slot);
    this.next[slot] = this.firstFree;
    this.firstFree = slot;
    this.destinations--;
  }

  /** Removes, of `count` slots from `from` on, what has not been used for `forget`. */
  sweep(from: number, count: number, now: Micros, forget: Micros): void {
    const end = Math.min(from + count, this.size);
    for (let slot = from; slot < end; slot++) {
      if (this.isUsed(slot) && this.usedAt[slot] + forget <= now) this.remove(slot);
    }
  }

  isUsed(slot: number): boolean {
    return this.segments.of[slot] !== SEGMENT.FREE;
  }

  familyOf(slot: number): Family {
    return familyOf(this.address, slot * 4);
  }

  private mask(words: AddressWords, at: number, out: AddressWords, outAt: number): void {
    const prefix = this.prefix[familyOf(words, at)];
    for (let i = 0; i < 4; i++) out[outAt + i] = words[at + i] & prefix[i];
  }

  private bucketOf(address: AddressWords, at: number, times: number): number {
    return finishHash(mixAddress(this.secret ^ times, address, at)) & (this.buckets.length - 1);
  }

  private lookUp(bucket: number, times: Times): number {
    let slot = this.buckets[bucket];
    while (slot >= 0 && !(this.times[slot] === times && sameAddress(this.address, slot * 4, this.wanted, 0)))
      slot = this.next[slot];
    return slot;
  }
}

/** Of the server itself, as far as can be told. */
function isAnswer(verdict: Verdict): boolean {
  return verdict === VERDICT.ANSWERED || verdict === VERDICT.RETRANSMITTED || verdict === VERDICT.SLOW;
}

/** Four words with the first `length` bits set. */
function prefixMask(length: number): Int32Array {
  return Int32Array.from([0, 32, 64, 96], (start) => wordMask(length - start));
}
