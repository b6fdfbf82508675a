import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/model/address.js';
import { TCP_CONNTRACK } from '../../src/wire/netlink/ctnetlink.js';
import { createEntry, decodeEntry } from '../../src/wire/netlink/ctnetlink-entry.js';
import {
  createAttributeView,
  createMessageView,
  createWriter,
  eachAttribute,
  readAttribute,
  readMessage,
} from '../../src/wire/netlink/message.js';
import { createQueuedPacket, decodeQueued, encodeQueued, NFQNL_MSG } from '../../src/wire/netlink/nfqueue.js';
import { message } from '../arbitrary/netlink-messages.js';

const bytesOf = (...parts: readonly string[]): Uint8Array =>
  Uint8Array.from(Buffer.from(parts.join('').replaceAll(' ', ''), 'hex'));
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** One packet as Linux 6.18 queues it; payload shortened to five bytes. */
const QUEUED = bytesOf(
  '02 00 13ba',
  '0b00 0100 0000002a 0800 01 00', // packet 42, IPv4, hook PREROUTING
  '0800 0500 00000003', // in by interface 3
  '0800 0300 40000000', // mark
  '1000 0900 0006 0000 020000000001 0000', // hardware address
  '1400 0400 000000006561d5c0 0000000000012345', // time
  '0900 0a00 4500003c1c 000000', // payload
  '0800 0d00 0000003c', // length on the wire
);

/** An entry as `conntrack -G` gets it. */
const ENTRY = bytesOf(
  '02 00 0000',
  '3400 0180 1400 0180 0800 0100 c0a8010a 0800 0200 c6336407',
  '1c00 0280 0500 0100 06000000 0600 0200 9c400000 0600 0300 01bb0000',
  '3400 0280 1400 0180 0800 0100 c6336407 0800 0200 cb007102',
  '1c00 0280 0500 0100 06000000 0600 0200 01bb0000 0600 0300 c3500000',
  '0800 0300 0000018e',
  '0800 0700 00069780',
  '0800 0800 02000000',
  '3000 0480 2c00 0180 0500 0100 03000000 0500 0200 07000000 0500 0300 07000000 0600 0400 23000000 0600 0500 23000000',
  '0800 0c00 12345678',
  '0800 0b00 00000001',
);

describe('decodeQueued', () => {
  it('reads what the kernel sends', () => {
    const packet = createQueuedPacket();
    expect(decodeQueued(packet, viewOf(QUEUED), 0, QUEUED.length)).toBe(true);
    expect(packet).toEqual({
      id: 42,
      hook: 1,
      mark: 0x40000000,
      inInterface: 3,
      hardwareHigh: 0x0200_0000,
      hardwareLow: 0x0001_0000,
      payload: 72,
      payloadLength: 5,
      wireLength: 60,
      entry: 0,
      entryLength: 0,
    });
    expect([...QUEUED.slice(packet.payload, packet.payload + 5)]).toEqual([0x45, 0, 0, 0x3c, 0x1c]);
  });

  it('reads what `encodeQueued` writes', () => {
    const bytes = new Uint8Array(512);
    const w = createWriter(bytes, viewOf(bytes));
    const wanted = {
      ...{ id: 0x8000_0001, hook: 2, mark: 0xff00_00ff, inInterface: 7 },
      ...{ hardwareHigh: 0x0200_0000, hardwareLow: 0x0001_0000 },
    };
    encodeQueued(w, 5047, wanted, [0x45, 1, 2], [8, 0, 0, 7, 0, 0, 0, 1]);
    const message = createMessageView();
    expect(readMessage(message, w.view, 0, w.length)).toBe(w.length);
    expect(message.type).toBe(NFQNL_MSG.PACKET);
    const packet = createQueuedPacket();
    expect(decodeQueued(packet, w.view, message.body, message.end)).toBe(true);
    expect(packet).toMatchObject({ ...wanted, payloadLength: 3, wireLength: 3, entryLength: 8 });
    expect([...bytes.slice(packet.payload, packet.payload + 3)]).toEqual([0x45, 1, 2]);
    expect([...bytes.slice(packet.entry, packet.entry + 2)]).toEqual([8, 0]);
  });

  it('takes the payload’s length where nothing was cut, and forgets the packet before', () => {
    const packet = createQueuedPacket();
    decodeQueued(packet, viewOf(QUEUED), 0, QUEUED.length);
    const short = bytesOf('02 00 13ba', '0b00 0100 00000007 0800 01 00', '0600 0a00 4500 0000');
    expect(decodeQueued(packet, viewOf(short), 0, short.length)).toBe(true);
    expect(packet).toEqual({
      id: 7,
      hook: 1,
      mark: 0,
      inInterface: 0,
      hardwareHigh: 0,
      hardwareLow: 0,
      payload: 20,
      payloadLength: 2,
      wireLength: 2,
      entry: 0,
      entryLength: 0,
    });
  });

  it('says no without a packet id', () => {
    const none = bytesOf('02 00 13ba', '0800 0300 40000000');
    expect(decodeQueued(createQueuedPacket(), viewOf(none), 0, none.length)).toBe(false);
    const brief = bytesOf('02 00 13ba', '0800 0100 00000007');
    expect(decodeQueued(createQueuedPacket(), viewOf(brief), 0, brief.length)).toBe(false);
    expect(decodeQueued(createQueuedPacket(), viewOf(none), 0, 4)).toBe(false);
  });
});

