/** When each race is due: a binary heap over slots, with every slot's place in it, so that an entry can move or go. */
import type { Micros } from '../engine-types.js';

/** BOUNDED: one entry per slot. */
export class DeadlineHeap {
  private readonly due: Float64Array;
  private readonly heap: Int32Array;
  private readonly place: Int32Array;
  private size = 0;

  constructor(slots: number) {
    this.due = new Float64Array(slots);
    this.heap = new Int32Array(slots);
    this.place = new Int32Array(slots).fill(-1);
  }

  /** The earliest deadline; Infinity when there is none. */
  next(): Micros {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.due[this.heap[0]];
  }

  /** The slot that is due first; -1 when there is none. */
  first(): number {
    return this.size === 0 ? -1 : this.heap[0];
  }

  /** Sets or moves the deadline of a slot. */
  set(slot: number, at: Micros): void {
    this.due[slot] = at;
    let index = this.place[slot];
    if (index < 0) {
      index = this.size++;
      this.heap[index] = slot;
      this.place[slot] = index;
    }
    this.down(this.up(index));
  }

  /** Takes a slot out; nothing happens when it is not in. */
  remove(slot: number): void {
    const index = this.place[slot];
    if (index < 0) return;
    this.place[slot] = -1;
    const last = this.heap[--this.size];
    if (last === slot) return;
    this.heap[index] = last;
    this.place[last] = index;
    this.down(this.up(index));
  }

  private up(start: number): number {
    const { heap, place, due } = this;
    const slot = heap[start];
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (due[heap[parent]] <= due[slot]) break;
      heap[index] = heap[parent];
      place[heap[index]] = index;
      index = parent;
    }
    heap[index] = slot;
    place[slot] = index;
    return index;
  }

  private down(start: number): void {
    const { heap, place, due, size } = this;
    const slot = heap[start];
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && due[heap[child + 1]] < due[heap[child]]) child++;
      if (due[heap[child]] >= due[slot]) break;
      heap[index] = heap[child];
      place[heap[index]] = index;
      index = child;
    }
    heap[index] = slot;
    place[slot] = index;
  }
}
