/** Packets that the gateway sends itself: copies of a set-up packet, resets, and the one translated error. */
import { type AddressWords, type Family, writeAddress } from '../model/address.js';
import { addBytes, finish, pseudoHeader } from './checksum.js';
import { FLAG, type Packet, PROTOCOL } from './packet.js';
import { editOptions } from './tcp-options.js';
import type { ViewedBytes } from './viewed-bytes.js';

/** Longest set-up packet that is copied, headers only: IPv6 (40), TCP with all options (60), and some extension headers. */
export const MAX_SETUP_LENGTH = 128;
/** Longest packet that any function of this file writes, but for segments with data. */
export const MAX_BUILT_LENGTH = MAX_SETUP_LENGTH + 48;
/** Headers of the segments that are written here, IPv6. */
export const MAX_SEGMENT_HEADER = 60;

/** Where a packet is written: at `at`. */
export interface PacketSpace extends ViewedBytes {
  at: number;
}

/** A stored set-up packet: `length` bytes at `at`. */
export interface StoredSetup {
  bytes: Uint8Array;
  at: number;
  length: number;
}

/** Length of the headers of a set-up packet: what `storeSetup` keeps. */
export function setupLength(packet: Packet): number {
  return packet.payload - packet.start;
}

/**
 * Keeps the headers of a set-up packet for its copies: lengths and checksums are made when a copy is.
 * Data on the SYN is left out; the client sends it again when only its SYN is acknowledged (RFC 9293 3.10.7.3).
 */
export function storeSetup(packet: Packet, out: Uint8Array, offset: number): number {
  const length = setupLength(packet);
  // A byte loop beats a subarray here: nothing is allocated for each packet.
  for (let i = 0; i < length; i++) out[offset + i] = packet.bytes[packet.start + i];
  return length;
}

/** What differs between the copies of one race. */
export interface CopyFields {
  /** Source address: four words at `sourceAt` of `source`. */
  source: AddressWords;
  sourceAt: number;
  sourcePort: number;
  /** Highest MSS the route can carry. */
  mss: number;
  /** Without what servers answer differently on each connection: one may then be shown to the client in the place of another. */
  isPlain: boolean;
}

/**
 * Writes one copy of stored set-up headers; returns its length. Time to live one lower, as for any
 * forwarded packet; IP identification and header checksum of IPv4 are filled in by the kernel (raw(7), IP_HDRINCL).
 */
export function buildCopy(setup: StoredSetup, fields: CopyFields, space: PacketSpace): number {
  const { bytes: out, view, at: offset } = space;
  const { length } = setup;
  for (let i = 0; i < length; i++) out[offset + i] = setup.bytes[setup.at + i];
  const family: Family = out[offset] >>> 4 === 4 ? 4 : 6;
  const transport = offset + transportOffset(out, view, offset);
  if (family === 4) {
    view.setUint16(offset + 2, length);
    view.setUint8(offset + 8, view.getUint8(offset + 8) - 1);
    view.setUint16(offset + 10, 0);
    writeAddress(4, fields.source, fields.sourceAt, view, offset + 12);
    view.setUint16(offset + 10, finish(addBytes(0, view, offset, transport - offset)));
  } else {
    view.setUint16(offset + 4, length - 40);
    view.setUint8(offset + 7, view.getUint8(offset + 7) - 1);
    writeAddress(6, fields.source, fields.sourceAt, view, offset + 8);
  }
  view.setUint16(transport, fields.sourcePort);
  if (fields.isPlain) clearEcn(view, transport);
  editOptions(view, transport + 20, offset + length, fields.mss, fields.isPlain);
  sealTcp(space, family, transport, offset + length);
  return length;
}

/** What is negotiated of congestion notification depends on the path (RFC 3168 section 6.1.1; AccECN: RFC 9768). */
function clearEcn(view: DataView, transport: number): void {
  view.setUint8(transport + 12, view.getUint8(transport + 12) & 0xf0);
  view.setUint8(transport + 13, view.getUint8(transport + 13) & ~(FLAG.ECE | FLAG.CWR));
}

/** Offset of the TCP header in a packet that `decode` has accepted. */
export function transportOffset(bytes: Uint8Array, view: DataView, offset: number): number {
  if (bytes[offset] >>> 4 === 4) return (bytes[offset] & 15) * 4;
  let next = view.getUint8(offset + 6);
  let at = 40;
  while (next !== PROTOCOL.TCP) {
    next = view.getUint8(offset + at);
    at += (view.getUint8(offset + at + 1) + 1) * 8;
  }
  return at;
}

/** Both ends of a packet that is built from nothing. */
export interface Ends {
  family: Family;
  source: AddressWords;
  sourceAt: number;
  sourcePort: number;
  destination: AddressWords;
  destinationAt: number;
  destinationPort: number;
}

const NEW_PACKET_TTL = 64;

