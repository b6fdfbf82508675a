/** First packets of connections as clients send them, for what is only imagined: real bytes, that nobody sends. */
import { type AddressWords, familyOf, writeAddress } from '../model/address.js';
import type { Spoken } from '../model/config.js';
import { addBytes, finish, pseudoHeader } from './checksum.js';
import { createPacket, decode, FLAG, type Packet, PROTOCOL } from './packet.js';
import { viewed } from './viewed-bytes.js';

/** Protocols of first packets, by their numbers of IP. */
export const FIRST_PROTOCOLS = { tcp: 6, udp: 17, gre: 47, esp: 50, ah: 51 } as const;
export type FirstProtocol = keyof typeof FIRST_PROTOCOLS;

export interface FirstPacket {
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  /** Of what has none anything. */
  readonly port: number;
  readonly protocol: FirstProtocol;
  /** Of UDP: what it says; null: nothing that anybody knows. */
  readonly speaks: Spoken | null;
}

/** A SYN as Linux sends it, a datagram that begins what is spoken, or the header of what nobody looks into. */
export function firstPacket(first: FirstPacket): Packet {
  const protocol = FIRST_PROTOCOLS[first.protocol];
  const isTcp = protocol === PROTOCOL.TCP;
  const hasPorts = isTcp || protocol === PROTOCOL.UDP;
  const content = isTcp ? SYN_OPTIONS : first.speaks === null ? NOTHING : SAYINGS[first.speaks]();
  const header = isTcp ? 20 : 8;
  const family = familyOf(first.client);
  const at = family === 4 ? 20 : 40;
  const length = header + content.length;
  const space = viewed(new Uint8Array(at + length));
  const { bytes, view } = space;
  if (family === 4) {
    view.setUint8(0, 0x45);
    view.setUint16(2, at + length);
    view.setUint16(6, 0x4000);
    view.setUint8(8, 64);
    view.setUint8(9, protocol);
    writeAddress(4, first.client, 0, view, 12);
    writeAddress(4, first.destination, 0, view, 16);
    view.setUint16(10, finish(addBytes(0, view, 0, at)));
  } else {
    view.setUint8(0, 0x60);
    view.setUint16(4, length);
    view.setUint8(6, protocol);
    view.setUint8(7, 64);
    writeAddress(6, first.client, 0, view, 8);
    writeAddress(6, first.destination, 0, view, 24);
  }
  if (hasPorts) {
    view.setUint16(at, first.clientPort);
    view.setUint16(at + 2, first.port);
  }
  if (isTcp) {
    view.setUint32(at + 4, 1);
    view.setUint8(at + 12, ((20 + content.length) / 4) << 4);
    view.setUint8(at + 13, FLAG.SYN);
    view.setUint16(at + 14, 64_240);
  } else if (hasPorts) view.setUint16(at + 4, length);
  bytes.set(content, at + header);
  if (hasPorts) {
    const sum = finish(addBytes(pseudoHeader(view, 0, family, protocol, length), view, at, length));
    // RFC 768: a checksum of zero is sent as all ones.
    view.setUint16(at + (isTcp ? 16 : 6), !isTcp && sum === 0 ? 0xffff : sum);
  }
  const packet = createPacket();
  decode(packet, space, 0, bytes.length);
  return packet;
}

const NOTHING = new Uint8Array(0);

/** MSS 1460, SACK permitted, timestamps, window scale 7. */
const SYN_OPTIONS = Uint8Array.of(2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, 3, 3, 7);

const SAYINGS: Readonly<Record<Spoken, () => Uint8Array>> = {
  dns: dnsQuery,
  ntp: ntpRequest,
  stun: stunRequest,
  quic: quicInitial,
  sip: sipOptions,
};

/** The address of example.com (RFC 1035 section 4.1). */
function dnsQuery(): Uint8Array {
  const name = [7, ...ascii('example'), 3, ...ascii('com'), 0];
  return Uint8Array.of(0x2b, 0x7c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1);
}

/** Version 4, client (RFC 5905 section 7.3). */
function ntpRequest(): Uint8Array {
  const bytes = new Uint8Array(48);
  bytes[0] = 0x23;
  bytes.set([0xe0, 1, 2, 3, 4, 5, 6, 7], 40);
  return bytes;
}

/** A Binding request (RFC 8489 section 5). */
function stunRequest(): Uint8Array {
  return Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
}

/** An Initial of version 1, as long as one must be (RFC 9000 sections 14.1 and 17.2.2). */
function quicInitial(): Uint8Array {
  const bytes = new Uint8Array(1200).fill(0x55);
  const ids = [8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 13, 14, 15, 16];
  const head = [0xc3, 0, 0, 0, 1, ...ids, 0];
  const left = bytes.length - head.length - 2;
  bytes.set([...head, 0x40 | (left >>> 8), left & 255]);
  return bytes;
}

function sipOptions(): Uint8Array {
  const lines = [
    'OPTIONS sip:example.com SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1',
    'Max-Forwards: 70',
    'From: <sip:a@example.com>;tag=1',
    'To: <sip:example.com>',
    'Call-ID: 1',
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ];
  return Uint8Array.from(ascii(lines.join('\r\n')));
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}
