/** RFC 6296: its own example, the edges of its rules, and what must hold for every address. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/model/address.js';
import { createMapping, NPTV6, type PrefixMapping, toOutside } from '../../src/wire/nptv6.js';
import { words } from '../arbitrary/wire-tools.js';

function through(map: PrefixMapping, address: string): string | number {
  const out = new Int32Array(8);
  const result = toOutside(map, words(address), 0, out, 3);
  return result === NPTV6.OK ? formatAddress(out, 3) : result;
}

const mapping = (inside: string, outside: string): PrefixMapping => createMapping(inside, outside)!;
const RFC = mapping('fd01:203:405::/48', '2001:db8:1::/48');
/** The way in is the way out of the mapping turned round. */
const RFC_IN = mapping('2001:db8:1::/48', 'fd01:203:405::/48');

describe('nptv6', () => {
  it('does the example of section 3.6', () => {
    expect(RFC.adjustment).toBe(0xd54f);
    expect(through(RFC, 'fd01:203:405:1::1234')).toBe('2001:db8:1:d550::1234');
    expect(through(RFC_IN, '2001:db8:1:d550::1234')).toBe('fd01:203:405:1::1234');
  });

  it('adjusts the subnet up to /48, and writes 0xffff as 0', () => {
    // 0x2ab0 + 0xd54f = 0xffff.
    expect(through(RFC, 'fd01:203:405:2ab0::1')).toBe('2001:db8:1::1');
    expect(through(RFC_IN, '2001:db8:1::1')).toBe('fd01:203:405:2ab0::1');
    expect(through(RFC, 'fd01:203:405::1')).toBe('2001:db8:1:d54f::1');
    const short = mapping('fd00::/16', '2002::/16');
    const outside = through(short, 'fd00:1:2:3::4') as string;
    expect(outside).toMatch(/^2002:1:2:[0-9a-f]+::4$/);
    expect(through(mapping('2002::/16', 'fd00::/16'), outside)).toBe('fd00:1:2:3::4');
  });

  it('refuses subnet 0xffff both ways, and only there', () => {
    expect(through(RFC, 'fd01:203:405:ffff::1')).toBe(NPTV6.SUBNET);
    expect(through(RFC_IN, '2001:db8:1:ffff::1')).toBe(NPTV6.SUBNET);
    expect(through(RFC, 'fd01:203:405:fffe:ffff:ffff:ffff:ffff')).not.toBe(NPTV6.SUBNET);
    expect(through(RFC, 'fd01:203:405:1::')).toBe('2001:db8:1:d550::');
  });

  it('refuses other prefixes', () => {
    expect(through(RFC, 'fd01:203:406:1::1')).toBe(NPTV6.PREFIX);
    expect(through(RFC_IN, 'fd01:203:405:1::1')).toBe(NPTV6.PREFIX);
    expect(through(RFC, '192.0.2.1')).toBe(NPTV6.PREFIX);
  });

  it('adjusts the first word of the interface identifier that is not 0xffff, beyond /48', () => {
    const map = mapping('fd01:203:405:1::/64', '2001:db8:1:2::/64');
    // 0xfd01 + 0x203 + 0x405 + 1 - (0x2001 + 0xdb8 + 1 + 2), one's complement.
    expect(map.adjustment).toBe(0xd54e);
    expect(through(map, 'fd01:203:405:1::1234')).toBe('2001:db8:1:2:d54e::1234');
    expect(through(map, 'fd01:203:405:1:ffff::1234')).toBe('2001:db8:1:2:ffff:d54e:0:1234');
    expect(through(map, 'fd01:203:405:1:ffff:ffff::1234')).toBe('2001:db8:1:2:ffff:ffff:d54e:1234');
    expect(through(map, 'fd01:203:405:1:ffff:ffff:ffff:1')).toBe('2001:db8:1:2:ffff:ffff:ffff:d54f');
    const back = mapping('2001:db8:1:2::/64', 'fd01:203:405:1::/64');
    for (const [way, prefix] of [
      [map, 'fd01:203:405:1'],
      [back, '2001:db8:1:2'],
    ] as const) {
      expect(through(way, `${prefix}:ffff:ffff:ffff:ffff`)).toBe(NPTV6.INTERFACE);
      expect(through(way, `${prefix}::`)).toBe(NPTV6.INTERFACE);
    }
    // 0x2ab1 + 0xd54e = 0xffff, written as 0: all zeros, whose answers would be dropped.
    expect(through(map, 'fd01:203:405:1:2ab1::')).toBe(NPTV6.INTERFACE);
  });

  it('extends the shorter prefix with zeros, so that some of its subnets are untranslatable', () => {
    const map = mapping('fd01:203:405::/48', '2001:db8:1:ab00::/56');
    const outside = through(map, 'fd01:203:405:7::1234') as string;
    expect(outside).toMatch(/^2001:db8:1:ab07:/);
    expect(through(mapping('2001:db8:1:ab00::/56', 'fd01:203:405::/48'), outside)).toBe(
      'fd01:203:405:7::1234',
    );
    expect(through(map, 'fd01:203:405:100::1234')).toBe(NPTV6.PREFIX);
  });

  it.each(['fd01::1/48', 'fd01::/65', 'fd01::/0', 'fd01::', '192.0.2.0/24', 'x/48', 'fd01::/4x'])(
    'has no mapping for %s',
    (text) => {
      expect(createMapping(text, '2001:db8::/48')).toBe(null);
      expect(createMapping('2001:db8::/48', text)).toBe(null);
    },
  );
});

