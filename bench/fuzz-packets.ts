/**
 * Makes packets byte by byte, with checksums of its own: an oracle for `src/wire`, which it deliberately does not use.
 * For tests and the fuzzer; clear before fast.
 */

export type Bytes = Uint8Array;

/** What all packets have. Addresses are 4 or 16 bytes and decide the family. */
export interface IpFields {
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly ttl?: number;
  readonly identification?: number;
  /** IPv4 flags and fragment offset; default: do not fragment. */
  readonly fragment?: number;
  readonly trafficClass?: number;
  /** IPv4 options, a multiple of four bytes. */
  readonly options?: readonly number[];
  /** IPv6 extension headers in front of the transport; each body is 8n - 2 bytes. */
  readonly extensions?: readonly { readonly type: number; readonly body: readonly number[] }[];
}

export interface TcpFields extends IpFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly flags: number;
  readonly window?: number;
  readonly urgent?: number;
  /** A multiple of four bytes. */
  readonly tcpOptions?: readonly number[];
  readonly payload?: readonly number[];
}

export interface IcmpFields extends IpFields {
  readonly type: number;
  readonly code: number;
  /** The second word: an MTU, a pointer. */
  readonly word?: number;
  readonly quote: readonly number[];
}

export interface UdpFields extends IpFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload?: readonly number[];
  /** Default: that of header and payload. */
  readonly length?: number;
  /** Behind the payload, and not part of it. */
  readonly surplus?: readonly number[];
}

export const TCP = 6;
export const UDP = 17;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

export function tcpPacket(fields: TcpFields): Bytes {
  const options = fields.tcpOptions ?? [];
  const segment = [
    ...be16(fields.sourcePort),
    ...be16(fields.destinationPort),
    ...be32(fields.sequence ?? 0),
    ...be32(fields.acknowledgement ?? 0),
    ((20 + options.length) / 4) << 4,
    fields.flags,
    ...be16(fields.window ?? 64240),
    ...be16(0),
    ...be16(fields.urgent ?? 0),
    ...options,
    ...(fields.payload ?? []),
  ];
  return ipPacket(fields, TCP, segment);
}

export function udpPacket(fields: UdpFields): Bytes {
  const payload = fields.payload ?? [];
  const datagram = [
    ...be16(fields.sourcePort),
    ...be16(fields.destinationPort),
    ...be16(fields.length ?? 8 + payload.length),
    ...be16(0),
    ...payload,
    ...(fields.surplus ?? []),
  ];
  return ipPacket(fields, UDP, datagram);
}

export function icmpPacket(fields: IcmpFields): Bytes {
  const message = [fields.type, fields.code, ...be16(0), ...be32(fields.word ?? 0), ...fields.quote];
  return ipPacket(fields, fields.source.length === 4 ? 1 : 58, message);
}

/** An IP packet with valid checksums around `body`. */
export function ipPacket(fields: IpFields, protocol: number, body: readonly number[]): Bytes {
  const bytes = Uint8Array.from(
    fields.source.length === 4 ? ipv4(fields, protocol, body) : ipv6(fields, protocol, body),
  );
  seal(bytes, 0, bytes.length);
  return bytes;
}

function ipv4(fields: IpFields, protocol: number, body: readonly number[]): number[] {
  const options = fields.options ?? [];
  return [
    0x40 | (5 + options.length / 4),
    fields.trafficClass ?? 0,
    ...be16(20 + options.length + body.length),
    ...be16(fields.identification ?? 0),
    ...be16(fields.fragment ?? 0x4000),
    fields.ttl ?? 64,
    protocol,
    ...be16(0),
    ...fields.source,
    ...fields.destination,
    ...options,
    ...body,
  ];
}

function ipv6(fields: IpFields, protocol: number, body: readonly number[]): number[] {
  const extensions = fields.extensions ?? [];
  const types = [...extensions.map((extension) => extension.type), protocol];
  const chain = extensions.flatMap(({ body: inner }, i) => [
    types[i + 1],
    (inner.length + 2) / 8 - 1,
    ...inner,
  ]);
  return [
    ...be32(0x60000000 | ((fields.trafficClass ?? 0) << 20)),
    ...be16(chain.length + body.length),
    types[0],
    fields.ttl ?? 64,
    ...fields.source,
    ...fields.destination,
    ...chain,
    ...body,
  ];
}

