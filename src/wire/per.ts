/**
 * Values in aligned packed encoding (PER, ITU-T X.691), walked by a table of their types: only what a table names is kept, everything else is
 * passed by. Nothing throws. Every step of every loop takes at least a bit of the input, and types are not recursive, so all work is bounded by the
 * bytes.
 */
import type { ViewedBytes } from './viewed-bytes.js';

/** A type as far as it has to be known to find its end. Bounds are inclusive. */
export type PerType =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'integer'; readonly low: number; readonly high: number }
  /** An octet string, of `low` to `high` bytes; without bounds when `high` is UNBOUNDED. An object identifier is one, too. */
  | { readonly kind: 'octets'; readonly low: number; readonly high: number }
  /** A string of characters of so many bits. */
  | { readonly kind: 'characters'; readonly low: number; readonly high: number; readonly bits: number }
  /** An IP address of `size` bytes and a port, which is what we are here for. */
  | { readonly kind: 'address'; readonly size: 4 | 16; readonly isExtensible: boolean }
  | {
      readonly kind: 'sequence';
      readonly isExtensible: boolean;
      readonly fields: readonly PerField[];
      /** Of extensions, by their index: the ones that matter. */
      readonly extensions: ReadonlyMap<number, PerField>;
    }
  | {
      readonly kind: 'choice';
      readonly isExtensible: boolean;
      readonly alternatives: readonly PerType[];
      readonly extensions: ReadonlyMap<number, PerType>;
    }
  | { readonly kind: 'list'; readonly of: PerType }
  /** The walk ends here, since nothing that follows matters; or since we cannot find the end of this. */
  | { readonly kind: 'rest' | 'unknown' };

export interface PerField {
  readonly type: PerType;
  readonly isOptional: boolean;
  /** What is in it is kept by this name; null: as what it is in; '': not at all. */
  readonly name: string | null;
}

export const UNBOUNDED = -1;

/** Something that the table names. */
export interface PerFound {
  readonly name: string;
  /** 'choice': `value` is the index of an alternative; extensions count from CHOICE_EXTENSION. */
  readonly kind: 'address' | 'octets' | 'integer' | 'choice';
  /** Where the bytes are, and how many; for an address without its port. */
  readonly at: number;
  readonly length: number;
  /** The number, or the port. */
  readonly value: number;
}

export const CHOICE_EXTENSION = 1000;
/** Values that are kept. */
export const MAX_FOUND = 128;

export interface PerWalk {
  readonly found: readonly PerFound[];
  /** false: the bytes ended early, or something in them was not understood; what was found before counts. */
  readonly isComplete: boolean;
}

/** Walks one value of `type` that begins at `start` and ends before `end`. */
export function walkPer(type: PerType, space: ViewedBytes, start: number, end: number): PerWalk {
  if (start < 0 || end > space.bytes.length || start > end) return { found: [], isComplete: false };
  const walker = new Walker(space.bytes, start, end);
  walker.walk(type);
  return { found: walker.found, isComplete: walker.isComplete };
}

class Walker {
  /** BOUNDED: MAX_FOUND; what comes later is lost, and said to be. */
  readonly found: PerFound[] = [];
  /** Nothing is read any more: the bytes have ended, or were not understood, or do not matter (`hasEnough`). */
  private hasFailed = false;
  private hasEnough = false;
  /** Something of known length was not understood, or there was no room for it. */
  private hasLost = false;
  private name: string | null = null;
  private bit: number;
  private endBit: number;

  constructor(
    private readonly bytes: Uint8Array,
    start: number,
    end: number,
  ) {
    this.bit = start * 8;
    this.endBit = end * 8;
  }

  get isComplete(): boolean {
    return (!this.hasFailed || this.hasEnough) && !this.hasLost;
  }

  walk(type: PerType): void {
    switch (type.kind) {
      case 'null':
        return;
      case 'boolean':
        this.keep('integer', 0, 0, this.bits(1));
        return;
      case 'integer':
        this.keep('integer', 0, 0, this.integer(type.low, type.high));
        return;
      case 'octets':
        this.octets(type.low, type.high);
        return;
      case 'characters':
        this.characters(type);
        return;
      case 'address':
        this.address(type);
        return;
      case 'sequence':
        this.sequence(type);
        return;
      case 'choice':
        this.choice(type);
        return;
      case 'list': {
        const count = this.length();
        for (let i = 0; i < count && !this.hasFailed; i++) this.walk(type.of);
        return;
      }
      case 'rest':
        this.hasEnough = !this.hasFailed;
        this.hasFailed = true;
        return;
      case 'unknown':
        this.hasFailed = true;
    }
  }

  private keep(kind: PerFound['kind'], at: number, length: number, value: number): void {
    if (this.name === null || this.hasFailed) return;
    if (this.found.length === MAX_FOUND) this.hasLost = true;
    else this.found.push({ name: this.name, kind, at, length, value });
  }

  /** The next `count` bits, at most 16. */
  private bits(count: number): number {
    if (this.hasFailed || this.bit + count > this.endBit) {
      this.hasFailed = true;
      return 0;
    }
    let value = 0;
    for (let i = 0; i < count; i++, this.bit++)
      value = (value << 1) | ((this.bytes[this.bit >> 3] >> (7 - (this.bit & 7))) & 1);
    return value;
  }

