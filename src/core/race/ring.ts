/** Slots of a table in the order in which they came: a ring through the slots, of which any can leave. */

/** BOUNDED: every slot is in it once at most. */
export class Ring {
  private readonly next: Int32Array;
  private readonly previous: Int32Array;

  constructor(private readonly slots: number) {
    // The extra entry at the end is the head; -1: not in the ring.
    this.next = new Int32Array(slots + 1).fill(-1).fill(slots, slots);
    this.previous = new Int32Array(slots + 1).fill(slots, slots);
  }

  /** The slot that came first of those that are in; -1 when there is none. */
  first(): number {
    const first = this.next[this.slots];
    return first === this.slots ? -1 : first;
  }

  /** Puts a slot at the end. */
  push(slot: number): void {
    const { next, previous, slots: head } = this;
    const last = previous[head];
    next[last] = slot;
    previous[slot] = last;
    next[slot] = head;
    previous[head] = slot;
  }

  /** Nothing happens when the slot is not in. */
  remove(slot: number): void {
    const { next, previous } = this;
    if (next[slot] < 0) return;
    next[previous[slot]] = next[slot];
    previous[next[slot]] = previous[slot];
    next[slot] = -1;
  }
}
