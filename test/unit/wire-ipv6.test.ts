import { describe, expect, it } from 'vitest';
import { tcpPacket } from '../../bench/fuzz-packets.js';
import { formatAddress } from '../../src/model/address.js';
import { buildCopy, buildReset, storeSetup, transportOffset } from '../../src/wire/build.js';
import { built, ends, hexOf, read, stored, words } from '../arbitrary/wire-tools.js';
import { COPY6, RESET6, SYN6 } from '../golden/packets.js';

const SOURCE = [0xfd, ...new Array<number>(14).fill(0), 1];
const DESTINATION = [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 7];

/** Hop-by-hop with router alert, then destination options with padding. */
const EXTENSIONS = [
  { type: 0, body: [5, 2, 0, 0, 1, 0] },
  { type: 60, body: [1, 12, ...new Array<number>(12).fill(0)] },
];

describe('IPv6', () => {
  it('deconstruct: every field of the header is where RFC 8200 puts it', () => {
    const { reason, packet } = read(SYN6);
    expect(reason).toBe('ok');
    expect(packet).toMatchObject({
      family: 6,
      ttl: 64,
      protocol: 6,
      hasIpOptions: false,
      start: 0,
      transport: 40,
      end: 80,
    });
    expect(formatAddress(packet.source)).toBe('fd00:1::10');
    expect(formatAddress(packet.destination)).toBe('2001:db8::7');
  });

  it('construct: a header from nothing has hop limit 64', () => {
    const bytes = built((space) =>
      buildReset(ends('2001:db8:1::2', 50000, '2001:db8::7', 443), 0x9abcdef1, null, space),
    );
    expect(hexOf(bytes)).toBe(hexOf(RESET6));
  });

  it('parse: extension headers are stepped over', () => {
    const packet = tcpPacket({
      source: SOURCE,
      destination: DESTINATION,
      sourcePort: 1,
      destinationPort: 2,
      flags: 2,
      extensions: EXTENSIONS,
    });
    const { reason, packet: view } = read(packet);
    expect(reason).toBe('ok');
    expect(view).toMatchObject({ hasIpOptions: true, transport: 64, payload: 84, end: 84, protocol: 6 });
    expect(transportOffset(packet, new DataView(packet.buffer), 0)).toBe(64);
  });

  it('parse: bytes behind the payload length are no part of the packet', () => {
    const padded = new Uint8Array(SYN6.length + 3).fill(0xee);
    padded.set(SYN6);
    const { reason, packet } = read(padded);
    expect(reason).toBe('ok');
    expect(packet.end).toBe(SYN6.length);
  });

  it('emit: a copy has another source and one hop less', () => {
    const setup = new Uint8Array(256);
    const length = storeSetup(read(SYN6).packet, setup, 128);
    const fields = {
      source: words('2001:db8:1::2'),
      sourceAt: 0,
      sourcePort: 50000,
      mss: 1380,
      isPlain: false,
    };
    const copy = built((space) => buildCopy(stored(setup, 128, length), fields, space));
    expect(hexOf(copy)).toBe(hexOf(COPY6));
  });

  it('emit: a copy keeps its extension headers byte for byte', () => {
    const bytes = tcpPacket({
      source: SOURCE,
      destination: DESTINATION,
      sourcePort: 1,
      destinationPort: 2,
      flags: 2,
      extensions: EXTENSIONS,
      payload: [1, 2, 3],
    });
    const setup = new Uint8Array(128);
    const length = storeSetup(read(bytes).packet, setup, 0);
    const fields = {
      source: words('2001:db8:1::2'),
      sourceAt: 0,
      sourcePort: 50000,
      mss: 1380,
      isPlain: false,
    };
    const copy = built((space) => buildCopy(stored(setup, 0, length), fields, space));
    expect(hexOf(copy.slice(40, 64))).toBe(hexOf(bytes.slice(40, 64)));
    expect(read(copy)).toMatchObject({ reason: 'ok', packet: { sourcePort: 50000, payload: 84, end: 84 } });
  });
});
