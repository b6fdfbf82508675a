/**
 * One decoded packet: a reused object over bytes that stay where they are, so that decoding allocates nothing.
 * `decode` checks every length once; after it has returned OK no field points outside the packet.
 */
import { type AddressWords, type Family, readAddress } from '../model/address.js';
import type { DecodeReason } from '../model/reasons.js';
import { DECODE_REASONS } from '../model/reasons.js';
import { addBytes, finish, pseudoHeader } from './checksum.js';
import { scanOptions } from './tcp-options.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58 } as const;

/** TCP flags (RFC 9293 section 3.1). */
export const FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

const code = (reason: DecodeReason): number => DECODE_REASONS.indexOf(reason);

/** Results of `decode` as numbers: indexes into DECODE_REASONS. */
export const DECODE = {
  OK: code('ok'),
  TRUNCATED: code('truncated'),
  VERSION: code('ip-version'),
  HEADER_LENGTH: code('ip-header-length'),
  TOTAL_LENGTH: code('ip-total-length'),
  HEADER_CHECKSUM: code('ip-header-checksum'),
  FRAGMENT: code('ip-fragment'),
  EXTENSION: code('ip-extension-header'),
  PROTOCOL: code('ip-protocol'),
  ADDRESS: code('ip-address'),
  TCP_HEADER: code('tcp-header-length'),
  TCP_CHECKSUM: code('tcp-checksum'),
  TCP_FLAGS: code('tcp-flags'),
  PORT_ZERO: code('tcp-port-zero'),
  TCP_OPTIONS: code('tcp-options'),
  UDP_LENGTH: code('udp-length'),
  UDP_CHECKSUM: code('udp-checksum'),
  ICMP_CHECKSUM: code('icmp-checksum'),
  ICMP_TYPE: code('icmp-type'),
  ICMP_QUOTE: code('icmp-quote'),
} as const;

/**
 * The reused view of one packet. Fields of TCP are valid iff protocol is TCP, of ICMP iff it is ICMP or ICMPv6; ports and payload for
 * UDP as well.
 */
export interface Packet {
  /** The bytes; `start` is the first byte of the IP header, `end` the one after the last. */
  view: DataView;
  bytes: Uint8Array;
  start: number;
  end: number;
  family: Family;
  protocol: number;
  /** Time to live or hop limit as it arrived. */
  ttl: number;
  /** IPv4 options or IPv6 extension headers are present. */
  hasIpOptions: boolean;
  readonly source: AddressWords;
  readonly destination: AddressWords;
  /** Offset of the transport header. */
  transport: number;
  /** All of it is there: nothing was cut off on its way to us. */
  isWhole: boolean;

  sourcePort: number;
  destinationPort: number;
  /** Sequence and acknowledgement numbers as signed 32-bit integers; compare with `=== (x | 0)`. */
  sequence: number;
  acknowledgement: number;
  flags: number;
  /** Offset of the first byte after the TCP or UDP header. */
  payload: number;
  /** Offset after the last byte of the payload that is there. Behind that of UDP there may be more (RFC 9868). */
  payloadEnd: number;
  /** Bits of OPTION that the TCP header carries. */
  options: number;
  /** Offset of the value of the MSS option, 0 when there is none. */
  mssAt: number;

  icmpType: number;
  icmpCode: number;
  /** MTU of ICMP 3/4 and ICMPv6 type 2, else 0. */
  icmpMtu: number;
  /** The packet that an ICMP error quotes. */
  readonly quote: Quote;
}

/** What an ICMP error tells about the packet that it is about: enough to find and verify an attempt. */
export interface Quote {
  /** Number of its IP protocol; 0 when nothing is quoted that can be read. */
  protocol: number;
  readonly source: AddressWords;
  readonly destination: AddressWords;
  sourcePort: number;
  destinationPort: number;
  /** Of UDP the word behind the ports: its length and its checksum. */
  sequence: number;
}

/** An empty view to decode into. */
export function createPacket(): Packet {
  const bytes = new Uint8Array(0);
  return {
    view: new DataView(bytes.buffer),
    bytes,
    start: 0,
    end: 0,
    family: 4,
    protocol: 0,
    ttl: 0,
    hasIpOptions: false,
    source: new Int32Array(4),
    destination: new Int32Array(4),
    transport: 0,
    isWhole: false,
    sourcePort: 0,
    destinationPort: 0,
    sequence: 0,
    acknowledgement: 0,
    flags: 0,
    payload: 0,
    payloadEnd: 0,
    options: 0,
    mssAt: 0,
    icmpType: 0,
    icmpCode: 0,
    icmpMtu: 0,
    quote: {
      protocol: PROTOCOL.TCP,
      source: new Int32Array(4),
      destination: new Int32Array(4),
      sourcePort: 0,
      destinationPort: 0,
      sequence: 0,
    },
  };
}

/**
 * Decodes the IP packet from `start` to before `end`. `wireLength` is its length on the wire: when the kernel handed
 * over less of it (copy range), checksums over the missing part are left to the kernel. Returns a DECODE value.
 */
