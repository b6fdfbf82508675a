/** Whatever the bytes are: decoding ends, says a reason, and depends on nothing outside the packet. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSealed } from '../../bench/fuzz-packets.js';
import { createPacket, DECODE, decode, type Packet, PROTOCOL } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { hostileBytes, icmpBytes, packetBytes } from '../arbitrary/wire-packets.js';
import { read } from '../arbitrary/wire-tools.js';

/** Everything that `decode` says about a packet at `start`, with offsets relative to it. */
function outcome(bytes: Uint8Array, offset: number, poison: number, wireLength?: number) {
  const buffer = new Uint8Array(offset + bytes.length + 64).fill(poison);
  buffer.set(bytes, offset);
  const packet = createPacket();
  const end = offset + bytes.length;
  const result = decode(packet, viewed(buffer), offset, end, wireLength);
  const { bytes: _bytes, view: _view, ...fields } = packet;
  const relative = (at: number): number => (at === 0 ? 0 : at - offset);
  return {
    result,
    ...(result === DECODE.OK ? fields : {}),
    start: packet.start - offset,
    end: packet.end - offset,
    transport: result === DECODE.OK ? relative(packet.transport) : 0,
    payload: result === DECODE.OK && packet.protocol === PROTOCOL.TCP ? relative(packet.payload) : 0,
    payloadEnd: result === DECODE.OK ? relative(packet.payloadEnd) : 0,
    mssAt: result === DECODE.OK ? relative(packet.mssAt) : 0,
  };
}

function expectInside(packet: Packet, length: number): void {
  expect(packet.start).toBe(0);
  expect(packet.end).toBeLessThanOrEqual(length);
  expect(packet.transport).toBeGreaterThanOrEqual(packet.family === 4 ? 20 : 40);
  expect(packet.transport + 8).toBeLessThanOrEqual(packet.end);
  if (packet.protocol !== PROTOCOL.TCP) return;
  expect(packet.payload).toBeGreaterThanOrEqual(packet.transport + 20);
  expect(packet.payload).toBeLessThanOrEqual(packet.end);
  expect(packet.payloadEnd).toBe(packet.end);
  if (packet.mssAt === 0) return;
  expect(packet.mssAt).toBeGreaterThanOrEqual(packet.transport + 22);
  expect(packet.mssAt + 2).toBeLessThanOrEqual(packet.payload);
}

describe('decode', () => {
  it('accepts every right packet', () => {
    fc.assert(
      fc.property(packetBytes, (bytes) => {
        const { reason, packet } = read(bytes);
        expect(reason).toBe('ok');
        expectInside(packet, bytes.length);
      }),
    );
  });

  it('never throws, and accepts only what is sealed', () => {
    fc.assert(
      fc.property(hostileBytes, (bytes) => {
        const { reason, packet } = read(bytes);
        if (reason !== 'ok') return;
        expectInside(packet, bytes.length);
        expect(isSealed(bytes, 0, packet.end)).toBe(true);
      }),
      { numRuns: 4000 },
    );
  });

  it('does not look at anything around the packet', () => {
    fc.assert(
      fc.property(hostileBytes, fc.nat(50), fc.nat(50), (bytes, one, other) => {
        expect(outcome(bytes, one, 0x00)).toEqual(outcome(bytes, other, 0xff));
        expect(outcome(bytes, one, 0x45)).toEqual(outcome(bytes, other, 0x02));
      }),
      { numRuns: 2000 },
    );
  });

  it('nor when the kernel has cut it', () => {
    fc.assert(
      fc.property(fc.oneof(packetBytes, hostileBytes), fc.nat(200), fc.nat(50), (bytes, kept, offset) => {
        const cut = bytes.slice(0, kept);
        expect(outcome(cut, offset, 0x00, bytes.length)).toEqual(outcome(cut, 7, 0xff, bytes.length));
      }),
      { numRuns: 2000 },
    );
  });

  it('of a cut packet stays inside it', () => {
    fc.assert(
      fc.property(packetBytes, fc.nat(200), (bytes, kept) => {
        const cut = bytes.slice(0, kept);
        const { reason, packet } = read(cut, bytes.length);
        if (reason === 'ok') expectInside(packet, cut.length);
      }),
    );
  });

  it('carries nothing over from the packet before', () => {
    fc.assert(
      fc.property(packetBytes, hostileBytes, (before, bytes) => {
        const packet = createPacket();
        decode(packet, viewed(before), 0, before.length);
        const result = decode(packet, viewed(bytes), 0, bytes.length);
        const fresh = createPacket();
        expect(decode(fresh, viewed(bytes), 0, bytes.length)).toBe(result);
        if (result !== DECODE.OK) return;
        expect([packet.protocol, packet.family, packet.end, packet.hasIpOptions]).toEqual([
          fresh.protocol,
          fresh.family,
          fresh.end,
          fresh.hasIpOptions,
        ]);
        expect(packet.source).toEqual(fresh.source);
        expect(packet.destination).toEqual(fresh.destination);
        if (packet.protocol === PROTOCOL.TCP) {
          expect([packet.flags, packet.options, packet.mssAt, packet.payload]).toEqual([
            fresh.flags,
            fresh.options,
            fresh.mssAt,
            fresh.payload,
          ]);
        } else if (packet.protocol === PROTOCOL.UDP) {
          expect([packet.payload, packet.payloadEnd]).toEqual([fresh.payload, fresh.payloadEnd]);
        } else {
          expect(packet.quote).toEqual(fresh.quote);
          expect(packet.icmpMtu).toBe(fresh.icmpMtu);
        }
      }),
    );
  });

  it('refuses a packet in which any one bit was turned over, or tells it from the original', () => {
    fc.assert(
      fc.property(fc.oneof(packetBytes, icmpBytes), fc.nat(), (bytes, where) => {
        const bit = where % (bytes.length * 8);
        const damaged = bytes.slice();
        damaged[bit >> 3] ^= 1 << (bit & 7);
        const { reason } = read(damaged);
        // IPv6 has no header checksum: version, class, label and hop limit are not covered by anything.
        const uncovered = bytes[0] >> 4 === 6 && (bit >> 3 < 4 || bit >> 3 === 7 || bit >> 3 >= 40);
        if (!uncovered) expect(reason).not.toBe('ok');
      }),
    );
  });
});
