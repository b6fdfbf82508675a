/** Frames on their way, in memory that system calls read and write in place, and the order in which they are due. */
import { allocate } from '../../src/kernel/ffi.js';

/** Room for one frame: an MTU of 2000 with its Ethernet header. */
export const SLOT_BYTES = 2048;
/** 32 MB: 100 ms of 160 000 packets/s. What does not fit is dropped and counted. */
export const SLOTS = 16384;

/** A slot is a number; `slot * SLOT_BYTES` is where its frame begins. */
export class FramePool {
  readonly memory = allocate(SLOTS * SLOT_BYTES);
  readonly bytes = Buffer.from(this.memory.bytes.buffer, 0, SLOTS * SLOT_BYTES);
  readonly lengths = new Uint16Array(SLOTS);
  // BOUNDED: SLOTS.
  readonly #free = Int32Array.from({ length: SLOTS }, (_, index) => index);
  #freeCount = SLOTS;

  /** -1 when all are in use. */
  take(): number {
    return this.#freeCount === 0 ? -1 : (this.#free[--this.#freeCount] as number);
  }

  give(slot: number): void {
    this.#free[this.#freeCount++] = slot;
  }
}

/** A heap of slots by due time; slots due at the same time leave in the order in which they came. */
export class Schedule {
  readonly #due = new Float64Array(SLOTS);
  readonly #order = new Float64Array(SLOTS);
  // BOUNDED: SLOTS, each slot is in it at most once.
  readonly #heap = new Int32Array(SLOTS);
  #size = 0;
  #counter = 0;

  get size(): number {
    return this.#size;
  }

  /** Infinity when nothing waits. */
  get nextDue(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#due[this.#heap[0] as number] as number);
  }

  add(slot: number, due: number): void {
    this.#due[slot] = due;
    this.#order[slot] = this.#counter++;
    let place = this.#size++;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#heap[parent] as number;
      if (!this.#before(slot, above)) break;
      this.#heap[place] = above;
      place = parent;
    }
    this.#heap[place] = slot;
  }

  /** The first slot; call only when `nextDue` is finite. */
  take(): number {
    const first = this.#heap[0] as number;
    const last = this.#heap[--this.#size] as number;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (right < this.#size && this.#before(this.#heap[right] as number, this.#heap[child] as number))
        child = right;
      const below = this.#heap[child] as number;
      if (!this.#before(below, last)) break;
      this.#heap[place] = below;
      place = child;
    }
    this.#heap[place] = last;
    return first;
  }

  #before(left: number, right: number): boolean {
    const difference = (this.#due[left] as number) - (this.#due[right] as number);
    return (
      difference < 0 || (difference === 0 && (this.#order[left] as number) < (this.#order[right] as number))
    );
  }
}