export function decode(
  packet: Packet,
  { bytes, view }: ViewedBytes,
  start: number,
  end: number,
  wireLength = end - start,
): number {
  packet.bytes = bytes;
  packet.view = view;
  packet.start = start;
  packet.end = end;
  packet.isWhole = false;
  if (end - start < 20) return DECODE.TRUNCATED;
  const version = view.getUint8(start) >>> 4;
  if (version === 4) return decodeIpv4(packet, wireLength);
  if (version === 6) return decodeIpv6(packet, wireLength);
  return DECODE.VERSION;
}

/** RFC 791 section 3.1. */
function decodeIpv4(packet: Packet, wireLength: number): number {
  const { view, start } = packet;
  const headerLength = (view.getUint8(start) & 15) * 4;
  if (headerLength < 20 || start + headerLength > packet.end) return DECODE.HEADER_LENGTH;
  const total = view.getUint16(start + 2);
  if (total < headerLength || total > wireLength) return DECODE.TOTAL_LENGTH;
  if (finish(addBytes(0, view, start, headerLength)) !== 0) return DECODE.HEADER_CHECKSUM;
  if ((view.getUint16(start + 6) & 0x3fff) !== 0) return DECODE.FRAGMENT;
  packet.family = 4;
  packet.ttl = view.getUint8(start + 8);
  packet.protocol = view.getUint8(start + 9);
  packet.hasIpOptions = headerLength > 20;
  readAddress(4, view, start + 12, packet.source);
  readAddress(4, view, start + 16, packet.destination);
  if (!isUnicast4(packet.source[3]) || !isUnicast4(packet.destination[3])) return DECODE.ADDRESS;
  return decodeTransport(packet, start + headerLength, total - headerLength, wireLength);
}

/** RFC 8200 sections 3 and 4. */
function decodeIpv6(packet: Packet, wireLength: number): number {
  const { view, start } = packet;
  if (packet.end - start < 40) return DECODE.TRUNCATED;
  const total = 40 + view.getUint16(start + 4);
  if (total > wireLength) return DECODE.TOTAL_LENGTH;
  packet.family = 6;
  packet.ttl = view.getUint8(start + 7);
  readAddress(6, view, start + 8, packet.source);
  readAddress(6, view, start + 24, packet.destination);
  if (!isUnicast6(packet.source) || !isUnicast6(packet.destination)) return DECODE.ADDRESS;
  let next = view.getUint8(start + 6);
  let offset = start + 40;
  packet.hasIpOptions = false;
  for (let headers = 0; isExtension(next); headers++) {
    if (next === FRAGMENT_HEADER) return DECODE.FRAGMENT;
    if (headers === MAX_EXTENSION_HEADERS || offset + 8 > packet.end) return DECODE.EXTENSION;
    packet.hasIpOptions = true;
    const length = (view.getUint8(offset + 1) + 1) * 8;
    next = view.getUint8(offset);
    offset += length;
  }
  if (offset > packet.end || offset - start > total) return DECODE.EXTENSION;
  packet.protocol = next;
  return decodeTransport(packet, offset, total - (offset - start), wireLength);
}

/** No host sends more; a longer chain is an attack on parsers. */
const MAX_EXTENSION_HEADERS = 8;
const FRAGMENT_HEADER = 44;

/** Hop-by-hop, routing, fragment, destination options (RFC 8200 section 4.1). */
function isExtension(next: number): boolean {
  return next === 0 || next === 43 || next === FRAGMENT_HEADER || next === 60;
}

function decodeTransport(packet: Packet, offset: number, length: number, wireLength: number): number {
  packet.transport = offset;
  packet.sourcePort = 0;
  packet.destinationPort = 0;
  const complete = packet.end - packet.start >= wireLength;
  packet.isWhole = complete;
  if (complete) packet.end = offset + length;
  if (packet.protocol === PROTOCOL.TCP) {
    const result = decodeTcp(packet, length);
    return result === DECODE.OK && complete && !isIntact(packet, length) ? DECODE.TCP_CHECKSUM : result;
  }
  if (packet.protocol === (packet.family === 4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6)) {
    if (length < 8 || offset + 8 > packet.end) return DECODE.TRUNCATED;
    if (complete && !isIntact(packet, length)) return DECODE.ICMP_CHECKSUM;
    return decodeIcmpError(packet, offset);
  }
  return packet.protocol === PROTOCOL.UDP ? decodeUdp(packet, length, complete) : DECODE.PROTOCOL;
}

const UDP_HEADER = 8;

/**
 * RFC 768. A checksum of 0 is none; over IPv6 some tunnels have none either (RFC 6935). What is not there as a whole is carried, and not looked
 * into: DECODE.PROTOCOL.
 */
