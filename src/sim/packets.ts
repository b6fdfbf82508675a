/** Packets as the hosts and routers of the simulation make, read and translate them: real bytes, real checksums. */
import { type AddressWords, familyOf, writeAddress } from '../model/address.js';
import { transportOffset } from '../wire/build.js';
import { addBytes, finish, pseudoHeader } from '../wire/checksum.js';
import { createPacket, DECODE, decode, FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { viewed } from '../wire/viewed-bytes.js';
import type { PacketKind } from './scenario.js';

export interface Endpoint {
  readonly address: AddressWords;
  readonly port: number;
}

export interface Segment {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  /** TCP options as bytes; padded with zeros to full words. */
  readonly options?: readonly number[];
  /** Bytes of payload; which ones, where they matter. */
  readonly data?: number;
  readonly payload?: Uint8Array;
  readonly ttl?: number;
  /** Bytes of IPv4 options (a multiple of 4), all of them NOPs. */
  readonly ipOptions?: number;
}

/** What a Linux client puts on a SYN: MSS 1460, SACK permitted, timestamps, window scale 7. */
export const SYN_OPTIONS: readonly number[] = [
  2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, 3, 3, 7,
];
/** What a Linux server puts on a SYN+ACK. */
export const SYN_ACK_OPTIONS: readonly number[] = [2, 4, 5, 180, 4, 2, 1, 3, 3, 7, 1, 1];

const DEFAULT_TTL = 64;
const WINDOW = 64_240;

export function tcpPacket(segment: Segment): Uint8Array {
  const options = segment.options ?? [];
  const headerLength = 20 + Math.ceil(options.length / 4) * 4;
  const length = headerLength + (segment.payload?.length ?? segment.data ?? 0);
  const { bytes, view, at } = startPacket(
    segment.from.address,
    segment.to.address,
    PROTOCOL.TCP,
    length,
    segment,
  );
  view.setUint16(at, segment.from.port);
  view.setUint16(at + 2, segment.to.port);
  view.setInt32(at + 4, segment.sequence);
  view.setInt32(at + 8, segment.acknowledgement);
  view.setUint8(at + 12, (headerLength / 4) << 4);
  view.setUint8(at + 13, segment.flags);
  view.setUint16(at + 14, (segment.flags & FLAG.RST) !== 0 ? 0 : WINDOW);
  bytes.set(options, at + 20);
  bytes.fill(0x2e, at + headerLength);
  if (segment.payload !== undefined) bytes.set(segment.payload, at + headerLength);
  seal(bytes, view);
  return bytes;
}

export interface Datagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly payload: Uint8Array;
  readonly ttl?: number;
}

export function udpPacket({ from, to, payload, ...ip }: Datagram): Uint8Array {
  const length = UDP_HEADER + payload.length;
  const { bytes, view, at } = startPacket(from.address, to.address, PROTOCOL.UDP, length, ip);
  view.setUint16(at, from.port);
  view.setUint16(at + 2, to.port);
  view.setUint16(at + 4, length);
  bytes.set(payload, at + UDP_HEADER);
  seal(bytes, view);
  return bytes;
}
const UDP_HEADER = 8;

export interface IcmpError {
  readonly from: AddressWords;
  readonly to: AddressWords;
  readonly type: number;
  readonly code: number;
  readonly mtu?: number;
  /** The packet it is about; as much of it is quoted as `quoteBytes` says. */
  readonly quote: Uint8Array;
  /** Default: all that RFC 1812 and RFC 4443 allow. */
  readonly quoteBytes?: number;
}

export function icmpPacket(error: IcmpError): Uint8Array {
  const four = familyOf(error.from) === 4;
  const most = error.quoteBytes ?? (four ? 548 : 1232);
  const quote = error.quote.subarray(0, most);
  const protocol = four ? PROTOCOL.ICMP : PROTOCOL.ICMPV6;
  const { bytes, view, at } = startPacket(error.from, error.to, protocol, 8 + quote.length, {});
  bytes[at] = error.type;
  bytes[at + 1] = error.code;
  view.setUint32(at + 4, error.mtu ?? 0);
  bytes.set(quote, at + 8);
  seal(bytes, view);
  return bytes;
}

/** Decodes with the gateway's own codec; null when it is not a packet that the simulation knows. */
export function readPacket(bytes: Uint8Array): Packet | null {
  const packet = createPacket();
  return decode(packet, viewed(bytes), 0, bytes.length) === DECODE.OK ? packet : null;
}

/** Reads one packet after the other into the same value: what it gives is valid until the next. */
export class PacketReader {
  private readonly packet = createPacket();

  read(bytes: Uint8Array): Packet | null {
    return decode(this.packet, viewed(bytes), 0, bytes.length) === DECODE.OK ? this.packet : null;
  }
}

/** Bytes of TCP payload. */
export function dataLength(packet: Packet): number {
  return packet.end - packet.payload;
}

/** What a packet of UDP carries; a copy. */
export function payloadOf(bytes: Uint8Array, { payload, payloadEnd }: Packet): Uint8Array {
  return bytes.slice(payload, payloadEnd);
}

export function kindOf(packet: Packet): PacketKind {
  if (packet.protocol === PROTOCOL.UDP) return 'udp';
  if (packet.protocol !== PROTOCOL.TCP) return 'icmp-error';
  const { flags } = packet;
  if ((flags & FLAG.RST) !== 0) return 'rst';
  if ((flags & FLAG.SYN) !== 0) return (flags & FLAG.ACK) !== 0 ? 'synack' : 'syn';
  if (dataLength(packet) > 0) return 'data';
  if ((flags & FLAG.FIN) !== 0) return 'fin';
  return (flags & FLAG.ACK) !== 0 ? 'ack' : 'other';
}

