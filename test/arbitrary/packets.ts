/** Generators of packets, written once and shared by all property tests. */
import fc from 'fast-check';
import type { AddressWords } from '../../src/model/address.js';
import { type Endpoint, icmpPacket, tcpPacket } from '../../src/sim/packets.js';

/** Any 32-bit word, as sequence numbers are; corners more often than luck would have it. */
export const word = fc.oneof(
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000),
);

export const port = fc.integer({ min: 1, max: 65_535 });

/** A unicast IPv4 address outside 0/8, 127/8 and 224/3. */
export const address4: fc.Arbitrary<AddressWords> = fc
  .tuple(fc.integer({ min: 1, max: 223 }), fc.integer({ min: 0, max: 0xffffff }))
  .map(([first, rest]) => Int32Array.of(0, 0, 0xffff, ((first === 127 ? 126 : first) << 24) | rest));

/** A global or unique local IPv6 address. */
export const address6: fc.Arbitrary<AddressWords> = fc
  .tuple(fc.constantFrom(0x20010db8, 0xfd000000 | 0, 0x2a000000), word, word, word)
  .map((all) => Int32Array.from(all));

export const endpoints: fc.Arbitrary<{ from: Endpoint; to: Endpoint }> = fc
  .constantFrom(address4, address6)
  .chain((address) => fc.record({ a: address, b: address, ap: port, bp: port }))
  .map(({ a, b, ap, bp }) => ({ from: { address: a, port: ap }, to: { address: b, port: bp } }));

/** One well-formed TCP option. */
export const option: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constant([1]),
  fc.integer({ min: 0, max: 65_535 }).map((mss) => [2, 4, mss >>> 8, mss & 255]),
  fc.integer({ min: 0, max: 14 }).map((scale) => [3, 3, scale]),
  fc.constant([4, 2]),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((value) => [8, 10, ...value]),
  fc.uint8Array({ minLength: 0, maxLength: 16 }).map((cookie) => [34, cookie.length + 2, ...cookie]),
  fc
    .uint8Array({ minLength: 0, maxLength: 8 })
    .map((cookie) => [254, cookie.length + 4, 0xf9, 0x89, ...cookie]),
  fc.constant([30, 4, 0x01, 0x81]),
  fc.uint8Array({ minLength: 9, maxLength: 9 }).map((value) => [30, 12, 0x10, ...value]),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((mac) => [19, 18, ...mac]),
  fc
    .tuple(fc.integer({ min: 35, max: 253 }), fc.uint8Array({ maxLength: 6 }))
    .map(([kind, value]) => [kind, value.length + 2, ...value]),
);

/** Options that fit a header, as many as drawn. */
export const options: fc.Arbitrary<readonly number[]> = fc.array(option, { maxLength: 6 }).map((list) => {
  const bytes: number[] = [];
  for (const each of list) if (bytes.length + each.length <= 40) bytes.push(...each);
  return bytes;
});

/** A TCP segment with intact checksums; flags and numbers are arbitrary. */
export const segment: fc.Arbitrary<Uint8Array> = fc
  .record({
    ends: endpoints,
    sequence: word,
    acknowledgement: word,
    flags: fc.integer({ min: 0, max: 255 }),
    options,
    data: fc.integer({ min: 0, max: 64 }),
    ttl: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ ends, ...rest }) => tcpPacket({ ...ends, ...rest }));

/** An ICMP or ICMPv6 error that quotes some segment, whole or in part. */
export const icmpError: fc.Arbitrary<Uint8Array> = fc
  .record({
    ends: endpoints,
    type: fc.constantFrom(1, 2, 3, 4, 11, 12),
    code: fc.integer({ min: 0, max: 16 }),
    mtu: fc.integer({ min: 0, max: 65_535 }),
    quoteBytes: fc.integer({ min: 0, max: 100 }),
    sequence: word,
  })
  .map(({ ends, sequence, ...rest }) => {
    const quote = tcpPacket({ ...ends, sequence, acknowledgement: 0, flags: 2 });
    return icmpPacket({ ...rest, from: ends.to.address, to: ends.from.address, quote });
  });

/** Bytes that may be no packet at all: noise, and real packets with some bytes changed or cut off. */
export const garbage: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 128 }),
  fc
    .tuple(
      fc.oneof(segment, icmpError),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.nat(),
    )
    .map(([bytes, changes, cut]) => {
      const copy = bytes.slice(0, cut % 3 === 0 ? cut % (bytes.length + 1) : bytes.length);
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    }),
);