/**
 * Writes a reset; returns its length. Without acknowledgement (`ack` null) it is the one for an unwanted SYN+ACK:
 * <SEQ=SEG.ACK><CTL=RST> (RFC 9293 section 3.5.2 group 2). With it, the answer to a SYN: <SEQ=0><ACK=ISN+1><CTL=RST,ACK>.
 */
export function buildReset(ends: Ends, sequence: number, ack: number | null, space: PacketSpace): number {
  return buildTcp(ends, sequence, ack ?? 0, ack === null ? FLAG.RST : FLAG.RST | FLAG.ACK, space);
}

/** Writes a bare segment without options or data; returns its length. */
export function buildTcp(
  ends: Ends,
  sequence: number,
  acknowledgement: number,
  flags: number,
  space: PacketSpace,
): number {
  return buildSegment(ends, { sequence, acknowledgement, flags, window: 0, data: NO_DATA }, space);
}

/** What a segment without options says; `window` as it is in the header. */
export interface Segment {
  sequence: number;
  acknowledgement: number;
  flags: number;
  window: number;
  data: StoredSetup;
}

const NO_DATA: StoredSetup = { bytes: new Uint8Array(0), at: 0, length: 0 };

/** Writes a segment; returns its length. There is room for MAX_SEGMENT_HEADER and the data. */
export function buildSegment(ends: Ends, segment: Segment, space: PacketSpace): number {
  const { bytes: out, view } = space;
  const { sequence, acknowledgement, flags, window, data } = segment;
  const transport = writeIp(ends, PROTOCOL.TCP, 20 + data.length, space);
  view.setUint16(transport, ends.sourcePort);
  view.setUint16(transport + 2, ends.destinationPort);
  view.setInt32(transport + 4, sequence);
  view.setInt32(transport + 8, acknowledgement);
  view.setUint8(transport + 12, 5 << 4);
  view.setUint8(transport + 13, flags);
  view.setUint32(transport + 14, window << 16);
  view.setUint16(transport + 18, 0);
  for (let i = 0; i < data.length; i++) out[transport + 20 + i] = data.bytes[data.at + i];
  const end = transport + 20 + data.length;
  sealTcp(space, ends.family, transport, end);
  return end - space.at;
}

/**
 * Writes the ICMP or ICMPv6 error about a stored set-up packet, as the client must see it: from the router that
 * sent it, quoting the client's own packet (RFC 5508 section 4.2). Returns its length.
 */
export function buildIcmpError(
  ends: Ends,
  type: number,
  code: number,
  setup: StoredSetup,
  space: PacketSpace,
): number {
  const { bytes: out, view } = space;
  const protocol = ends.family === 4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6;
  const quoted = Math.min(setup.length, MAX_SETUP_LENGTH);
  const length = 8 + quoted;
  const icmp = writeIp(ends, protocol, length, space);
  view.setUint8(icmp, type);
  view.setUint8(icmp + 1, code);
  view.setUint16(icmp + 2, 0);
  view.setUint32(icmp + 4, 0);
  for (let i = 0; i < quoted; i++) out[icmp + 8 + i] = setup.bytes[setup.at + i];
  const pseudo = ends.family === 4 ? 0 : pseudoHeader(view, space.at, 6, protocol, length);
  view.setUint16(icmp + 2, finish(addBytes(pseudo, view, icmp, length)));
  return icmp + length - space.at;
}

function writeIp(ends: Ends, protocol: number, length: number, space: PacketSpace): number {
  const { bytes: out, view, at: offset } = space;
  if (ends.family === 4) {
    out.fill(0, offset, offset + 20);
    view.setUint8(offset, 0x45);
    view.setUint16(offset + 2, 20 + length);
    view.setUint16(offset + 6, 0x4000);
    view.setUint8(offset + 8, NEW_PACKET_TTL);
    view.setUint8(offset + 9, protocol);
    writeAddress(4, ends.source, ends.sourceAt, view, offset + 12);
    writeAddress(4, ends.destination, ends.destinationAt, view, offset + 16);
    view.setUint16(offset + 10, finish(addBytes(0, view, offset, 20)));
    return offset + 20;
  }
  view.setUint32(offset, 0x60000000);
  view.setUint16(offset + 4, length);
  view.setUint8(offset + 6, protocol);
  view.setUint8(offset + 7, NEW_PACKET_TTL);
  writeAddress(6, ends.source, ends.sourceAt, view, offset + 8);
  writeAddress(6, ends.destination, ends.destinationAt, view, offset + 24);
  return offset + 40;
}

/** Writes the checksum of a segment that goes from `transport` to `end`. */
export function sealTcp({ view, at }: PacketSpace, family: Family, transport: number, end: number): void {
  view.setUint16(transport + 16, 0);
  const sum = pseudoHeader(view, at, family, PROTOCOL.TCP, end - transport);
  view.setUint16(transport + 16, finish(addBytes(sum, view, transport, end - transport)));
}
