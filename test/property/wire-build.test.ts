/** What the gateway sends itself is right, whatever the client sent. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { get16, isSealed, type TcpFields, tcpPacket } from '../../bench/fuzz-packets.js';
import { type AddressWords, familyOf } from '../../src/model/address.js';
import {
  buildCopy,
  buildIcmpError,
  buildReset,
  buildTcp,
  type Ends,
  MAX_BUILT_LENGTH,
  MAX_SETUP_LENGTH,
  setupLength,
  storeSetup,
} from '../../src/wire/build.js';
import { FLAG } from '../../src/wire/packet.js';
import { OPTION } from '../../src/wire/tcp-options.js';
import { setupFields } from '../arbitrary/wire-packets.js';
import { built, read, stored } from '../arbitrary/wire-tools.js';

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const port = fc.integer({ min: 1, max: 65535 });
const unicast4 = fc
  .integer({ min: 0x01000000, max: 0x7effffff })
  .map((last) => Int32Array.of(0, 0, 0xffff, last));
const unicast6 = fc.tuple(word, word, word).map((rest) => Int32Array.of(0x20010db8, ...rest));

const ends: fc.Arbitrary<Ends> = fc.boolean().chain((is4) => {
  const address: fc.Arbitrary<AddressWords> = is4 ? unicast4 : unicast6;
  return fc.record({
    family: fc.constant(is4 ? (4 as const) : (6 as const)),
    source: address,
    sourceAt: fc.constant(0),
    sourcePort: port,
    destination: address,
    destinationAt: fc.constant(0),
    destinationPort: port,
  });
});

/** A SYN as a race keeps it, and where its copy goes out. */
const race = setupFields
  .chain((fields) =>
    fc.record({
      fields: fc.constant(fields),
      source: fields.source.length === 4 ? unicast4 : unicast6,
      sourcePort: port,
      mss: fc.integer({ min: 512, max: 9000 }),
    }),
  )
  .filter(({ fields }) => setupLength(read(tcpPacket(fields)).packet) <= MAX_SETUP_LENGTH);

function store(fields: TcpFields): { original: Uint8Array; setup: Uint8Array; length: number } {
  const original = tcpPacket(fields);
  const setup = new Uint8Array(3 * MAX_SETUP_LENGTH).fill(0xa5);
  const length = storeSetup(read(original).packet, setup, MAX_SETUP_LENGTH);
  return { original, setup, length };
}

/** Options as a list of [kind, bytes], ended as a receiver would. */
function optionsOf(
  bytes: Uint8Array,
  from: number,
  to: number,
): { kind: number; at: number; text: string }[] {
  const list: { kind: number; at: number; text: string }[] = [];
  let at = from;
  while (at < to && bytes[at] !== 0) {
    const length = bytes[at] === 1 ? 1 : bytes[at + 1];
    list.push({
      kind: bytes[at],
      at: at - from,
      text: Buffer.from(bytes.slice(at, at + length)).toString('hex'),
    });
    at += length;
  }
  return list;
}

const isFastOpen = ({ kind, text }: { kind: number; text: string }): boolean =>
  kind === 34 || (kind === 254 && text.slice(4, 8) === 'f989');

