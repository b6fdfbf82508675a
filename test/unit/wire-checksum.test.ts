import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSealed, ones } from '../../bench/fuzz-packets.js';
import { addBytes, finish } from '../../src/wire/checksum.js';
import * as golden from '../golden/packets.js';

const sumOf = (bytes: Uint8Array, offset = 0, length = bytes.length): number =>
  finish(addBytes(0, new DataView(bytes.buffer, bytes.byteOffset), offset, length));

describe('checksum', () => {
  it('is what RFC 1071 section 3 calculates', () => {
    // The example adds up to ddf2.
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(sumOf(bytes)).toBe(~0xddf2 & 0xffff);
    expect(ones(bytes, 0, 8, 0)).toBe(~0xddf2 & 0xffff);
  });

  it('takes an odd last byte as high byte', () => {
    expect(sumOf(Uint8Array.of(0x12, 0x34, 0x56))).toBe(~(0x1234 + 0x5600) & 0xffff);
  });

  it('is 0 over data that includes it, and 0xffff over nothing', () => {
    expect(sumOf(golden.SYN4, 0, 20)).toBe(0);
    expect(sumOf(new Uint8Array(0))).toBe(0xffff);
  });

  it('agrees with another implementation on any bytes, at any offset', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(20), (bytes, skip) => {
        const offset = Math.min(skip, bytes.length);
        expect(sumOf(bytes, offset, bytes.length - offset)).toBe(ones(bytes, offset, bytes.length, 0));
      }),
    );
  });

  it('does not overflow on the longest packet', () => {
    const bytes = new Uint8Array(65535).fill(0xff);
    expect(finish(addBytes(65535, new DataView(bytes.buffer), 0, 65535))).toBe(ones(bytes, 0, 65535, 65535));
  });

  it('the oracle of the other tests agrees with a third one on every literal packet', () => {
    for (const packet of Object.values(golden)) expect(isSealed(packet, 0, packet.length)).toBe(true);
  });
});
