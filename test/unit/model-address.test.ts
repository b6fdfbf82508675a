import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AddressWords,
  familyOf,
  formatAddress,
  formatEndpoint,
  parseAddress,
  readAddress,
  sameAddress,
  writeAddress,
} from '../../src/model/address.js';

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const anyWords = fc.oneof(
  fc.tuple(word, word, word, word).map((list) => Int32Array.from(list)),
  word.map((last) => Int32Array.of(0, 0, 0xffff, last)),
  // Many zeros, where the short form is made.
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0xffff, 0x10000), { minLength: 4, maxLength: 4 })
    .map((list) => Int32Array.from(list)),
);

describe('text of an address', () => {
  // RFC 5952 sections 4 and 5.
  it.each([
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:192.0.2.33', '192.0.2.33'],
    ['192.0.2.33', '192.0.2.33'],
    ['255.255.255.255', '255.255.255.255'],
  ])('%s is written %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text) as AddressWords)).toBe(canonical);
  });

  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '12345::',
    'g::',
    '::1%lo',
    ' ::1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '1.2.3.-4',
    '::1.2.3',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '1.2.3.4::1',
    '1:2.3.4.5::',
  ])('"%s" is none', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it('is accepted exactly where node:net accepts it', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      'ffff',
      '00ab',
      '10000',
      ':',
      '::',
      '.',
      '1.2.3.4',
      '255',
      '256',
      '08',
      'g',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), fc.boolean(), (pieces, colons) => {
        const text = pieces.join(colons ? ':' : '');
        expect(parseAddress(text) !== null, text).toBe(isIPv4(text) || isIPv6(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('goes there and back', () => {
    fc.assert(
      fc.property(anyWords, (words) => {
        const text = formatAddress(words);
        expect(isIPv4(text) || isIPv6(text)).toBe(true);
        expect(text.includes(':')).toBe(familyOf(words) === 6);
        expect(parseAddress(text)).toEqual(words);
      }),
    );
  });

  it('is what the WHATWG URL standard makes of it', () => {
    fc.assert(
      fc.property(
        anyWords.filter((words) => familyOf(words) === 6),
        (words) => {
          const text = formatAddress(words);
          expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
        },
      ),
    );
  });

  it('has brackets before a port', () => {
    expect(formatEndpoint(Int32Array.of(9, 0, 0, 0xffff, 0x01020304), 1, 80)).toBe('1.2.3.4:80');
    expect(formatEndpoint(Int32Array.of(0, 0, 0, 1), 0, 80)).toBe('[::1]:80');
  });
});

describe('bytes of an address', () => {
  it('go there and back, and touch nothing else', () => {
    fc.assert(
      fc.property(anyWords, fc.nat(7), fc.nat(4), (words, offset, at) => {
        const family = familyOf(words);
        const bytes = new Uint8Array(32).fill(0xa5);
        const view = new DataView(bytes.buffer);
        const table = new Int32Array(12);
        table.set(words, at);
        writeAddress(family, table, at, view, offset);
        const length = family === 4 ? 4 : 16;
        expect(
          [...bytes.slice(0, offset), ...bytes.slice(offset + length)].every((byte) => byte === 0xa5),
        ).toBe(true);
        const back = new Int32Array(4);
        readAddress(family, view, offset, back);
        expect(back).toEqual(words);
        expect(sameAddress(back, 0, table, at)).toBe(true);
      }),
    );
  });

  it('differ where one bit does', () => {
    fc.assert(
      fc.property(anyWords, fc.nat(127), (words, bit) => {
        const other = words.slice();
        other[bit >> 5] ^= 1 << (bit & 31);
        expect(sameAddress(words, 0, other, 0)).toBe(false);
      }),
    );
  });
});
