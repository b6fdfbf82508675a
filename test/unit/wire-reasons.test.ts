/** Every reason for which bytes are not looked at, each by a packet that has just this one thing wrong. */
import { describe, expect, it } from 'vitest';
import {
  icmpPacket,
  ipPacket,
  put16,
  seal,
  tcpPacket,
  type UdpFields,
  udpPacket,
} from '../../bench/fuzz-packets.js';
import { DECODE_REASONS, type DecodeReason } from '../../src/model/reasons.js';
import { DECODE } from '../../src/wire/packet.js';
import { read } from '../arbitrary/wire-tools.js';
import { HOST_UNREACHABLE4, PORT_UNREACHABLE6, SYN_ACK4, SYN4, SYN6 } from '../golden/packets.js';

const A = [192, 0, 2, 1];
const B = [198, 51, 100, 7];
const A6 = [0xfd, ...new Array<number>(14).fill(0), 1];
const B6 = [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 7];
const LOOPBACK6 = [...new Array<number>(15).fill(0), 1];
const TCP = { sourcePort: 1025, destinationPort: 80, flags: 2 };

/** The packet with changed bytes and right checksums. */
function changed(packet: Uint8Array, changes: Record<number, number>): Uint8Array {
  const bytes = broken(packet, changes);
  seal(bytes, 0, bytes.length);
  return bytes;
}

/** The packet with changed bytes and the checksums that it had. */
function broken(packet: Uint8Array, changes: Record<number, number>): Uint8Array {
  const bytes = packet.slice();
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}

const from = (source: readonly number[], destination: readonly number[]) =>
  tcpPacket({ source, destination, ...TCP });
const extended = (types: readonly number[]) =>
  tcpPacket({
    source: A6,
    destination: B6,
    ...TCP,
    extensions: types.map((type) => ({ type, body: [0, 0, 0, 0, 0, 0] })),
  });
const options = (...tcpOptions: readonly number[]) =>
  tcpPacket({ source: A, destination: B, ...TCP, tcpOptions });
const icmp = (type: number, quote: readonly number[]) =>
  icmpPacket({ source: A, destination: B, type, code: 0, quote });
const icmp6 = (type: number, quote: readonly number[]) =>
  icmpPacket({ source: A6, destination: B6, type, code: 0, quote });

const udp = (more: Partial<UdpFields> = {}) =>
  udpPacket({
    source: A,
    destination: B,
    sourcePort: 1025,
    destinationPort: 53,
    payload: [1, 2, 3],
    ...more,
  });
const udp6 = (more: Partial<UdpFields> = {}) => udp({ source: A6, destination: B6, ...more });

/** IPv4 total length larger than the packet. */
function longer(packet: Uint8Array): Uint8Array {
  const bytes = packet.slice();
  put16(bytes, packet[0] >> 4 === 4 ? 2 : 4, packet.length + 1);
  seal(bytes, 0, 20);
  return bytes;
}

