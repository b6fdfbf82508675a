import { describe, expect, it } from 'vitest';
import { ipPacket, tcpPacket } from '../../bench/fuzz-packets.js';
import { formatAddress } from '../../src/model/address.js';
import { buildCopy, buildReset, storeSetup, transportOffset } from '../../src/wire/build.js';
import { built, ends, hexOf, read, stored, words } from '../arbitrary/wire-tools.js';
import { COPY4, RESET4, SYN4 } from '../golden/packets.js';

describe('IPv4', () => {
  it('deconstruct: every field of the header is where RFC 791 puts it', () => {
    const { reason, packet } = read(SYN4);
    expect(reason).toBe('ok');
    expect(packet).toMatchObject({
      family: 4,
      ttl: 64,
      protocol: 6,
      hasIpOptions: false,
      start: 0,
      transport: 20,
      end: 60,
    });
    expect(formatAddress(packet.source)).toBe('192.168.1.10');
    expect(formatAddress(packet.destination)).toBe('198.51.100.7');
  });

  it('construct: a header from nothing has DF, TTL 64 and a right checksum', () => {
    const bytes = built((space) =>
      buildReset(ends('203.0.113.2', 50000, '198.51.100.7', 443), 0x9abcdef1, null, space),
    );
    expect(hexOf(bytes)).toBe(hexOf(RESET4));
  });

  it('parse: options are seen and stepped over', () => {
    const fields = {
      source: [192, 0, 2, 1],
      destination: [198, 51, 100, 7],
      sourcePort: 1,
      destinationPort: 2,
      flags: 2,
      options: [148, 4, 0, 0],
    };
    const { reason, packet } = read(tcpPacket(fields));
    expect(reason).toBe('ok');
    expect(packet).toMatchObject({ hasIpOptions: true, transport: 24, payload: 44, end: 44 });
  });

  it('parse: bytes behind the total length are no part of the packet', () => {
    const padded = new Uint8Array(SYN4.length + 6).fill(0xee);
    padded.set(SYN4);
    const { reason, packet } = read(padded);
    expect(reason).toBe('ok');
    expect(packet.end).toBe(SYN4.length);
  });

  it('emit: a copy has another source, one hop less and a right checksum', () => {
    const setup = new Uint8Array(128);
    const length = storeSetup(read(SYN4).packet, setup, 0);
    const fields = {
      source: words('203.0.113.2'),
      sourceAt: 0,
      sourcePort: 50000,
      mss: 1400,
      isPlain: false,
    };
    const copy = built((space) => buildCopy(stored(setup, 0, length), fields, space));
    expect(hexOf(copy)).toBe(hexOf(COPY4));
  });

  it('finds the transport behind options', () => {
    const bytes = ipPacket({ source: [1, 2, 3, 4], destination: [5, 6, 7, 8], options: [1, 1, 1, 0] }, 6, []);
    expect(transportOffset(bytes, new DataView(bytes.buffer), 0)).toBe(24);
  });
});
