/**
 * Makes payloads of datagrams byte by byte: an oracle for the decoders of `src/wire`, which it deliberately does not use.
 * For tests and the fuzzer; clear before fast.
 */
import { be16, be32 } from './fuzz-packets.js';

type List = readonly number[];

/** Bytes of hexadecimal digits; blanks are for the reader. */
export function fromHex(...parts: readonly string[]): number[] {
  return [...Buffer.from(parts.join('').replace(/\s/g, ''), 'hex')];
}

export const zeros = (count: number): number[] => new Array<number>(count).fill(0);

/** A variable-length integer of QUIC in as many bytes as asked for, or as it needs (RFC 9000 section 16). */
export function varint(
  value: number,
  size: 1 | 2 | 4 | 8 = value < 64 ? 1 : value < 16384 ? 2 : 4,
): number[] {
  if (size === 1) return [value];
  if (size === 2) return be16(0x4000 | value);
  if (size === 4) return be32((0x80000000 | value) >>> 0);
  return [
    ...be32((0xc0000000 | Math.floor(value / 0x100000000)) >>> 0),
    ...be32((value % 0x100000000) >>> 0),
  ];
}

export type QuicType = 'initial' | 'zero-rtt' | 'handshake' | 'retry';
/** Bits of the first byte, as the tables of RFC 9000 section 17.2 and RFC 9369 section 3.2 have them. */
const BITS = {
  1: { initial: 0, 'zero-rtt': 1, handshake: 2, retry: 3 },
  2: { initial: 1, 'zero-rtt': 2, handshake: 3, retry: 0 },
} as const;
export const V2 = 0x6b3343cf;

export interface QuicFields {
  readonly type: QuicType;
  readonly version?: number;
  readonly destination: List;
  readonly source: List;
  readonly token?: List;
  /** What is protected: packet number, frames and tag. */
  readonly body?: List;
  /** How many bytes its lengths have. */
  readonly size?: 2 | 4 | 8;
}

/** A packet with a long header. */
export function quicLong(fields: QuicFields): number[] {
  const { type, version = 1, destination, source, token = [], body = zeros(20), size } = fields;
  const bits = BITS[version === V2 ? 2 : 1][type];
  const head = [
    0xc0 | (bits << 4) | 3,
    ...be32(version),
    destination.length,
    ...destination,
    source.length,
    ...source,
  ];
  if (type === 'retry') return [...head, ...token, ...zeros(16)];
  if (type === 'initial') head.push(...varint(token.length, size), ...token);
  return [...head, ...varint(body.length, size), ...body];
}

export function quicVersions(destination: List, source: List, versions: List): number[] {
  const head = [0xea, ...be32(0), destination.length, ...destination, source.length, ...source];
  return [...head, ...versions.flatMap((version) => be32(version))];
}

/** The datagram with its last packet's end filled with zeros up to 1200 bytes. */
export function padded(datagram: List): number[] {
  return [...datagram, ...zeros(Math.max(0, 1200 - datagram.length))];
}

/** A name with its length bytes and the root. */
export function dnsName(text: string): number[] {
  const labels = text.split('.').filter((label) => label !== '');
  return [...labels.flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]), 0];
}

export interface DnsRecord {
  readonly name: List;
  readonly type: number;
  readonly class?: number;
  readonly ttl?: number;
  readonly data: List;
}

export interface DnsFields {
  readonly id?: number;
  readonly flags?: number;
  readonly questions?: readonly { readonly name: List; readonly type?: number; readonly class?: number }[];
  readonly answers?: readonly DnsRecord[];
  readonly authority?: readonly DnsRecord[];
  readonly additional?: readonly DnsRecord[];
}

export function dnsMessage(fields: DnsFields): number[] {
  const { questions = [], answers = [], authority = [], additional = [] } = fields;
  return [
    ...be16(fields.id ?? 0x1234),
    ...be16(fields.flags ?? 0x0100),
    ...[questions, answers, authority, additional].flatMap((section) => be16(section.length)),
    ...questions.flatMap((each) => [...each.name, ...be16(each.type ?? 1), ...be16(each.class ?? 1)]),
    ...[...answers, ...authority, ...additional].flatMap((each) => [
      ...each.name,
      ...be16(each.type),
      ...be16(each.class ?? 1),
      ...be32(each.ttl ?? 300),
      ...be16(each.data.length),
      ...each.data,
    ]),
  ];
}

/** The record of EDNS with its options: pairs of code and value. */
export function edns(options: readonly (readonly [number, List])[] = [], size = 1232, ttl = 0): DnsRecord {
  const data = options.flatMap(([code, value]) => [...be16(code), ...be16(value.length), ...value]);
  return { name: [0], type: 41, class: size, ttl, data };
}

export interface StunFields {
  readonly class?: number;
  readonly method?: number;
  /** Default: that of RFC 8489. */
  readonly cookie?: number;
  /** 12 bytes. */
  readonly transaction?: List;
  /** Pairs of type and value. */
  readonly attributes?: readonly (readonly [number, List])[];
  readonly fingerprint?: boolean;
}

export const TRANSACTION = fromHex('b7e7a701bc34d686fa87dfae');

export function stunMessage(fields: StunFields = {}): number[] {
  const { class: kind = 0, method = 1, cookie = 0x2112a442, transaction = TRANSACTION } = fields;
  const type =
    (method & 15) | ((kind & 1) << 4) | ((method & 0x70) << 1) | ((kind & 2) << 7) | ((method & 0xf80) << 2);
  const body = (fields.attributes ?? []).flatMap(([code, value]) => [
    ...be16(code),
    ...be16(value.length),
    ...value,
    ...zeros((4 - (value.length % 4)) % 4),
  ]);
  const length = body.length + (fields.fingerprint ? 8 : 0);
  const message = [...be16(type), ...be16(length), ...be32(cookie), ...transaction, ...body];
  return fields.fingerprint ? [...message, ...fingerprintOf(message)] : message;
}

/** The attribute for all that is before it, bit by bit. */
export function fingerprintOf(message: Iterable<number>): number[] {
  let crc = 0xffffffff;
  for (const byte of message) {
    for (let bit = 0; bit < 8; bit++) {
      const odd = (crc ^ (byte >> bit)) & 1;
      crc = (crc >>> 1) ^ (odd ? 0xedb88320 : 0);
    }
  }
  return [0x80, 0x28, 0, 4, ...be32((~crc ^ 0x5354554e) >>> 0)];
}

export interface NtpFields {
  readonly leap?: number;
  readonly version?: number;
  readonly mode?: number;
  readonly stratum?: number;
  readonly reference?: string;
  /** Eight bytes each. */
  readonly origin?: List;
  readonly transmit?: List;
  /** Pairs of type and value; whole words. */
  readonly fields?: readonly (readonly [number, List])[];
  readonly mac?: List;
}

export function ntpPacket(packet: NtpFields = {}): number[] {
  const { leap = 0, version = 4, mode = 3, stratum = 0, origin = zeros(8), transmit = zeros(8) } = packet;
  return [
    (leap << 6) | (version << 3) | mode,
    stratum,
    6,
    0xe9,
    ...zeros(8),
    ...Buffer.from((packet.reference ?? '').padEnd(4, '\0'), 'latin1'),
    ...zeros(8),
    ...origin,
    ...zeros(8),
    ...transmit,
    ...(packet.fields ?? []).flatMap(([type, value]) => [...be16(type), ...be16(value.length + 4), ...value]),
    ...(packet.mac ?? []),
  ];
}
