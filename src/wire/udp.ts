/**
 * Copies of a datagram with one of its ends translated: over another route for the client, back to the client for a server. All else is
 * byte for byte what it was: payload, what is behind it, options, extension headers, identification. The kernel fills in an
 * identification of 0 (raw(7), IP_HDRINCL).
 */
import { type AddressWords, type Family, writeAddress } from '../model/address.js';
import type { PacketSpace, StoredSetup } from './build.js';
import { addBytes, finish, pseudoHeader } from './checksum.js';
import { PROTOCOL } from './packet.js';

/** Longest datagram that is copied, with all headers: what an Ethernet carries. */
export const MAX_DATAGRAM_LENGTH = 1500;
/** Longest packet that is built, IP header included. */
export const MAX_DATAGRAM = 65535;
const UDP_HEADER = 8;

/** An end that takes the place of another one: four words at `at` of `address`, of the packet's family. */
export interface NewEnd {
  readonly address: AddressWords;
  readonly at: number;
  readonly port: number;
}

/**
 * Writes a stored datagram (a whole IP packet, as `decode` has read it) as it leaves by a route whose `source` this is; returns its
 * length, or 0 where it cannot be built: no room behind `space.at`, a hop limit that ends here, no datagram. Time to live one lower, as
 * for any forwarded packet. The checksums are changed by what has changed (RFC 1624), so one that is wrong stays wrong.
 */
export function buildDatagram(stored: StoredSetup, source: NewEnd, space: PacketSpace): number {
  return translate(stored, source, SOURCE, space);
}

/** The same in the opposite direction: what a server has sent to the route's address, as its client must see it. */
export function buildReply(stored: StoredSetup, destination: NewEnd, space: PacketSpace): number {
  return translate(stored, destination, DESTINATION, space);
}

/** Offsets of what is translated: in the IP header, in that of UDP. */
export interface Side {
  readonly address: Readonly<Record<Family, number>>;
  readonly port: number;
}
export const SOURCE: Side = { address: { 4: 12, 6: 8 }, port: 0 };
export const DESTINATION: Side = { address: { 4: 16, 6: 24 }, port: 2 };

/** Changes one address of the datagram at `space.at` where it is, and its checksums with it; false: there is none. */
export function turnDatagram(
  space: PacketSpace,
  length: number,
  side: Side,
  words: AddressWords,
  wordsAt: number,
): boolean {
  const { bytes, view, at } = space;
  if (length < 28) return false;
  const family: Family = bytes[at] >>> 4 === 4 ? 4 : 6;
  const header = headerLength(bytes, at, length, family);
  if (header === 0) return false;
  const address = at + side.address[family];
  const size = family === 4 ? 4 : 16;
  const before = addBytes(0, view, address, size);
  writeAddress(family, words, wordsAt, view, address);
  const change = addBytes(0, view, address, size) - before;
  if (family === 4) adjust(view, at + 10, change);
  sealUdp(space, family, at + header, change);
  return true;
}

function translate(stored: StoredSetup, end: NewEnd, side: Side, space: PacketSpace): number {
  const { bytes: out, view, at } = space;
  const { length } = stored;
  if (length < 28 || length > MAX_DATAGRAM || length > out.length - at) return 0;
  if (length > stored.bytes.length - stored.at) return 0;
  const family: Family = stored.bytes[stored.at] >>> 4 === 4 ? 4 : 6;
  const header = headerLength(stored.bytes, stored.at, length, family);
  const hops = stored.at + (family === 4 ? 8 : 7);
  if (header === 0 || stored.bytes[hops] <= 1) return 0;
  // Of 1200 bytes a view that is thrown away costs a thirtieth of a loop over them; of 70 bytes as much.
  out.set(stored.bytes.subarray(stored.at, stored.at + length), at);
  const address = at + side.address[family];
  const size = family === 4 ? 4 : 16;
  const udp = at + header;
  const before = addBytes(0, view, address, size);
  const portBefore = view.getUint16(udp + side.port);
  const hopsBefore = family === 4 ? view.getUint16(at + 8) : 0;
  writeAddress(family, end.address, end.at, view, address);
  view.setUint16(udp + side.port, end.port);
  out[at + (family === 4 ? 8 : 7)]--;
  const change = addBytes(0, view, address, size) - before;
  if (family === 4) adjust(view, at + 10, change + view.getUint16(at + 8) - hopsBefore);
  sealUdp(space, family, udp, change + end.port - portBefore);
  return length;
}

/** Length of the headers before that of UDP; 0 when there is none where it should be, or with a length that is not so. */
function headerLength(bytes: Uint8Array, at: number, length: number, family: Family): number {
  let header = 40;
  let next = bytes[at + 6];
  if (family === 4) {
    header = (bytes[at] & 15) * 4;
    next = bytes[at + 9];
    if (header < 20) return 0;
  } else {
    // Each has eight bytes or more.
    while (next !== PROTOCOL.UDP && header + 8 <= length) {
      next = bytes[at + header];
      header += (bytes[at + header + 1] + 1) * 8;
    }
  }
  if (next !== PROTOCOL.UDP || header + UDP_HEADER > length) return 0;
  const own = (bytes[at + header + 4] << 8) | bytes[at + header + 5];
  return own >= UDP_HEADER && own <= length - header ? header : 0;
}

/** HC' = ~(~HC + change), where `change` is the sum of the words that are new less that of the old ones (RFC 1624 section 3). */
function adjust(view: DataView, at: number, change: number): void {
  view.setUint16(at, finish((~view.getUint16(at) & 0xffff) + notNegative(change)));
}

/** The same number in ones' complement arithmetic, where 0xffff is nothing. */
function notNegative(change: number): number {
  return change < 0 ? change + Math.ceil(-change / 0xffff) * 0xffff : change;
}

/** None stays none over IPv4; IPv6 has no datagram without (RFC 8200 section 8.1). One that comes out as 0 is sent as 0xffff (RFC 768). */
function sealUdp({ view, at }: PacketSpace, family: Family, udp: number, change: number): void {
  const field = udp + 6;
  if (view.getUint16(field) === 0) {
    if (family === 4) return;
    const length = view.getUint16(udp + 4);
    const sum = pseudoHeader(view, at, 6, PROTOCOL.UDP, length);
    view.setUint16(field, finish(addBytes(sum, view, udp, length)));
  } else adjust(view, field, change);
  if (view.getUint16(field) === 0) view.setUint16(field, 0xffff);
}