/** Where the transport of a packet begins and which it is; `null` for what cannot be told. */
export function transportOf(
  bytes: Bytes,
  start: number,
  end: number,
): { at: number; protocol: number } | null {
  if (end - start < 20) return null;
  if (bytes[start] >> 4 === 4) return { at: start + (bytes[start] & 15) * 4, protocol: bytes[start + 9] };
  if (bytes[start] >> 4 !== 6 || end - start < 40) return null;
  let protocol = bytes[start + 6];
  let at = start + 40;
  while ((protocol === 0 || protocol === 43 || protocol === 60) && at + 8 <= end) {
    protocol = bytes[at];
    at += (bytes[at + 1] + 1) * 8;
  }
  return { at, protocol };
}

/** Writes right checksums as far as the packet has room for them; the lengths in its headers are left alone. */
export function seal(bytes: Bytes, start: number, end: number): void {
  const transport = transportOf(bytes, start, end);
  if (transport === null) return;
  const { at, protocol } = transport;
  if (bytes[start] >> 4 === 4 && at <= end) {
    put16(bytes, start + 10, 0);
    put16(bytes, start + 10, ones(bytes, start, at, 0));
  }
  const field = at + checksumField(protocol);
  if (field === at || field + 2 > end) return;
  const last = transportEnd(bytes, at, end, protocol);
  put16(bytes, field, 0);
  const checksum = ones(bytes, at, last, pseudo(bytes, start, at, last, protocol));
  put16(bytes, field, protocol === UDP && checksum === 0 ? 0xffff : checksum);
}

/** Where the checksum is in the header of a transport; 0 for those that have none. */
function checksumField(protocol: number): number {
  if (protocol === TCP) return 16;
  if (protocol === UDP) return 6;
  return protocol === 1 || protocol === 58 ? 2 : 0;
}

/** UDP has a length of its own, which may be less than the packet's. */
function transportEnd(bytes: Bytes, at: number, end: number, protocol: number): number {
  return protocol === UDP ? Math.min(end, at + get16(bytes, at + 4)) : end;
}

/** Whether every checksum of the packet is right. UDP over IPv4 may have none. */
export function isSealed(bytes: Bytes, start: number, end: number): boolean {
  const transport = transportOf(bytes, start, end);
  if (transport === null) return false;
  const { at, protocol } = transport;
  if (bytes[start] >> 4 === 4 && ones(bytes, start, at, 0) !== 0) return false;
  if (protocol === UDP && bytes[start] >> 4 === 4 && get16(bytes, at + 6) === 0) return true;
  const last = transportEnd(bytes, at, end, protocol);
  return ones(bytes, at, last, pseudo(bytes, start, at, last, protocol)) === 0;
}

/**
 * The checksum as RFC 1071 section 1 tells it, in ones' complement arithmetic from word to word; the code under test
 * adds everything up first.
 */
export function ones(bytes: Bytes, from: number, to: number, initial: number): number {
  let sum = initial;
  for (let at = from; at < to; at += 2) {
    sum += bytes[at] * 256 + (at + 1 < to ? bytes[at + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

function pseudo(bytes: Bytes, start: number, at: number, end: number, protocol: number): number {
  if (protocol === 1) return 0;
  const version = bytes[start] >> 4;
  const addresses =
    version === 4 ? ones(bytes, start + 12, start + 20, 0) : ones(bytes, start + 8, start + 40, 0);
  const words = Uint8Array.from([...be16(0xffff - addresses), ...be32(end - at), 0, protocol]);
  return 0xffff - ones(words, 0, words.length, 0);
}

export function be16(value: number): number[] {
  return [(value >>> 8) & 255, value & 255];
}

export function be32(value: number): number[] {
  return [...be16(value >>> 16), ...be16(value)];
}

export function get16(bytes: Bytes, at: number): number {
  return bytes[at] * 256 + bytes[at + 1];
}

export function get32(bytes: Bytes, at: number): number {
  return get16(bytes, at) * 65536 + get16(bytes, at + 2);
}

export function put16(bytes: Bytes, at: number, value: number): void {
  bytes[at] = (value >>> 8) & 255;
  bytes[at + 1] = value & 255;
}
