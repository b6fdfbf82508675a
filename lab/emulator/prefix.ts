/** Address prefixes of both families, compared in place. */
import { addressBytes } from './packet.js';

export interface Prefix {
  bytes: Buffer;
  bits: number;
}

/** Reads `203.0.1.0/24` or `fd03:1::/64`. */
export function parsePrefix(text: string): Prefix {
  const [address = '', bits] = text.split('/');
  const bytes = addressBytes(address);
  return { bytes, bits: bits === undefined ? bytes.length * 8 : Number(bits) };
}

/** Whether the address of `size` bytes at `offset` is in the prefix. */
export function prefixHolds(
  { bytes: prefix, bits }: Prefix,
  bytes: Buffer,
  offset: number,
  size: number,
): boolean {
  if (prefix.length !== size) return false;
  const whole = bits >> 3;
  for (let index = 0; index < whole; index++) if (prefix[index] !== bytes[offset + index]) return false;
  const mask = 0xff00 >> (bits & 7);
  return (
    (bits & 7) === 0 || (((prefix[whole] as number) ^ (bytes[offset + whole] as number)) & mask & 0xff) === 0
  );
}
