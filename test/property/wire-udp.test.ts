/** A translated datagram is the one that would have been made for its new end; and whatever is stored, nothing is harmed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSealed, put16, type UdpFields, udpPacket } from '../../bench/fuzz-packets.js';
import type { PacketSpace, StoredSetup } from '../../src/wire/build.js';
import { PROTOCOL } from '../../src/wire/packet.js';
import { buildDatagram, buildReply, type NewEnd } from '../../src/wire/udp.js';
import { udpFields } from '../arbitrary/wire-packets.js';
import { read } from '../arbitrary/wire-tools.js';

type Build = (stored: StoredSetup, end: NewEnd, space: PacketSpace) => number;
const octet = fc.integer({ min: 0, max: 255 });
const AT = 33;

/** Builds into a dirty buffer at an odd offset, from a dirty buffer at another one; what was written, or null. */
function built(build: Build, packet: Uint8Array, end: NewEnd, room = packet.length): Uint8Array | null {
  const from = new Uint8Array(packet.length + 14).fill(0x5a);
  from.set(packet, 7);
  const out = new Uint8Array(AT + room).fill(0xa5);
  const space = { bytes: out, view: new DataView(out.buffer), at: AT };
  const length = build({ bytes: from, at: 7, length: packet.length }, end, space);
  expect(out.subarray(0, AT).every((byte) => byte === 0xa5)).toBe(true);
  expect(out.subarray(AT + length).every((byte) => byte === 0xa5)).toBe(true);
  expect(from.subarray(7, 7 + packet.length)).toEqual(packet);
  return length === 0 ? null : out.slice(AT, AT + length);
}

/** Four words at an offset, as addresses are kept. */
function endOf(address: readonly number[], port: number): NewEnd {
  const view = new DataView(new ArrayBuffer(16));
  for (const [i, byte] of address.entries()) view.setUint8(16 - address.length + i, byte);
  if (address.length === 4) view.setUint16(10, 0xffff);
  const words = [0, 4, 8, 12].map((at) => view.getInt32(at));
  return { address: Int32Array.from([1, 2, ...words, 3]), at: 2, port };
}

const datagram = fc
  .tuple(udpFields, udpFields, fc.integer({ min: 1, max: 65535 }))
  .filter(([fields, other]) => fields.source.length === other.source.length)
  .map(([fields, { source: address }, port]) => ({ fields, address, port }));

const SIDES: readonly (readonly [
  string,
  Build,
  (address: readonly number[], port: number) => Partial<UdpFields>,
])[] = [
  ['buildDatagram', buildDatagram, (source, sourcePort) => ({ source, sourcePort })],
  ['buildReply', buildReply, (destination, destinationPort) => ({ destination, destinationPort })],
];

