/** What waits to be written to sets and maps: bounded, in order, one operation for a key (the last one wins). */
import {
  createTarget,
  type ElementKey,
  type ElementTarget,
  MAX_KEY,
  type StoredElement,
} from '../wire/netlink/nft-elements.js';

export const OPERATION = { VOID: 0, PUT: 1, REMOVE: 2, FLUSH: 3 } as const;

export class ElementQueue {
  /** Of the operation in slot i. Keys are `keyLength[i]` bytes at `i * MAX_KEY` of `keys`. */
  readonly kind: Uint8Array;
  readonly keys: Uint8Array;
  readonly keyLength: Uint8Array;
  readonly hasValue: Uint8Array;
  readonly value: Uint32Array;
  readonly timeoutMs: Float64Array;

  private readonly element: StoredElement;
  // BOUNDED: one for each set and map of our table.
  private readonly targets: ElementTarget[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly target: Uint16Array;
  /** Slots with the same hash, as chains; only of operations that wait. */
  private readonly chains: Int32Array;
  private readonly next: Int32Array;
  private readonly mask: number;
  /** Ring: taken from `head` to `taken`, waiting from there to `tail`; numbers of operations, slots are these masked. */
  private head = 0;
  private taken = 0;
  private tail = 0;
  private voided = 0;

  /** `capacity` is a power of two. */
  constructor(
    private readonly table: string,
    readonly capacity: number,
  ) {
    this.mask = capacity - 1;
    this.kind = new Uint8Array(capacity);
    this.keys = new Uint8Array(capacity * MAX_KEY);
    this.element = { bytes: this.keys, at: 0, length: 0, hasValue: false, value: 0, timeoutMs: 0 };
    this.keyLength = new Uint8Array(capacity);
    this.hasValue = new Uint8Array(capacity);
    this.value = new Uint32Array(capacity);
    this.timeoutMs = new Float64Array(capacity);
    this.target = new Uint16Array(capacity);
    this.chains = new Int32Array(capacity).fill(-1);
    this.next = new Int32Array(capacity);
  }

  /** Operations that wait, without those that have become needless. */
  get waiting(): number {
    return this.tail - this.taken - this.voided;
  }

  /** Number of operations noted since start, and of those whose fate is known. */
  get noted(): number {
    return this.tail;
  }

  get settled(): number {
    return this.head;
  }

  targetOf(slot: number): ElementTarget {
    return this.targets[this.target[slot]];
  }

  keyOf(slot: number): Uint8Array {
    return this.keys.slice(slot * MAX_KEY, slot * MAX_KEY + this.keyLength[slot]);
  }

  /** Reused: valid until the next call. */
  elementOf(slot: number): StoredElement {
    const { element } = this;
    element.at = slot * MAX_KEY;
    element.length = this.keyLength[slot];
    element.hasValue = this.hasValue[slot] === 1;
    element.value = this.value[slot];
    element.timeoutMs = this.timeoutMs[slot];
    return element;
  }

  /** Notes a PUT or REMOVE; false when there is no room. */
  add(kind: number, set: string, key: ElementKey, value: number | null, timeoutMs: number): boolean {
    const target = this.numberOf(set);
    const hash = this.hash(target, key.bytes, key.length);
    let slot = this.find(hash, target, key);
    if (slot < 0) {
      slot = this.append(kind, target);
      if (slot < 0) return false;
      this.keyLength[slot] = key.length;
      for (let i = 0; i < key.length; i++) this.keys[slot * MAX_KEY + i] = key.bytes[i];
      this.next[slot] = this.chains[hash];
      this.chains[hash] = slot;
    }
    this.kind[slot] = kind;
    this.hasValue[slot] = value === null ? 0 : 1;
    this.value[slot] = value ?? 0;
    this.timeoutMs[slot] = timeoutMs;
    return true;
  }

  /** Notes that a set is to be emptied: what waits for it has become needless. */
  flush(set: string): boolean {
    const target = this.numberOf(set);
    return this.void(target, false) || this.append(OPERATION.FLUSH, target) >= 0;
  }

  /** Drops all that waits for a set, which is about to go. What has been taken is under way. */
  drop(set: string): void {
    this.void(this.numberOf(set), true);
  }

  /** Takes the first operations that wait, at most as many as `slots` holds; they stay as they are until `release`. */
  take(slots: Int32Array): number {
    let count = 0;
    while (this.taken < this.tail && count < slots.length) {
      const slot = this.taken++ & this.mask;
      if (this.kind[slot] === OPERATION.VOID) {
        this.voided--;
        continue;
      }
      if (this.kind[slot] !== OPERATION.FLUSH) this.unlink(slot);
      slots[count++] = slot;
    }
    return count;
  }

  /** Gives up what was taken. */
  release(): void {
    this.head = this.taken;
  }

  /** Makes what waits for a set needless; whether a flush of it stays. */
  private void(target: number, flushesToo: boolean): boolean {
    let flushes = false;
    for (let n = this.taken; n < this.tail; n++) {
      const slot = n & this.mask;
      if (this.target[slot] !== target || this.kind[slot] === OPERATION.VOID) continue;
      if (this.kind[slot] !== OPERATION.FLUSH) this.unlink(slot);
      else if (!flushesToo) {
        flushes = true;
        continue;
      }
      this.kind[slot] = OPERATION.VOID;
      this.voided++;
    }
    return flushes;
  }

  private append(kind: number, target: number): number {
    if (this.tail - this.head === this.capacity) return -1;
    const slot = this.tail++ & this.mask;
    this.kind[slot] = kind;
    this.target[slot] = target;
    return slot;
  }

  private find(hash: number, target: number, key: ElementKey): number {
    for (let slot = this.chains[hash]; slot >= 0; slot = this.next[slot]) {
      if (this.target[slot] === target && this.sameKey(slot, key)) return slot;
    }
    return -1;
  }

  private sameKey(slot: number, key: ElementKey): boolean {
    if (this.keyLength[slot] !== key.length) return false;
    for (let i = 0; i < key.length; i++) if (this.keys[slot * MAX_KEY + i] !== key.bytes[i]) return false;
    return true;
  }

  private unlink(slot: number): void {
    const hash = this.hash(this.target[slot], this.keys, this.keyLength[slot], slot * MAX_KEY);
    if (this.chains[hash] === slot) {
      this.chains[hash] = this.next[slot];
      return;
    }
    let before = this.chains[hash];
    while (this.next[before] !== slot) before = this.next[before];
    this.next[before] = this.next[slot];
  }

  /** FNV-1a, with its upper bits folded into those that are used. */
  private hash(target: number, bytes: Uint8Array, length: number, at = 0): number {
    let hash = Math.imul(0x811c9dc5 ^ target, 0x01000193);
    for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    return (hash ^ (hash >>> 15)) & this.mask;
  }

  private numberOf(set: string): number {
    let number = this.numbers.get(set);
    if (number === undefined) {
      number = this.targets.length;
      this.targets.push(createTarget(this.table, set));
      this.numbers.set(set, number);
    }
    return number;
  }
}
