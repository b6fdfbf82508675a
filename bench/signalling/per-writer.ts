/** Writes aligned packed encoding (ITU-T X.691) by hand, for messages to test and fuzz with. */

export class PerWriter {
  private readonly out: number[] = [];
  private free = 0;

  get bytes(): Uint8Array {
    return Uint8Array.from(this.out);
  }

  /** The lowest bits of a number, most significant first. */
  bits(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) {
      if (this.free === 0) {
        this.out.push(0);
        this.free = 8;
      }
      this.free--;
      this.out[this.out.length - 1] |= ((value >> i) & 1) << this.free;
    }
    return this;
  }

  /** Bits as they are read: '0 01 1'. */
  flags(text: string): this {
    for (const bit of text.replaceAll(' ', '')) this.bits(bit === '1' ? 1 : 0, 1);
    return this;
  }

  align(): this {
    this.free = 0;
    return this;
  }

  raw(bytes: readonly number[] | Uint8Array): this {
    this.align();
    this.out.push(...bytes);
    return this;
  }

  word(value: number): this {
    return this.raw([value >> 8, value & 255]);
  }

  /** Without bounds: a length of one byte or two. */
  length(value: number): this {
    return value < 128 ? this.raw([value]) : this.raw([0x80 | (value >> 8), value & 255]);
  }

  /** An octet string, an object identifier, an open type: its length, and the bytes. */
  octets(bytes: readonly number[] | Uint8Array): this {
    return this.length(bytes.length).raw(bytes);
  }

  /** The extensions of a sequence: each its encoding, or null when it is not there. */
  extensions(all: readonly (Uint8Array | null)[]): this {
    this.bits(0, 1).bits(all.length - 1, 6);
    for (const one of all) this.bits(one === null ? 0 : 1, 1);
    for (const one of all) if (one !== null) this.octets(one);
    return this;
  }

  with(write: (writer: this) => unknown): this {
    write(this);
    return this;
  }
}

/** A value by itself. */
export function encodedPer(write: (writer: PerWriter) => unknown): Uint8Array {
  const writer = new PerWriter();
  write(writer);
  return writer.bytes;
}