  private align(): void {
    this.bit = (this.bit + 7) & ~7;
  }

  /** Passes by whole bytes; where they begin. */
  private skip(length: number): number {
    this.align();
    const at = this.bit >> 3;
    if (this.bit + 8 * length > this.endBit) this.hasFailed = true;
    else this.bit += 8 * length;
    return at;
  }

  /** A whole number within bounds (X.691 section 10.5). */
  private integer(low: number, high: number): number {
    const range = high - low + 1;
    if (range <= 255) return low + this.bits(bitsFor(range));
    if (range <= 65_536) {
      this.align();
      return low + (range === 256 ? this.bits(8) : this.bits(16));
    }
    const length = 1 + this.bits(bitsFor(bytesFor(range - 1)));
    const at = this.skip(length);
    let value = 0;
    if (!this.hasFailed) for (let i = 0; i < length; i++) value = value * 256 + this.bytes[at + i];
    return low + value;
  }

  /** A length without bounds (section 10.9.3); a value in fragments, from 16384 on, is none that we have to understand. */
  private length(): number {
    this.align();
    if (this.bits(1) === 0) return this.bits(7);
    if (this.bits(1) === 0) return this.bits(14);
    this.hasFailed = true;
    return 0;
  }

  private octets(low: number, high: number): void {
    const length = high === UNBOUNDED ? this.length() : this.integer(low, high);
    // Fixed and at most two bytes: not aligned (section 16.6).
    if (low === high && high <= 2) {
      this.bits(8 * length);
      return;
    }
    const at = length === 0 ? this.bit >> 3 : this.skip(length);
    this.keep('octets', at, length, 0);
  }

  private characters({ low, high, bits }: { low: number; high: number; bits: number }): void {
    const length = high === UNBOUNDED ? this.length() : this.integer(low, high);
    if (high === UNBOUNDED || high * bits >= 16) this.align();
    this.bit += length * bits;
    if (this.bit > this.endBit) this.hasFailed = true;
  }

  private address({ size, isExtensible }: { size: 4 | 16; isExtensible: boolean }): void {
    const isExtended = isExtensible && this.bits(1) === 1;
    const at = this.skip(size);
    const port = this.integer(0, 65_535);
    this.keep('address', at, size, port);
    if (isExtended) this.extensions(new Map());
  }

  private sequence({ isExtensible, fields, extensions }: Extract<PerType, { kind: 'sequence' }>): void {
    const isExtended = isExtensible && this.bits(1) === 1;
    const present = fields.map(({ isOptional }) => !isOptional || this.bits(1) === 1);
    for (const [i, field] of fields.entries()) {
      if (this.hasFailed) return;
      if (present[i]) this.field(field);
    }
    if (isExtended && !this.hasFailed) this.extensions(extensions);
  }

  private field({ name, type }: PerField): void {
    const outer = this.name;
    if (name !== null) this.name = name === '' ? null : name;
    this.walk(type);
    this.name = outer;
  }

  /** A bitmap of those that are there, and each as an open type (section 18.7 to 18.9). */
  private extensions(known: ReadonlyMap<number, PerField>): void {
    // Normally small: more than 64 are encoded in another way, and nobody has as many.
    if (this.bits(1) === 1) this.hasFailed = true;
    const count = 1 + this.bits(6);
    // BOUNDED: 64, by its bits.
    const present: number[] = [];
    for (let i = 0; i < count; i++) if (this.bits(1) === 1) present.push(i);
    for (const index of present) {
      if (this.hasFailed) return;
      const field = known.get(index);
      this.open(field === undefined ? null : () => this.field(field));
    }
  }

  private choice({ isExtensible, alternatives, extensions }: Extract<PerType, { kind: 'choice' }>): void {
    if (isExtensible && this.bits(1) === 1) {
      if (this.bits(1) === 1) this.hasFailed = true;
      const index = this.bits(6);
      this.keep('choice', 0, 0, CHOICE_EXTENSION + index);
      const type = extensions.get(index);
      this.open(type === undefined ? null : () => this.walk(type));
      return;
    }
    const index = this.bits(bitsFor(alternatives.length));
    this.keep('choice', 0, 0, index);
    const type = alternatives[index];
    if (type === undefined) this.hasFailed = true;
    else if (!this.hasFailed) this.walk(type);
  }

  /** A value with its length before it: what is wrong inside does no harm to what follows. */
  private open(inside: (() => void) | null): void {
    const length = this.length();
    const at = this.skip(length);
    if (this.hasFailed || inside === null) return;
    const outerEnd = this.endBit;
    this.bit = 8 * at;
    this.endBit = 8 * (at + length);
    inside();
    if (!this.isComplete) this.hasLost = true;
    this.hasFailed = false;
    this.hasEnough = false;
    this.bit = this.endBit;
    this.endBit = outerEnd;
  }
}

/** How many bits so many values need. */
function bitsFor(range: number): number {
  return range <= 1 ? 0 : 32 - Math.clz32(range - 1);
}

/** How many bytes a number needs. */
function bytesFor(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 256; rest = Math.floor(rest / 256)) bytes++;
  return bytes;
}
