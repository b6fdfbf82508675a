/** How many connections to one address may be raced in a second: a server need not bear more copies because many of its clients sit behind us. */
import { type AddressWords, copyAddress, sameAddress } from '../../model/address.js';
import type { Micros } from '../engine-types.js';
import { finishHash, mixAddress } from '../hash.js';

const SETS = 2048;
const WAYS = 4;
const SECOND: Micros = 1_000_000;

/**
 * Races of this second, and of the one before as far as that is not over: so no second of the clock's has much more than the bound.
 * BOUNDED: 8192 addresses in sets of four; the one that began its second first gives way, and begins anew.
 */
export class DestinationLimits {
  /** 0: without bound. */
  perSecond = 0;
  private readonly address: AddressWords = new Int32Array(SETS * WAYS * 4);
  private readonly since = new Float64Array(SETS * WAYS).fill(Number.NEGATIVE_INFINITY);
  private readonly count = new Uint32Array(SETS * WAYS);
  private readonly before = new Uint32Array(SETS * WAYS);

  constructor(private readonly secret: number) {}

  /** Whether one more connection to the address at word `at` may be raced now. */
  hasRoom(words: AddressWords, at: number, now: Micros): boolean {
    if (this.perSecond === 0) return true;
    const place = this.find(words, at);
    return place < 0 || this.used(place, now) < this.perSecond;
  }

  /** Counts one; false when it may not be. */
  admit(words: AddressWords, at: number, now: Micros): boolean {
    if (this.perSecond === 0) return true;
    const found = this.find(words, at);
    const place = found < 0 ? this.begin(words, at, now) : found;
    if (this.used(place, now) >= this.perSecond) return false;
    this.count[place]++;
    return true;
  }

  /** What both of them would say; nothing is noted. */
  wouldAdmit(words: AddressWords, at: number, now: Micros): boolean {
    const place = this.perSecond === 0 ? -1 : this.find(words, at);
    if (place < 0) return true;
    const age = now - this.since[place];
    if (age >= 2 * SECOND) return true;
    const [count, before, since] =
      age < SECOND
        ? [this.count[place], this.before[place], this.since[place]]
        : [0, this.count[place], this.since[place] + SECOND];
    return count + before * (1 - (now - since) / SECOND) < this.perSecond;
  }

  private used(place: number, now: Micros): number {
    const age = now - this.since[place];
    if (age >= SECOND) {
      this.before[place] = age < 2 * SECOND ? this.count[place] : 0;
      this.count[place] = 0;
      this.since[place] = age < 2 * SECOND ? this.since[place] + SECOND : now;
    }
    return this.count[place] + this.before[place] * (1 - (now - this.since[place]) / SECOND);
  }

  private find(words: AddressWords, at: number): number {
    const base = this.base(words, at);
    for (let place = base; place < base + WAYS; place++)
      if (sameAddress(this.address, place * 4, words, at)) return place;
    return -1;
  }

  private begin(words: AddressWords, at: number, now: Micros): number {
    const base = this.base(words, at);
    let oldest = base;
    for (let place = base; place < base + WAYS; place++)
      if (this.since[place] < this.since[oldest]) oldest = place;
    copyAddress(words, at, this.address, oldest * 4);
    this.since[oldest] = now;
    this.count[oldest] = 0;
    this.before[oldest] = 0;
    return oldest;
  }

  private base(words: AddressWords, at: number): number {
    return (finishHash(mixAddress(this.secret, words, at)) & (SETS - 1)) * WAYS;
  }
}
