/** Slots of a table by hash: chains through the slots, so that nothing is allocated for an entry. */
import { powerOfTwo } from '../hash.js';

/** BOUNDED: every slot is in it once at most; whoever puts and removes knows the hash and sees to that. */
export class Chains {
  /** The next slot of the same chain; -1 at its end. */
  readonly next: Int32Array;
  private readonly heads: Int32Array;
  private readonly mask: number;

  constructor(slots: number) {
    this.heads = new Int32Array(powerOfTwo(slots)).fill(-1);
    this.mask = this.heads.length - 1;
    this.next = new Int32Array(slots);
  }

  /** The first slot of the chain of a hash; -1 when it is empty. Slots of other hashes are among them. */
  first(hash: number): number {
    return this.heads[hash & this.mask];
  }

  put(hash: number, slot: number): void {
    const chain = hash & this.mask;
    this.next[slot] = this.heads[chain];
    this.heads[chain] = slot;
  }

  /** Nothing happens when the slot is not in the chain of this hash. */
  remove(hash: number, slot: number): void {
    const { heads, next } = this;
    const chain = hash & this.mask;
    if (heads[chain] === slot) {
      heads[chain] = next[slot];
      return;
    }
    for (let at = heads[chain]; at >= 0; at = next[at]) {
      if (next[at] !== slot) continue;
      next[at] = next[slot];
      return;
    }
  }
}