function decodeUdp(packet: Packet, length: number, complete: boolean): number {
  const { view, transport } = packet;
  if (length < UDP_HEADER || transport + UDP_HEADER > packet.end) return DECODE.TRUNCATED;
  const own = view.getUint16(transport + 4);
  if (own < UDP_HEADER || own > length) return DECODE.UDP_LENGTH;
  packet.sourcePort = view.getUint16(transport);
  packet.destinationPort = view.getUint16(transport + 2);
  packet.payload = transport + UDP_HEADER;
  packet.payloadEnd = Math.min(transport + own, packet.end);
  const isSealed = view.getUint16(transport + 6) !== 0;
  if (!complete) return DECODE.PROTOCOL;
  return isSealed && !isIntact(packet, own) ? DECODE.UDP_CHECKSUM : DECODE.OK;
}

/** Whether the transport checksum fits; the pseudo header is part of it for all but ICMP. */
function isIntact(packet: Packet, length: number): boolean {
  const { view, start, family, protocol, transport } = packet;
  const pseudo = protocol === PROTOCOL.ICMP ? 0 : pseudoHeader(view, start, family, protocol, length);
  return finish(addBytes(pseudo, view, transport, length)) === 0;
}

/** RFC 9293 section 3.1. */
function decodeTcp(packet: Packet, length: number): number {
  const { view, transport } = packet;
  if (length < 20 || transport + 20 > packet.end) return DECODE.TRUNCATED;
  const headerLength = (view.getUint8(transport + 12) >>> 4) * 4;
  if (headerLength < 20 || headerLength > length || transport + headerLength > packet.end) {
    return DECODE.TCP_HEADER;
  }
  packet.sourcePort = view.getUint16(transport);
  packet.destinationPort = view.getUint16(transport + 2);
  packet.sequence = view.getInt32(transport + 4);
  packet.acknowledgement = view.getInt32(transport + 8);
  packet.flags = view.getUint8(transport + 13);
  packet.payload = transport + headerLength;
  packet.payloadEnd = packet.end;
  if (packet.sourcePort === 0 || packet.destinationPort === 0) return DECODE.PORT_ZERO;
  const { flags } = packet;
  if ((flags & FLAG.SYN) !== 0 && (flags & (FLAG.FIN | FLAG.RST)) !== 0) return DECODE.TCP_FLAGS;
  return scanOptions(packet) ? DECODE.OK : DECODE.TCP_OPTIONS;
}

/** Destination unreachable, time exceeded, parameter problem, packet too big (RFC 792, RFC 4443). */
function decodeIcmpError(packet: Packet, offset: number): number {
  const { view } = packet;
  packet.icmpType = view.getUint8(offset);
  packet.icmpCode = view.getUint8(offset + 1);
  packet.icmpMtu = 0;
  if (packet.family === 4) {
    if (packet.icmpType !== 3 && packet.icmpType !== 11 && packet.icmpType !== 12) return DECODE.ICMP_TYPE;
    if (packet.icmpType === 3 && packet.icmpCode === 4) packet.icmpMtu = view.getUint16(offset + 6);
  } else {
    if (packet.icmpType < 1 || packet.icmpType > 4) return DECODE.ICMP_TYPE;
    if (packet.icmpType === 2) packet.icmpMtu = view.getUint32(offset + 4);
  }
  return decodeQuote(packet, offset + 8) ? DECODE.OK : DECODE.ICMP_QUOTE;
}

/**
 * The quoted IP header and the first 8 bytes of TCP or UDP: what RFC 792 guarantees, and enough to verify (RFC 5927).
 */
function decodeQuote(packet: Packet, offset: number): boolean {
  const { view, end, quote, family } = packet;
  const length = family === 4 ? 20 : 40;
  quote.protocol = 0;
  if (offset + length + 8 > end || view.getUint8(offset) >>> 4 !== family) return false;
  const protocol = view.getUint8(offset + (family === 4 ? 9 : 6));
  if (protocol !== PROTOCOL.TCP && protocol !== PROTOCOL.UDP) return false;
  let transport = offset + length;
  if (family === 4) {
    const headerLength = (view.getUint8(offset) & 15) * 4;
    if (headerLength < 20 || (view.getUint16(offset + 6) & 0x1fff) !== 0) return false;
    transport = offset + headerLength;
  }
  if (transport + 8 > end) return false;
  readAddress(family, view, offset + (family === 4 ? 12 : 8), quote.source);
  readAddress(family, view, offset + (family === 4 ? 16 : 24), quote.destination);
  quote.protocol = protocol;
  quote.sourcePort = view.getUint16(transport);
  quote.destinationPort = view.getUint16(transport + 2);
  quote.sequence = view.getInt32(transport + 4);
  return true;
}

/** Not 0/8, 127/8, 224/4, 240/4 (RFC 6890). */
function isUnicast4(word: number): boolean {
  const first = word >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

/** Not unspecified, loopback, multicast or IPv4-mapped (RFC 4291). */
function isUnicast6(words: AddressWords): boolean {
  if (words[0] >>> 24 === 0xff) return false;
  if (words[0] === 0 && words[1] === 0 && (words[2] === 0xffff || words[2] === 0)) return false;
  return true;
}