describe('buildCopy', () => {
  it('changes what it must and nothing else', () => {
    fc.assert(
      fc.property(race, ({ fields, source, sourcePort, mss }) => {
        const { original, setup, length } = store(fields);
        const copyFields = { source, sourceAt: 0, sourcePort, mss, isPlain: false };
        const copy = built((space) => buildCopy(stored(setup, MAX_SETUP_LENGTH, length), copyFields, space));
        const { reason, packet } = read(copy);
        expect(reason).toBe('ok');
        expect(isSealed(copy, 0, copy.length)).toBe(true);
        const before = read(original).packet;
        expect(packet.source).toEqual(source);
        expect(packet.destination).toEqual(before.destination);
        expect([packet.sourcePort, packet.destinationPort]).toEqual([sourcePort, fields.destinationPort]);
        expect([packet.sequence, packet.acknowledgement]).toEqual([before.sequence, before.acknowledgement]);
        expect(packet.ttl).toBe(before.ttl - 1);
        expect(packet.flags).toBe(before.flags);
        // No payload.
        expect(packet.payload).toBe(copy.length);
        expect(packet.end).toBe(copy.length);
        expect(packet.transport).toBe(before.transport);
        expect(get16(copy, packet.transport + 14)).toBe(fields.window);
        expect(get16(copy, packet.transport + 18)).toBe(fields.urgent);
        expect(copy[1]).toBe(original[1]);
        expect(packet.options & OPTION.FAST_OPEN).toBe(0);
        expect(packet.options).toBe(before.options & ~OPTION.FAST_OPEN);
      }),
      { numRuns: 1000 },
    );
  });

  it('lowers the MSS, blanks Fast Open, and keeps every other option byte for byte', () => {
    fc.assert(
      fc.property(race, ({ fields, source, sourcePort, mss }) => {
        const { original, setup, length } = store(fields);
        const copyFields = { source, sourceAt: 0, sourcePort, mss, isPlain: false };
        const copy = built((space) => buildCopy(stored(setup, MAX_SETUP_LENGTH, length), copyFields, space));
        const { transport } = read(copy).packet;
        const list = optionsOf(original, transport + 20, length);
        for (const option of list) {
          const at = transport + 20 + option.at;
          const now = Buffer.from(copy.slice(at, at + option.text.length / 2)).toString('hex');
          if (isFastOpen(option)) expect(now).toBe('01'.repeat(option.text.length / 2));
          else if (option.kind === 2) {
            expect(get16(copy, at + 2)).toBe(Math.min(mss, get16(original, at + 2)));
            expect(now.slice(0, 4)).toBe('0204');
          } else expect(now).toBe(option.text);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('leaves the stored packet alone, so that the next route gets the same', () => {
    fc.assert(
      fc.property(race, ({ fields, source, sourcePort, mss }) => {
        const { setup, length } = store(fields);
        const before = setup.slice();
        const copyFields = { source, sourceAt: 0, sourcePort, mss, isPlain: false };
        const first = built((space) => buildCopy(stored(setup, MAX_SETUP_LENGTH, length), copyFields, space));
        const again = built((space) => buildCopy(stored(setup, MAX_SETUP_LENGTH, length), copyFields, space));
        expect(setup).toEqual(before);
        expect(again).toEqual(first);
      }),
    );
  });
});

describe('storeSetup', () => {
  it('keeps the headers, and writes only them', () => {
    fc.assert(
      fc.property(setupFields, (fields) => {
        const { original, setup, length } = store(fields);
        expect(length).toBe(original.length - (fields.payload?.length ?? 0));
        expect(setup.slice(MAX_SETUP_LENGTH, MAX_SETUP_LENGTH + length)).toEqual(original.slice(0, length));
        expect(setup.slice(MAX_SETUP_LENGTH + length).every((byte) => byte === 0xa5)).toBe(true);
      }),
    );
  });
});

describe('buildReset and buildTcp', () => {
  it('say exactly what they were told', () => {
    fc.assert(
      fc.property(ends, word, word, fc.boolean(), (route, sequence, ack, withAck) => {
        const reset = built((space) => buildReset(route, sequence, withAck ? ack : null, space));
        const { reason, packet } = read(reset);
        expect(reason).toBe('ok');
        expect(isSealed(reset, 0, reset.length)).toBe(true);
        expect(packet).toMatchObject({
          family: route.family,
          source: route.source,
          destination: route.destination,
          sourcePort: route.sourcePort,
          destinationPort: route.destinationPort,
          sequence,
          acknowledgement: withAck ? ack : 0,
          flags: withAck ? FLAG.RST | FLAG.ACK : FLAG.RST,
          ttl: 64,
          payload: reset.length,
        });
        expect(reset.length).toBe(route.family === 4 ? 40 : 60);
        const poke = built((space) => buildTcp(route, sequence, ack, FLAG.ACK, space));
        expect(read(poke)).toMatchObject({
          reason: 'ok',
          packet: { sequence, acknowledgement: ack, flags: FLAG.ACK },
        });
      }),
    );
  });
});

describe('buildIcmpError', () => {
  it('quotes the client’s own packet', () => {
    fc.assert(
      fc.property(setupFields, ends, fc.nat(15), (fields, from, code) => {
        const { original, setup, length } = store(fields);
        fc.pre(length <= MAX_SETUP_LENGTH && from.family === (fields.source.length === 4 ? 4 : 6));
        fc.pre((fields.extensions ?? []).length === 0);
        const type = from.family === 4 ? 3 : 1;
        // 3/4 carries an MTU and is never sent on.
        const safe = from.family === 4 && code === 4 ? 1 : code;
        const error = built((space) =>
          buildIcmpError(from, type, safe, stored(setup, MAX_SETUP_LENGTH, length), space),
        );
        const { reason, packet } = read(error);
        const about = read(original).packet;
        expect(reason).toBe('ok');
        expect(isSealed(error, 0, error.length)).toBe(true);
        expect(error.length).toBeLessThanOrEqual(MAX_BUILT_LENGTH);
        expect(packet).toMatchObject({ icmpType: type, icmpCode: safe, icmpMtu: 0, source: from.source });
        expect(packet.quote).toEqual({
          protocol: 6,
          source: about.source,
          destination: about.destination,
          sourcePort: about.sourcePort,
          destinationPort: about.destinationPort,
          sequence: about.sequence,
        });
        const quoted = error.slice(error.length - length);
        expect(quoted).toEqual(original.slice(0, length));
      }),
    );
  });
});

it('addresses of a family are told apart', () => {
  fc.assert(fc.property(ends, ({ source, family }) => familyOf(source) === family));
});
