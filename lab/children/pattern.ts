/** Bytes that differ from place to place, so that lost, doubled or swapped ones are noticed. */

/** The byte at `offset` of the stream of connection `index`. */
export function patternByte(index: number, offset: number): number {
  return (index * 31 + offset * 7 + (offset >> 8)) & 255;
}

export function pattern(index: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) bytes[at] = patternByte(index, offset + at);
  return bytes;
}

/** Whether `bytes` are the stream's bytes from `offset` on. */
export function isPattern(index: number, offset: number, bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== patternByte(index, offset + at)) return false;
  return true;
}
