import { describe, expect, it } from 'vitest';
import { icmpPacket } from '../../bench/fuzz-packets.js';
import { formatAddress } from '../../src/model/address.js';
import { buildIcmpError } from '../../src/wire/build.js';
import type { Packet } from '../../src/wire/packet.js';
import { built, ends, hexOf, read, stored } from '../arbitrary/wire-tools.js';
import {
  COPY4,
  HOST_UNREACHABLE4,
  PORT_UNREACHABLE6,
  REJECT4,
  REJECT6,
  SYN4,
  SYN6,
  TOO_BIG4,
  TOO_BIG6,
} from '../golden/packets.js';

function quoteOf({ quote }: Packet) {
  return {
    source: formatAddress(quote.source),
    destination: formatAddress(quote.destination),
    sourcePort: quote.sourcePort,
    destinationPort: quote.destinationPort,
    sequence: quote.sequence >>> 0,
  };
}

const ABOUT4 = {
  source: '203.0.113.2',
  destination: '198.51.100.7',
  sourcePort: 50000,
  destinationPort: 443,
  sequence: 0x9abcdef0,
};

describe('ICMP', () => {
  it('deconstruct: type, code and what is quoted (RFC 792)', () => {
    const { reason, packet } = read(HOST_UNREACHABLE4);
    expect(reason).toBe('ok');
    expect(packet).toMatchObject({ protocol: 1, icmpType: 3, icmpCode: 1, icmpMtu: 0, ttl: 255 });
    expect(quoteOf(packet)).toEqual(ABOUT4);
  });

  it('construct: the error that the client sees is from the router and about its own SYN', () => {
    const from = ends('203.0.113.1', 0, '192.168.1.10', 0);
    const bytes = built((space) => buildIcmpError(from, 3, 1, stored(SYN4, 0, SYN4.length), space));
    expect(hexOf(bytes)).toBe(hexOf(REJECT4));
  });

  it('parse: the MTU of "fragmentation needed", and of nothing else', () => {
    expect(read(TOO_BIG4).packet).toMatchObject({ icmpType: 3, icmpCode: 4, icmpMtu: 1280 });
    const other = icmpPacket({
      source: [203, 0, 113, 1],
      destination: [203, 0, 113, 2],
      type: 3,
      code: 13,
      word: 1280,
      quote: [...COPY4],
    });
    expect(read(other).packet).toMatchObject({ icmpType: 3, icmpCode: 13, icmpMtu: 0 });
  });

  it('parse: options in the quoted header are stepped over', () => {
    const quote = [...COPY4.slice(0, 20), 1, 1, 1, 0, ...COPY4.slice(20, 28)];
    quote[0] = 0x46;
    const { reason, packet } = read(
      icmpPacket({ source: [203, 0, 113, 1], destination: [203, 0, 113, 2], type: 11, code: 0, quote }),
    );
    expect(reason).toBe('ok');
    expect(quoteOf(packet)).toEqual(ABOUT4);
  });

  it('emit: what is built decodes to what was meant', () => {
    const { reason, packet } = read(REJECT4);
    expect(reason).toBe('ok');
    expect(quoteOf(packet)).toMatchObject({
      source: '192.168.1.10',
      sourcePort: 40000,
      sequence: 0x9abcdef0,
    });
  });
});

describe('ICMPv6', () => {
  it('deconstruct: type, code and what is quoted (RFC 4443)', () => {
    const { reason, packet } = read(PORT_UNREACHABLE6);
    expect(reason).toBe('ok');
    expect(packet).toMatchObject({ protocol: 58, icmpType: 1, icmpCode: 4, icmpMtu: 0 });
    expect(quoteOf(packet)).toEqual({ ...ABOUT4, source: '2001:db8:1::2', destination: '2001:db8::7' });
  });

  it('construct: the error that the client sees', () => {
    const from = ends('2001:db8::7', 0, 'fd00:1::10', 0);
    const bytes = built((space) => buildIcmpError(from, 1, 4, stored(SYN6, 0, SYN6.length), space));
    expect(hexOf(bytes)).toBe(hexOf(REJECT6));
  });

  it('parse: the MTU of "packet too big"', () => {
    expect(read(TOO_BIG6).packet).toMatchObject({ icmpType: 2, icmpCode: 0, icmpMtu: 1280 });
  });

  it('emit: what is built decodes to what was meant', () => {
    const { reason, packet } = read(REJECT6);
    expect(reason).toBe('ok');
    expect(quoteOf(packet)).toMatchObject({ source: 'fd00:1::10', sourcePort: 40000 });
  });
});
