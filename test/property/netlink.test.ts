/** Whatever comes out of a socket: reading ends, points inside, and is the same wherever the bytes lie. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeDump, encodeNew, type FlowEntry } from '../../src/wire/netlink/ctnetlink.js';
import {
  ADDITIONS_LENGTH,
  type Additions,
  putAdditions,
  readAdditions,
} from '../../src/wire/netlink/ctnetlink-additions.js';
import { createEntry, decodeEntry } from '../../src/wire/netlink/ctnetlink-entry.js';
import {
  createAttributeView,
  createMessageView,
  createWriter,
  readAttribute,
  readMessage,
} from '../../src/wire/netlink/message.js';
import { createQueuedPacket, decodeQueued, encodeVerdict } from '../../src/wire/netlink/nfqueue.js';
import { damaged, entryBody, message, queuedBody } from '../arbitrary/netlink-messages.js';

/** The bytes at an offset, with poison behind them that would be noticed, or nothing behind them at all. */
function placed(bytes: Uint8Array, offset: number, poison: number | null) {
  const buffer = new Uint8Array(offset + bytes.length + (poison === null ? 0 : 64)).fill(poison ?? 0);
  buffer.set(bytes, offset);
  return { view: new DataView(buffer.buffer), end: offset + bytes.length };
}