describe.each(SIDES)('%s', (_name, build, translated) => {
  it('is what would have been sent from the new end, one hop later', () => {
    fc.assert(
      fc.property(datagram, ({ fields, address, port }) => {
        const expected = udpPacket({ ...fields, ...translated(address, port), ttl: fields.ttl! - 1 });
        const copy = built(build, udpPacket(fields), endOf(address, port))!;
        expect(Buffer.from(copy).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
        expect(isSealed(copy, 0, copy.length)).toBe(true);
      }),
    );
  });

  it('a datagram without a checksum stays so over IPv4, and gets one over IPv6', () => {
    fc.assert(
      fc.property(datagram, ({ fields, address, port }) => {
        const packet = udpPacket(fields);
        const { transport } = read(packet).packet;
        put16(packet, transport + 6, 0);
        const copy = built(build, packet, endOf(address, port))!;
        const checksum = copy[transport + 6] * 256 + copy[transport + 7];
        expect(checksum === 0).toBe(address.length === 4);
        expect(isSealed(copy, 0, copy.length)).toBe(true);
      }),
    );
  });

  it('what was spoilt on its way is not mended', () => {
    fc.assert(
      fc.property(
        datagram,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        ({ fields, address, port }, at, flip) => {
          fc.pre((fields.payload ?? []).length > 0);
          const packet = udpPacket(fields);
          packet[read(packet).packet.payload + (at % fields.payload!.length)] ^= flip;
          expect(read(packet).reason).toBe('udp-checksum');
          expect(read(built(build, packet, endOf(address, port))!).reason).toBe('udp-checksum');
        },
      ),
    );
  });

  it('a checksum that comes out as 0 is sent as 0xffff', () => {
    fc.assert(
      fc.property(datagram, ({ fields, address, port }) => {
        // The payload's last word is what makes the copy's sum whole.
        const even = { ...fields, payload: [...(fields.payload ?? []).slice(0, 100), 0, 0], surplus: [] };
        if (even.payload.length % 2 === 1) even.payload.push(0);
        const last = { ...even, ...translated(address, port) };
        const sum = udpPacket(last);
        const { transport } = read(sum).packet;
        const word = sum[transport + 6] * 256 + sum[transport + 7];
        const payload = [...even.payload.slice(0, -2), word >> 8, word & 255];
        const copy = built(build, udpPacket({ ...even, payload }), endOf(address, port))!;
        expect(copy[transport + 6] * 256 + copy[transport + 7]).toBe(0xffff);
        expect(isSealed(copy, 0, copy.length)).toBe(true);
      }),
    );
  });

  it('whatever is stored: nothing is thrown, nothing is written around it', () => {
    const spoilt = fc
      .tuple(udpFields.map(udpPacket), fc.array(fc.tuple(fc.nat(), octet), { maxLength: 5 }), fc.nat())
      .map(([packet, changes, cut]) => {
        for (const [at, value] of changes) packet[at % Math.min(60, packet.length)] = value;
        return cut % 3 === 0 ? packet.slice(0, cut % packet.length) : packet;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 120 }), spoilt), fc.nat(20), (packet, more) => {
        const copy = built(build, packet, endOf(new Array<number>(16).fill(0x20), 7), packet.length + more);
        if (copy !== null) expect(copy.length).toBe(packet.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('no room, a hop limit that ends here, no UDP: nothing', () => {
    fc.assert(
      fc.property(datagram, fc.nat(1), ({ fields, address, port }, ttl) => {
        const end = endOf(address, port);
        const packet = udpPacket(fields);
        expect(built(build, packet, end, packet.length - 1)).toBeNull();
        expect(built(build, udpPacket({ ...fields, ttl }), end)).toBeNull();
        const is4 = fields.source.length === 4;
        if (is4 || (fields.extensions ?? []).length === 0) {
          packet[is4 ? 9 : 6] = PROTOCOL.TCP;
          expect(built(build, packet, end)).toBeNull();
        }
      }),
    );
  });
});

it('a UDP length that lies, or a packet that is not all there: nothing', () => {
  fc.assert(
    fc.property(datagram, fc.nat(), ({ fields, address, port }, lie) => {
      const most = 8 + fields.payload!.length + (fields.surplus ?? []).length;
      const length = lie % 2 === 0 ? lie % 8 : most + 1 + (lie % (65535 - most));
      const end = endOf(address, port);
      expect(built(buildDatagram, udpPacket({ ...fields, length }), end)).toBeNull();
      const bytes = udpPacket(fields);
      const out = new Uint8Array(2 * bytes.length);
      const space = { bytes: out, view: new DataView(out.buffer), at: 0 };
      expect(buildReply({ bytes, at: 1, length: bytes.length }, end, space)).toBe(0);
      expect(out.every((byte) => byte === 0)).toBe(true);
    }),
  );
});

describe('the longest datagrams', () => {
  const ends = { source: [192, 0, 2, 1], destination: [198, 51, 100, 7], sourcePort: 1, destinationPort: 2 };
  it.each([
    [65535, true],
    [65536, false],
  ])('%i bytes', (length, fits) => {
    const packet = udpPacket({ ...ends, payload: new Array<number>(length - 28).fill(7) });
    const copy = built(buildDatagram, packet, endOf([203, 0, 113, 9], 50000));
    expect(copy !== null).toBe(fits);
    if (copy !== null) expect(isSealed(copy, 0, copy.length)).toBe(true);
  });
});

describe('decode', () => {
  it('reads right datagrams, and none with a byte changed', () => {
    fc.assert(
      fc.property(udpFields, fc.nat(), fc.integer({ min: 1, max: 255 }), (fields, at, flip) => {
        const packet = udpPacket(fields);
        const { reason, packet: out } = read(packet);
        expect(reason).toBe('ok');
        expect(out).toMatchObject({ sourcePort: fields.sourcePort, destinationPort: fields.destinationPort });
        expect([...packet.slice(out.payload, out.payloadEnd)]).toEqual(fields.payload);
        const size = out.payloadEnd - out.transport;
        const field = at % size;
        packet[out.transport + field] ^= flip;
        // A shorter one may fit by chance; without a checksum there is nothing to fit.
        if (field < 4 || field >= 8) expect(read(packet).reason).toBe('udp-checksum');
      }),
    );
  });
});