describe('decodeEntry', () => {
  it('reads what the kernel sends', () => {
    const entry = createEntry();
    expect(decodeEntry(entry, viewOf(ENTRY), 0, ENTRY.length)).toBe(true);
    expect({
      ...entry,
      original: entry.original.length,
      client: formatAddress(entry.client),
      destination: formatAddress(entry.destination),
      source: formatAddress(entry.source),
    }).toEqual({
      original: 48,
      id: 0x12345678,
      family: 4,
      protocol: 6,
      client: '192.168.1.10',
      clientPort: 40000,
      destination: '198.51.100.7',
      destinationPort: 443,
      source: '203.0.113.2',
      sourcePort: 50000,
      mark: 0x02000000,
      tcpState: TCP_CONNTRACK.ESTABLISHED,
      timeoutSeconds: 432_000,
      answered: true,
      offloaded: false,
      sent: -1,
      received: -1,
      sentBytes: -1,
      receivedBytes: -1,
    });
  });

  it('reads how many packets and bytes have passed, where the kernel counts them', () => {
    const entry = createEntry();
    const counters = bytesOf('1c00 0980 0c00 0100 0000000100000002 0c00 0200 0000000000000099');
    const replies = bytesOf('1000 0a80 0c00 0100 0000000000000007');
    const counted = Uint8Array.from([...ENTRY, ...counters, ...replies]);
    expect(decodeEntry(entry, viewOf(counted), 0, counted.length)).toBe(true);
    expect([entry.sent, entry.received]).toEqual([2 ** 32 + 2, 7]);
    expect([entry.sentBytes, entry.receivedBytes]).toEqual([0x99, -1]);
    decodeEntry(entry, viewOf(ENTRY), 0, ENTRY.length);
    expect([entry.sent, entry.received]).toEqual([-1, -1]);
  });

  it('takes a flow that a flowtable has, of which the kernel tells no state, for an established one', () => {
    const entry = createEntry();
    const tuple = [...ENTRY.subarray(4, 4 + 52)];
    const status = bytesOf('0800 0300 0000418e');
    const offloaded = Uint8Array.from([...ENTRY.subarray(0, 4), ...tuple, ...status]);
    expect(decodeEntry(entry, viewOf(offloaded), 0, offloaded.length)).toBe(true);
    expect([entry.clientPort, entry.offloaded, entry.tcpState]).toEqual([
      40000,
      true,
      TCP_CONNTRACK.ESTABLISHED,
    ]);
    // The next one says nothing of it.
    decodeEntry(entry, viewOf(ENTRY), 0, ENTRY.length);
    expect(entry.offloaded).toBe(false);
  });

  it('refuses other families', () => {
    const bridge = ENTRY.slice();
    bridge[0] = 7;
    expect(decodeEntry(createEntry(), viewOf(bridge), 0, bridge.length)).toBe(false);
  });

  it('says nothing of the entry before', () => {
    const entry = createEntry();
    decodeEntry(entry, viewOf(ENTRY), 0, ENTRY.length);
    const bare = bytesOf('02 00 0000', '0800 0800 02000000');
    // Without tuples there is no flow: either it is refused, or nothing of the one before is left.
    if (decodeEntry(entry, viewOf(bare), 0, bare.length)) {
      expect([entry.clientPort, entry.destinationPort, entry.sourcePort, entry.protocol]).toEqual([
        0, 0, 0, 0,
      ]);
      expect(entry.client).toEqual(new Int32Array(4));
    }
  });
});

describe('a stream of messages', () => {
  const one = message(NFQNL_MSG.PACKET, 0, 1, [...QUEUED]);
  const two = message(2, 0, 2, [0, 0, 0, 0]);

  it('is taken apart', () => {
    const bytes = Uint8Array.from([...one, ...two]);
    const view = createMessageView();
    const second = readMessage(view, viewOf(bytes), 0, bytes.length);
    expect(view).toEqual({
      type: NFQNL_MSG.PACKET,
      flags: 0,
      sequence: 1,
      body: 16,
      end: 16 + QUEUED.length,
    });
    expect(second).toBe(one.length);
    expect(readMessage(view, viewOf(bytes), second, bytes.length)).toBe(bytes.length);
    expect(view).toMatchObject({ type: 2, sequence: 2 });
    expect(readMessage(view, viewOf(bytes), bytes.length, bytes.length)).toBe(-1);
  });

  it('ends at the first message that is not whole', () => {
    const bytes = Uint8Array.from([...one, ...two]);
    for (let cut = 0; cut < two.length; cut++) {
      expect(readMessage(createMessageView(), viewOf(bytes), one.length, one.length + cut)).toBe(-1);
    }
  });

  it('does not stand still at a length of zero', () => {
    const bytes = Uint8Array.from(message(1, 0, 1, []));
    bytes[0] = 0;
    expect(readMessage(createMessageView(), viewOf(bytes), 0, bytes.length)).toBe(-1);
    bytes[0] = 15;
    expect(readMessage(createMessageView(), viewOf(bytes), 0, bytes.length)).toBe(-1);
  });
});

describe('attributes', () => {
  it('are stepped over with their padding; a bad length ends the list', () => {
    const bytes = bytesOf('0500 0180 ff000000', '0400 0200', '0300 0300', '0800 0400 00000000');
    const found: [number, number, number][] = [];
    eachAttribute(viewOf(bytes), 0, bytes.length, (type, value, length) => found.push([type, value, length]));
    expect(found).toEqual([
      [1, 4, 1],
      [2, 12, 0],
    ]);
    expect(readAttribute(createAttributeView(), viewOf(bytes), 12, 12)).toBe(-1);
  });
});