const CASES: Record<DecodeReason, Record<string, Uint8Array>> = {
  ok: {
    'a SYN': SYN4,
    'an IPv6 SYN': SYN6,
    'a SYN+ACK': SYN_ACK4,
    'an ICMP error': HOST_UNREACHABLE4,
    UDP: udp(),
    'UDP without a checksum': broken(udp(), { 26: 0, 27: 0 }),
    'UDP over IPv6 without a checksum': broken(udp6(), { 46: 0, 47: 0 }),
    'UDP with more behind it': udp({ surplus: [1, 2, 3] }),
  },
  truncated: {
    nothing: new Uint8Array(0),
    '19 bytes': SYN4.slice(0, 19),
    'half an IPv6 header': SYN6.slice(0, 39),
    'half a UDP header': ipPacket({ source: A, destination: B }, 17, new Array<number>(7).fill(0)),
    'half a TCP header': ipPacket({ source: A, destination: B }, 6, new Array<number>(19).fill(0)),
    'half an ICMP header': ipPacket({ source: A, destination: B }, 1, [3, 1, 0, 0, 0, 0, 0]),
  },
  'ip-version': { 'version 5': broken(SYN4, { 0: 0x55 }), 'version 0': new Uint8Array(40) },
  'ip-header-length': {
    'four words': broken(SYN4, { 0: 0x44 }),
    'more than there is': tcpPacket({ source: A, destination: B, ...TCP })
      .fill(0x4f, 0, 1)
      .slice(0, 40),
  },
  'ip-total-length': {
    'less than the header': changed(SYN4, { 2: 0, 3: 19 }),
    'one byte more than there is': longer(SYN4),
    'IPv6, one byte more than there is': longer(SYN6),
  },
  'ip-header-checksum': { 'one bit': broken(SYN4, { 10: 0x33 }) },
  'ip-fragment': {
    'more fragments': changed(SYN4, { 6: 0x20 }),
    'a later fragment': changed(SYN4, { 6: 0, 7: 1 }),
    'IPv6 fragment header': extended([44]),
  },
  'ip-extension-header': {
    'longer than the packet': (() => {
      const bytes = extended([0]);
      bytes[41] = 200;
      return bytes;
    })(),
    'nine of them': extended(new Array<number>(9).fill(60)),
    'cut in the middle': ipPacket({ source: A6, destination: B6 }, 0, [6, 0, 0, 0]),
  },
  'ip-protocol': {
    'ICMPv6 in IPv4': ipPacket({ source: A, destination: B }, 58, new Array<number>(8).fill(0)),
    'ICMP in IPv6': ipPacket({ source: A6, destination: B6 }, 1, new Array<number>(8).fill(0)),
    'no next header': ipPacket({ source: A6, destination: B6 }, 59, []),
  },
  'ip-address': {
    'from nowhere': from([0, 0, 0, 0], B),
    'to loopback': from(A, [127, 0, 0, 1]),
    'to multicast': from(A, [224, 0, 0, 1]),
    broadcast: from(A, [255, 255, 255, 255]),
    'IPv6 from nowhere': from(new Array<number>(16).fill(0), B6),
    'IPv6 loopback': from(LOOPBACK6, B6),
    'IPv6 multicast': from(A6, [0xff, 2, ...LOOPBACK6.slice(2)]),
    'IPv4-mapped': from(A6, [...new Array<number>(10).fill(0), 0xff, 0xff, ...B]),
  },
  'tcp-header-length': {
    'four words': changed(SYN4, { 32: 0x40 }),
    'more than there is': changed(SYN4, { 32: 0xb0 }),
    'four words in IPv6': changed(SYN6, { 52: 0x40 }),
  },
  'tcp-checksum': { 'one bit': broken(SYN4, { 36: 0x42 }), 'one bit in IPv6': broken(SYN6, { 30: 0x10 }) },
  'tcp-flags': { 'SYN and FIN': changed(SYN4, { 33: 0x03 }), 'SYN and RST': changed(SYN4, { 33: 0x06 }) },
  'tcp-port-zero': {
    'from port 0': changed(SYN4, { 20: 0, 21: 0 }),
    'to port 0': changed(SYN4, { 22: 0, 23: 0 }),
  },
  'tcp-options': {
    'length 0': options(3, 0, 1, 1),
    'length 1': options(3, 1, 1, 1),
    'longer than the header': options(1, 1, 3, 3),
    'kind without length': options(1, 1, 1, 2),
    'MSS of 3 bytes': options(2, 3, 5, 1),
    'MSS of 5 bytes': options(2, 5, 5, 1, 1, 1, 1, 1),
    'window scale of 4 bytes': options(3, 4, 5, 1),
    'SACK permitted of 3 bytes': options(4, 3, 5, 1),
    'timestamps of 4 bytes': options(8, 4, 5, 1),
  },
  'udp-length': {
    'of less than a header': udp({ length: 7 }),
    'of nothing, over IPv6': udp6({ length: 0 }),
    'of more than there is': udp({ length: 12 }),
    'of more than there is, over IPv6': udp6({ length: 12 }),
  },
  'udp-checksum': {
    'one bit of the payload': broken(udp(), { 30: 2 }),
    'one bit of an address': broken(udp6(), { 39: 6 }),
    'one bit of the checksum': broken(udp(), { 27: udp()[27] ^ 1 }),
    'one bit before the end of UDP': broken(udp({ surplus: [1, 2, 3] }), { 30: 2 }),
  },
  'icmp-checksum': {
    'one bit': broken(HOST_UNREACHABLE4, { 22: 0xbf }),
    'one bit in ICMPv6': broken(PORT_UNREACHABLE6, { 42: 0x1a }),
  },
  'icmp-type': {
    'echo request': icmp(8, [...SYN4]),
    redirect: icmp(5, [...SYN4]),
    'ICMPv6 neighbour solicitation': icmp6(135, [...SYN6]),
    'ICMPv6 type 0': icmp6(0, [...SYN6]),
  },
  'icmp-quote': {
    'seven bytes of TCP': icmp(3, [...SYN4.slice(0, 27)]),
    'about another protocol': icmp(3, [...broken(SYN4, { 9: 47 })]),
    'about a later fragment': icmp(3, [...broken(SYN4, { 7: 1 })]),
    'about IPv6': icmp(3, [...SYN6]),
    'a quoted header of four words': icmp(3, [...broken(SYN4, { 0: 0x44 })]),
    'a quoted header longer than the quote': icmp(3, [...broken(SYN4, { 0: 0x4f }).slice(0, 60)]),
    'ICMPv6, seven bytes of TCP': icmp6(1, [...SYN6.slice(0, 47)]),
    'ICMPv6 about IPv4': icmp6(1, [...SYN4]),
    'ICMPv6 about another protocol': icmp6(1, [...broken(SYN6, { 6: 47 })]),
  },
};

