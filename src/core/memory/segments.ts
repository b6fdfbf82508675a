/**
 * Which destination gives way to a new one: a segmented LRU (Karedla, Love and Wherry, "Caching Strategies to Improve Disk
 * System Performance", 1994) with a segment more below it.
 *
 *   unanswered --an answer--> probation --used again--> protected
 *                                 ^------too many-----------'
 *
 * The oldest of the lowest segment that has one leaves first. A scan of the LAN's hosts ends in the two lower segments:
 * what never answered takes the place of what never answered, and what was used once never that of what is used again.
 */
export const SEGMENT = { FREE: 0, UNANSWERED: 1, PROBATION: 2, PROTECTED: 3 } as const;

/** Largest part of all slots that is protected, so that a new destination has a while to prove itself. */
const PROTECTED_SHARE = 0.8;

/** One ring per segment, oldest first: 9 bytes for a slot. */
export class Segments {
  readonly of: Uint8Array;
  private readonly newer: Int32Array;
  private readonly older: Int32Array;
  private readonly mostProtected: number;
  private protectedCount = 0;

  constructor(private readonly slots: number) {
    this.of = new Uint8Array(slots);
    // The extra entries at the end are the heads of the rings.
    this.newer = new Int32Array(slots + 4);
    this.older = new Int32Array(slots + 4);
    for (let head = slots; head < slots + 4; head++) {
      this.newer[head] = head;
      this.older[head] = head;
    }
    this.mostProtected = Math.floor(slots * PROTECTED_SHARE);
  }

  /** Makes a slot the newest of a segment; where it was before does not matter. */
  put(slot: number, segment: number): void {
    this.remove(slot);
    this.link(slot, segment);
    if (segment !== SEGMENT.PROTECTED || ++this.protectedCount <= this.mostProtected) return;
    const demoted = this.newer[this.slots + SEGMENT.PROTECTED];
    this.remove(demoted);
    this.link(demoted, SEGMENT.PROBATION);
  }

  remove(slot: number): void {
    const segment = this.of[slot];
    if (segment === SEGMENT.FREE) return;
    if (segment === SEGMENT.PROTECTED) this.protectedCount--;
    this.newer[this.older[slot]] = this.newer[slot];
    this.older[this.newer[slot]] = this.older[slot];
    this.of[slot] = SEGMENT.FREE;
  }

  /** The slot that is worth least; -1 when all are free. */
  leastValuable(): number {
    for (let head = this.slots + SEGMENT.UNANSWERED; head <= this.slots + SEGMENT.PROTECTED; head++) {
      if (this.newer[head] !== head) return this.newer[head];
    }
    return -1;
  }

  private link(slot: number, segment: number): void {
    const head = this.slots + segment;
    const last = this.older[head];
    this.newer[last] = slot;
    this.older[slot] = last;
    this.newer[slot] = head;
    this.older[head] = slot;
    this.of[slot] = segment;
  }
}