describe('readMessage and readAttribute', () => {
  it('go forward to the end, and never point outside', () => {
    const stream = fc
      .array(fc.oneof(queuedBody, entryBody), { maxLength: 4 })
      .map((bodies) => bodies.flatMap((body, i) => message(0x300, 0, i, body)));
    fc.assert(
      fc.property(damaged(stream), fc.nat(16), (bytes, offset) => {
        const { view, end } = placed(bytes, offset, null);
        const one = createMessageView();
        let at = offset;
        for (
          let next = readMessage(one, view, at, end);
          next !== -1;
          next = readMessage(one, view, at, end)
        ) {
          expect(next).toBeGreaterThanOrEqual(at + 16);
          expect(one.body).toBe(at + 16);
          expect(one.end).toBeLessThanOrEqual(end);
          expect(one.end).toBeGreaterThanOrEqual(one.body);
          at = next;
        }
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(damaged(fc.oneof(queuedBody, entryBody)), fc.nat(16), (bytes, offset) => {
        const { view, end } = placed(bytes, offset, null);
        const one = createAttributeView();
        let at = offset;
        for (
          let next = readAttribute(one, view, at, end);
          next !== -1;
          next = readAttribute(one, view, at, end)
        ) {
          expect(next).toBeGreaterThanOrEqual(at + 4);
          expect(one.value).toBe(at + 4);
          expect(one.value + one.length).toBeLessThanOrEqual(end);
          at = next;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('a stream reads the same in one piece and message by message', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(queuedBody, entryBody), { minLength: 1, maxLength: 5 }), (bodies) => {
        const messages = bodies.map((body, i) => message(0x300, 0, i, body));
        const stream = Uint8Array.from(messages.flat());
        const view = new DataView(stream.buffer);
        const one = createMessageView();
        let at = 0;
        for (const [i, body] of bodies.entries()) {
          const next = readMessage(one, view, at, stream.length);
          expect(one.sequence).toBe(i);
          expect([...stream.slice(one.body, one.end)]).toEqual(body);
          at = next;
        }
        expect(at).toBe(stream.length);
      }),
    );
  });
});

describe('decodeQueued', () => {
  it('never throws at the end of the buffer, and points inside', () => {
    fc.assert(
      fc.property(damaged(queuedBody), fc.nat(16), (bytes, offset) => {
        const { view, end } = placed(bytes, offset, null);
        const packet = createQueuedPacket();
        if (!decodeQueued(packet, view, offset, end)) return;
        if (packet.payloadLength === 0) return;
        expect(packet.payload).toBeGreaterThanOrEqual(offset + 4);
        expect(packet.payload + packet.payloadLength).toBeLessThanOrEqual(end);
      }),
      { numRuns: 4000 },
    );
  });

  it('does not look behind the message', () => {
    fc.assert(
      fc.property(damaged(queuedBody), (bytes) => {
        const results = [0x00, 0xff].map((poison) => {
          const { view, end } = placed(bytes, 8, poison);
          const packet = createQueuedPacket();
          return [decodeQueued(packet, view, 8, end), packet];
        });
        expect(results[0]).toEqual(results[1]);
      }),
      { numRuns: 4000 },
    );
  });
});

describe('decodeEntry', () => {
  it('never throws at the end of the buffer', () => {
    fc.assert(
      fc.property(damaged(entryBody), fc.nat(16), (bytes, offset) => {
        const { view, end } = placed(bytes, offset, null);
        expect(typeof decodeEntry(createEntry(), view, offset, end)).toBe('boolean');
      }),
      { numRuns: 4000 },
    );
  });

  it('does not look behind the message', () => {
    fc.assert(
      fc.property(damaged(entryBody), (bytes) => {
        const results = [0x00, 0xff].map((poison) => {
          const { view, end } = placed(bytes, 8, poison);
          const entry = createEntry();
          return [decodeEntry(entry, view, 8, end), entry];
        });
        expect(results[0]).toEqual(results[1]);
      }),
      { numRuns: 4000 },
    );
  });
});

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const port = fc.integer({ min: 0, max: 65535 });
const octets = (from: number, to: number, least = 0): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.integer({ min: least, max: 255 }), { minLength: from, maxLength: to })
    .map((list) => Uint8Array.from(list));
/** Names end with their first zero. */
const additions: fc.Arbitrary<Additions> = fc
  .record({ helper: fc.option(octets(1, 15, 1)), labels: fc.option(octets(16, 16)) })
  .filter(({ helper, labels }) => helper !== null || labels !== null);

const flow: fc.Arbitrary<FlowEntry> = fc.boolean().chain((is4) => {
  const address = is4
    ? word.map((last) => Int32Array.of(0, 0, 0xffff, last))
    : fc.tuple(word, word, word).map((rest) => Int32Array.of(0x20010db8, ...rest));
  return fc.record({
    protocol: fc.constantFrom(6, 17),
    family: fc.constant(is4 ? (4 as const) : (6 as const)),
    client: address,
    clientAt: fc.constant(0),
    clientPort: port,
    destination: address,
    destinationAt: fc.constant(0),
    destinationPort: port,
    translated: fc.boolean(),
    source: address,
    sourceAt: fc.constant(0),
    sourcePort: port,
    mark: fc.integer({ min: 0, max: 0xffffffff }),
    additions: fc.option(additions),
    isAnew: fc.boolean(),
    shift: fc.integer({ min: 0, max: 0xffffffff }),
  });
});

describe('there and back', () => {
  it('entries: what is written reads back, as far as both sides have it', () => {
    fc.assert(
      fc.property(fc.array(flow, { minLength: 1, maxLength: 4 }), (flows) => {
        const bytes = new Uint8Array(4096);
        const view = new DataView(bytes.buffer);
        const writer = createWriter(bytes, view);
        for (const [i, one] of flows.entries()) encodeNew(writer, one, 60, i);
        const one = createMessageView();
        let at = 0;
        for (const [i, written] of flows.entries()) {
          at = readMessage(one, view, at, writer.length);
          expect(one.sequence).toBe(i);
          const entry = createEntry();
          expect(decodeEntry(entry, view, one.body, one.end)).toBe(true);
          expect(entry).toMatchObject({
            protocol: written.protocol,
            family: written.family,
            client: written.client,
            clientPort: written.clientPort,
            destination: written.destination,
            destinationPort: written.destinationPort,
            // The kernel is told the untranslated reply, and makes the other one itself.
            source: written.client,
            sourcePort: written.clientPort,
            mark: written.mark,
            tcpState: written.protocol !== 6 ? 0 : written.isAnew ? 3 : 1,
          });
        }
        expect(at).toBe(writer.length);
      }),
    );
  });

  it('additions: what is written reads back', () => {
    fc.assert(
      fc.property(additions, (written) => {
        const bytes = new Uint8Array(256);
        const view = new DataView(bytes.buffer);
        const writer = createWriter(bytes, view);
        putAdditions(writer, written);
        expect(writer.length).toBeLessThanOrEqual(ADDITIONS_LENGTH);
        expect(readAdditions(bytes, view, 0, writer.length)).toEqual(written);
      }),
    );
  });

  it('messages of all kinds, one behind the other, end where the next begins', () => {
    fc.assert(
      fc.property(flow, fc.nat(65535), fc.nat(), port, (one, queue, id, mark) => {
        const bytes = new Uint8Array(4096);
        const view = new DataView(bytes.buffer);
        const writer = createWriter(bytes, view);
        encodeVerdict(writer, queue, id, 1, mark);
        encodeNew(writer, one, 60, 2);
        encodeDump(writer, 4, mark, mark, 3);
        const read = createMessageView();
        let at = 0;
        let count = 0;
        for (let next = readMessage(read, view, 0, writer.length); next !== -1; count++) {
          at = next;
          next = readMessage(read, view, at, writer.length);
        }
        expect([count, at]).toEqual([3, writer.length]);
      }),
    );
  });
});
