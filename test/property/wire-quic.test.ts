/** What is written as QUIC is read as such, whatever its fields are; and anything else is read without harm. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type QuicFields, type QuicType, quicLong, V2 } from '../../bench/fuzz-datagrams.js';
import {
  createQuicDatagram,
  decodeQuic,
  hashConnectionId,
  QUIC,
  QUIC_START,
  quicStart,
} from '../../src/wire/quic.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { decodedBy } from '../arbitrary/datagrams.js';

const octet = fc.integer({ min: 0, max: 255 });
const id = fc.array(octet, { maxLength: 20 });
const version = fc.constantFrom(1, V2, 0xff00001d, 0xff000020);
const KINDS: Readonly<Record<QuicType, number>> = {
  initial: QUIC.INITIAL,
  'zero-rtt': QUIC.ZERO_RTT,
  handshake: QUIC.HANDSHAKE,
  retry: QUIC.RETRY,
};

/** Packets with a length, which others may follow. */
const packet: fc.Arbitrary<QuicFields> = fc.record({
  type: fc.constantFrom<QuicType>('initial', 'initial', 'zero-rtt', 'handshake'),
  version,
  destination: id,
  source: id,
  token: fc.oneof(fc.constant([]), fc.array(octet, { maxLength: 80 })),
  body: fc.array(octet, { minLength: 20, maxLength: 600 }),
  size: fc.constantFrom(2 as const, 4 as const, 8 as const),
});
const datagram = fc.array(packet, { minLength: 1, maxLength: 6 });

const decode = (payload: readonly number[] | Uint8Array) =>
  decodedBy(decodeQuic, createQuicDatagram, payload);

describe('decodeQuic', () => {
  it('reads what is written', () => {
    fc.assert(
      fc.property(datagram, fc.nat(40), (packets, zeros) => {
        const payload = [...packets.flatMap(quicLong), ...new Array<number>(zeros).fill(0)];
        const [first] = packets;
        const initials = packets.filter(({ type }) => type === 'initial');
        const hash = (bytes: readonly number[]): number =>
          hashConnectionId(viewed(Uint8Array.from(bytes)), 0, bytes.length);
        const out = decode(payload)!;
        expect(out).toEqual({
          kind: KINDS[first.type],
          version: first.version,
          hasFixedBit: true,
          destinationAt: 6,
          destinationLength: first.destination.length,
          sourceAt: 7 + first.destination.length,
          sourceLength: first.source.length,
          destinationHash: hash(first.destination),
          sourceHash: hash(first.source),
          tokenLength: initials[0]?.token?.length ?? 0,
          hasInitial: initials.length > 0,
          hasToken: initials.some(({ token = [] }) => token.length > 0),
          hasZeroRtt: packets.some(({ type }) => type === 'zero-rtt'),
          isWhole: true,
          isPadded: payload.length >= 1200,
        });
        if (quicStart(out) === QUIC_START.COPY)
          expect(out).toMatchObject({ hasToken: false, hasZeroRtt: false });
      }),
    );
  });

  it('says that there is more, when something cut short is behind', () => {
    fc.assert(
      fc.property(datagram, packet, fc.nat(), (packets, last, cut) => {
        const whole = quicLong(last);
        const payload = [...packets.flatMap(quicLong), ...whole.slice(0, 1 + (cut % (whole.length - 1)))];
        expect(decode(payload)?.isWhole).toBe(false);
        expect(quicStart(decode(payload)!)).not.toBe(QUIC_START.COPY);
      }),
    );
  });

  it('anything, and packets with some bytes changed: nothing outside matters, offsets are inside', () => {
    const changed = fc
      .tuple(datagram, fc.array(fc.tuple(fc.nat(), octet), { maxLength: 6 }))
      .map(([packets, changes]) => {
        const bytes = Uint8Array.from(packets.flatMap(quicLong));
        for (const [at, value] of changes) bytes[at % Math.min(60, bytes.length)] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), changed), (payload) => {
        const out = decode(payload);
        if (out === null) return;
        expect(out.destinationAt + out.destinationLength).toBeLessThanOrEqual(payload.length);
        expect(out.sourceAt + out.sourceLength).toBeLessThanOrEqual(payload.length);
        expect(out.tokenLength).toBeLessThanOrEqual(payload.length);
      }),
      { numRuns: 2000 },
    );
  });
});