/** A copy of a packet of TCP or UDP with another source or destination, checksums made anew: what NAT does. */
export function translated(
  bytes: Uint8Array,
  change: { source?: Endpoint; destination?: Endpoint },
): Uint8Array {
  const copy = bytes.slice();
  const { view } = viewed(copy);
  const { source, destination } = change;
  const four = copy[0] >>> 4 === 4;
  const transport = transportOf(copy, view);
  if (source !== undefined) {
    writeAddress(four ? 4 : 6, source.address, 0, view, four ? 12 : 8);
    view.setUint16(transport, source.port);
  }
  if (destination !== undefined) {
    writeAddress(four ? 4 : 6, destination.address, 0, view, four ? 16 : 24);
    view.setUint16(transport + 2, destination.port);
  }
  seal(copy, view);
  return copy;
}

/** A copy of a packet with TCP options of the given kinds overwritten by NOPs. */
export function withoutOptions(bytes: Uint8Array, kinds: readonly number[]): Uint8Array {
  if (kinds.length === 0 || protocolOf(bytes) !== PROTOCOL.TCP) return bytes;
  const copy = bytes.slice();
  const { view } = viewed(copy);
  const transport = transportOffset(copy, view, 0);
  const end = transport + (copy[transport + 12] >>> 4) * 4;
  let at = transport + 20;
  while (at < end && copy[at] !== 0) {
    const length = copy[at] === 1 ? 1 : copy[at + 1];
    if (kinds.includes(copy[at])) copy.fill(1, at, at + length);
    at += Math.max(1, length);
  }
  seal(copy, view);
  return copy;
}

/** A name for a pair of ends, the same for equal pairs. */
export function tupleKey(a: AddressWords, aPort: number, b: AddressWords, bPort: number): string {
  return `${addressKey(a)}.${aPort}>${addressKey(b)}.${bPort}`;
}

/** The same for the flow that a packet is of, as whoever has sent it names it. */
export function flowKeyOf({ protocol, source, sourcePort, destination, destinationPort }: Packet): string {
  return flowKey(protocol, source, sourcePort, destination, destinationPort);
}

/** A name for a flow of TCP or UDP. */
export function flowKey(protocol: number, ...ends: Parameters<typeof tupleKey>): string {
  return protocol === PROTOCOL.TCP ? tupleKey(...ends) : `${protocol} ${tupleKey(...ends)}`;
}

/** A name for an address, the same for equal ones: not for people, and made quickly. */
export function addressKey(words: AddressWords): string {
  if (familyOf(words) === 4) return String(words[3]);
  return `${words[0]},${words[1]},${words[2]},${words[3]}`;
}

function startPacket(
  from: AddressWords,
  to: AddressWords,
  protocol: number,
  length: number,
  ip: { readonly ttl?: number; readonly ipOptions?: number },
): { bytes: Uint8Array; view: DataView; at: number } {
  const four = familyOf(from) === 4;
  const at = four ? 20 + (ip.ipOptions ?? 0) : 40;
  const bytes = new Uint8Array(at + length);
  const { view } = viewed(bytes);
  if (four) {
    bytes[0] = 0x40 | (at / 4);
    view.setUint16(2, bytes.length);
    view.setUint16(6, 0x4000);
    bytes[8] = ip.ttl ?? DEFAULT_TTL;
    bytes[9] = protocol;
    writeAddress(4, from, 0, view, 12);
    writeAddress(4, to, 0, view, 16);
    bytes.fill(1, 20, at);
  } else {
    bytes[0] = 0x60;
    view.setUint16(4, length);
    bytes[6] = protocol;
    bytes[7] = ip.ttl ?? DEFAULT_TTL;
    writeAddress(6, from, 0, view, 8);
    writeAddress(6, to, 0, view, 24);
  }
  return { bytes, view, at };
}

/** Makes all checksums of a packet anew. */
function seal(bytes: Uint8Array, view: DataView): void {
  const four = bytes[0] >>> 4 === 4;
  const protocol = protocolOf(bytes);
  const at = transportOf(bytes, view);
  if (four) {
    view.setUint16(10, 0);
    view.setUint16(10, finish(addBytes(0, view, 0, at)));
  }
  const length = bytes.length - at;
  const field = at + (protocol === PROTOCOL.TCP ? 16 : protocol === PROTOCOL.UDP ? 6 : 2);
  view.setUint16(field, 0);
  const pseudo = protocol === PROTOCOL.ICMP ? 0 : pseudoHeader(view, 0, four ? 4 : 6, protocol, length);
  view.setUint16(field, finish(addBytes(pseudo, view, at, length)));
}

/** Nothing but TCP has extension headers before it here. */
function transportOf(bytes: Uint8Array, view: DataView): number {
  if (bytes[0] >>> 4 === 4) return (bytes[0] & 15) * 4;
  return protocolOf(bytes) === PROTOCOL.UDP || protocolOf(bytes) === PROTOCOL.ICMPV6
    ? 40
    : transportOffset(bytes, view, 0);
}

function protocolOf(bytes: Uint8Array): number {
  return bytes[0] >>> 4 === 4 ? bytes[9] : bytes[6];
}