for (const [reason, packets] of Object.entries(CASES)) {
  describe(reason, () => {
    it.each(Object.entries(packets))('%s', (_name, bytes) => {
      expect(read(bytes).reason).toBe(reason);
    });
  });
}

describe('what the kernel cut off', () => {
  it('is not missed in a checksum', () => {
    const long = tcpPacket({
      source: A,
      destination: B,
      ...TCP,
      flags: 0x18,
      payload: new Array<number>(500).fill(9),
    });
    const { reason, packet } = read(long.slice(0, 200), long.length);
    expect(reason).toBe('ok');
    expect(packet).toMatchObject({ payload: 40, end: 200 });
    expect(read(long.slice(0, 200)).reason).toBe('ip-total-length');
  });

  it('is missed where a header is cut', () => {
    expect(read(SYN4.slice(0, 50), 60).reason).toBe('tcp-header-length');
    expect(read(SYN4.slice(0, 39), 60).reason).toBe('truncated');
    expect(read(HOST_UNREACHABLE4.slice(0, 50), 56).reason).toBe('icmp-quote');
    expect(read(HOST_UNREACHABLE4.slice(0, 27), 56).reason).toBe('truncated');
  });
});

describe('UDP', () => {
  it('is read with its payload', () => {
    const { packet } = read(udp({ surplus: [9, 9] }));
    expect(packet).toMatchObject({ sourcePort: 1025, destinationPort: 53, transport: 20 });
    expect(packet).toMatchObject({ payload: 28, payloadEnd: 31, end: 33 });
    expect(read(udp6({ payload: [] })).packet).toMatchObject({ payload: 48, payloadEnd: 48, end: 48 });
  });

  it('what is behind it is no part of its checksum', () => {
    expect(read(broken(udp({ surplus: [1, 2, 3] }), { 32: 9 })).reason).toBe('ok');
  });

  it('is of another kind where the kernel has cut it off: nobody looks into it', () => {
    const long = udp({ payload: new Array<number>(500).fill(9) });
    const { reason, packet } = read(long.slice(0, 200), long.length);
    expect(reason).toBe('ip-protocol');
    expect(packet).toMatchObject({ payload: 28, payloadEnd: 200, end: 200 });
  });
});

describe('an error about UDP', () => {
  it.each([
    ['IPv4', icmp(3, [...udp()]), A],
    ['IPv4, with options', icmp(11, [...udp({ options: [7, 7, 4, 0, 0, 0, 0, 0] })]), A],
    ['IPv4, no more than eight bytes', icmp(3, [...udp().slice(0, 28)]), A],
    ['IPv6', icmp6(1, [...udp6()]), A6],
    ['IPv6, no more than eight bytes', icmp6(2, [...udp6().slice(0, 48)]), A6],
  ])('%s', (_, bytes, source) => {
    const { reason, packet } = read(bytes);
    const { quote } = packet;
    expect(reason).toBe('ok');
    const { source: from, transport, view } = read(source === A ? udp() : udp6()).packet;
    const sequence = view.getInt32(transport + 4);
    expect(quote).toMatchObject({ protocol: 17, sourcePort: 1025, destinationPort: 53, sequence });
    expect(quote.source).toEqual(from);
  });

  it('or about nothing that can be read', () => {
    for (const quoted of [udp().slice(0, 27), broken(udp(), { 9: 50 }), broken(udp(), { 7: 1 })])
      expect(read(icmp(3, [...quoted])).packet.quote.protocol).toBe(0);
  });
});

it('has a number for every reason', () => {
  expect(Object.values(DECODE)).toEqual(DECODE_REASONS.map((_, i) => i));
});