describe('of every mapping and address', () => {
  const word = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 0xffff, -0x10000, 1));
  const address = fc.tuple(word, word, word, word).map((four) => Int32Array.from(four));
  const cut = (from: Int32Array, length: number): Int32Array =>
    from.map((w, i) =>
      length <= 32 * i ? 0 : length >= 32 * i + 32 ? w : w & (-1 << (32 * i + 32 - length)),
    );
  const prefix = fc
    .tuple(address, fc.integer({ min: 1, max: 64 }))
    .map(([from, length]) => ({ words: cut(from, length), length }));
  const text = (p: { words: Int32Array; length: number }): string => `${formatAddress(p.words)}/${p.length}`;
  /** Sum of all words, 0 and 0xffff being the same. */
  const checksum = (w: Int32Array): number =>
    [...w].reduce((s, x) => s + (x >>> 16) + (x & 0xffff), 0) % 0xffff;

  it('out and in gives the same, checksums stay, and only the prefix and one word change', () => {
    let translated = 0;
    fc.assert(
      fc.property(prefix, prefix, address, fc.boolean(), (inside, outside, random, equal) => {
        const other = equal
          ? { words: cut(outside.words, Math.min(outside.length, inside.length)), length: inside.length }
          : outside;
        const map = createMapping(text(inside), text(other));
        if (map === null) {
          // ::ffff:0:0 and the like are IPv4 in text form.
          return;
        }
        const { length } = map;
        const from = random.map(
          (w, i) => cut(inside.words, length)[i] | (w & ~cut(Int32Array.of(-1, -1, -1, -1), length)[i]),
        );
        const out = new Int32Array(4);
        const result = toOutside(map, from, 0, out, 0);
        expect(result).not.toBe(NPTV6.PREFIX);
        if (result !== NPTV6.OK) {
          expect(length <= 48 ? (from[1] & 0xffff) === 0xffff : true).toBe(true);
          return;
        }
        translated++;
        expect(checksum(out)).toBe(checksum(from));
        expect([...cut(out, length)]).toEqual([...cut(other.words, length)]);
        if (length <= 48) expect([out[2], out[3]]).toEqual([from[2], from[3]]);
        const back = new Int32Array(4);
        const inwards = createMapping(text(other), text(inside))!;
        expect(toOutside(inwards, out, 0, back, 0)).toBe(NPTV6.OK);
        expect([...back]).toEqual([...from]);
        // In place.
        expect(toOutside(map, back, 0, back, 0)).toBe(NPTV6.OK);
        expect([...back]).toEqual([...out]);
      }),
      { numRuns: 3000 },
    );
    expect(translated).toBeGreaterThan(1000);
  });
});
