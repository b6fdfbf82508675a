/**
 * Headers of QUIC packets in a UDP payload (RFC 8999, 9000 section 17.2, 9369), as far as they can be read without keys: enough to
 * tell what starts a connection and what answers it. Anybody may have sent them: nothing throws, nothing loops, the work is bounded.
 */
import { hashBytes } from './hash-bytes.js';
import type { ViewedBytes } from './viewed-bytes.js';

/** What a packet is. */
export const QUIC = {
  INITIAL: 0,
  ZERO_RTT: 1,
  HANDSHAKE: 2,
  RETRY: 3,
  VERSION_NEGOTIATION: 4,
  /** A short header: of a connection that is there already. It proves nothing: any datagram may begin so. */
  SHORT: 5,
  /** A long header of a version that we do not know. A server that does not either answers with Version Negotiation. */
  UNKNOWN_VERSION: 6,
} as const;

export const QUIC_VERSION = { V1: 1, V2: 0x6b3343cf } as const;
/** Drafts 29 to 34, whose packets look like those of version 1. */
const FIRST_DRAFT = 0xff00001d;
const LAST_DRAFT = 0xff000022;

/** Types of version 2 (RFC 9369 section 3.2) have other bits than those of version 1, on purpose. */
const V2_KINDS = [QUIC.RETRY, QUIC.INITIAL, QUIC.ZERO_RTT, QUIC.HANDSHAKE] as const;

const LONG = 0x80;
const FIXED_BIT = 0x40;
/** Of a known version (RFC 9000 section 17.2); any other may have 255 (RFC 8999 section 5.1). */
const MAX_ID = 20;
/** A client's first destination connection id (RFC 9000 section 7.2). */
const MIN_CHOSEN_ID = 8;
/** An Initial's datagram (RFC 9000 section 14.1). */
const MIN_INITIAL_DATAGRAM = 1200;
/** The packet number and 16 bytes behind it are sampled (RFC 9001 section 5.4.2): what is shorter is discarded. */
const MIN_PROTECTED = 20;
const RETRY_TAG = 16;
/** Packets of one datagram that are looked at. Four encryption levels are what there is; every packet with a length has 28 bytes or more. */
const MAX_PACKETS = 16;

/** One datagram; reused. Fields are of its first packet unless they say otherwise. */
export interface QuicDatagram {
  /** One of QUIC. */
  kind: number;
  /** Unsigned; 0 for Version Negotiation and short headers. */
  version: number;
  /** Set by everybody who has not been told that it need not be (RFC 9287). */
  hasFixedBit: boolean;
  /** Offsets and lengths of the connection ids; a short header does not tell them. */
  destinationAt: number;
  destinationLength: number;
  sourceAt: number;
  sourceLength: number;
  /** Hashes of both ids (`hashConnectionId`). */
  destinationHash: number;
  sourceHash: number;
  /** Of the first Initial, bytes; 0 without any. */
  tokenLength: number;
  /** In any packet of the datagram: */
  hasInitial: boolean;
  hasToken: boolean;
  hasZeroRtt: boolean;
  /** All of it is packets that could be told, and zeros behind them; else there may be anything in it. */
  isWhole: boolean;
  /** At least 1200 bytes, as a datagram with an Initial has. */
  isPadded: boolean;
}

export function createQuicDatagram(): QuicDatagram {
  return {
    kind: QUIC.SHORT,
    version: 0,
    hasFixedBit: false,
    destinationAt: 0,
    destinationLength: 0,
    sourceAt: 0,
    sourceLength: 0,
    destinationHash: 0,
    sourceHash: 0,
    tokenLength: 0,
    hasInitial: false,
    hasToken: false,
    hasZeroRtt: false,
    isWhole: false,
    isPadded: false,
  };
}

/** Decodes the datagram from `start` to before `end`. False: it is not QUIC, and `out` says nothing. */
export function decodeQuic(out: QuicDatagram, viewed: ViewedBytes, start: number, end: number): boolean {
  if (start < 0 || end > viewed.bytes.length || start >= end) return false;
  out.tokenLength = 0;
  out.hasInitial = false;
  out.hasToken = false;
  out.hasZeroRtt = false;
  out.isPadded = end - start >= MIN_INITIAL_DATAGRAM;
  readHeader(first, viewed, start, end);
  if (first.next < 0) return false;
  out.kind = first.kind;
  out.version = first.version;
  out.hasFixedBit = (viewed.bytes[start] & FIXED_BIT) !== 0;
  out.destinationAt = first.destinationAt;
  out.destinationLength = first.destinationLength;
  out.sourceAt = first.sourceAt;
  out.sourceLength = first.sourceLength;
  out.destinationHash = hashConnectionId(viewed, first.destinationAt, first.destinationLength);
  out.sourceHash = hashConnectionId(viewed, first.sourceAt, first.sourceLength);
  note(out, first);
  walk(out, viewed, first.next, end);
  return true;
}

/** What is coalesced behind the first packet (RFC 9000 section 12.2). Some clients pad with zeros behind their packets, which are no packet. */
function walk(out: QuicDatagram, viewed: ViewedBytes, from: number, end: number): void {
  let at = from;
  for (let packets = 1; at < end && packets < MAX_PACKETS; packets++) {
    readHeader(later, viewed, at, end);
    if (later.next < 0) break;
    note(out, later);
    at = later.next;
  }
  while (at < end && viewed.bytes[at] === 0) at++;
  out.isWhole = at === end;
}

function note(out: QuicDatagram, header: Header): void {
  if (header.kind === QUIC.ZERO_RTT) out.hasZeroRtt = true;
  if (header.kind !== QUIC.INITIAL) return;
  if (!out.hasInitial) out.tokenLength = header.tokenLength;
  out.hasInitial = true;
  if (header.tokenLength > 0) out.hasToken = true;
}

/** One packet's header. */
interface Header {
  kind: number;
  version: number;
  destinationAt: number;
  destinationLength: number;
  sourceAt: number;
  sourceLength: number;
  tokenLength: number;
  /** Where the packet ends; -1: it is none. */
  next: number;
}

const createHeader = (): Header => ({
  kind: 0,
  version: 0,
  destinationAt: 0,
  destinationLength: 0,
  sourceAt: 0,
  sourceLength: 0,
  tokenLength: 0,
  next: -1,
});
const first = createHeader();
const later = createHeader();

function readHeader(header: Header, viewed: ViewedBytes, at: number, end: number): void {
  const { bytes, view } = viewed;
  header.next = -1;
  header.version = 0;
  header.tokenLength = 0;
  header.destinationAt = at;
  header.destinationLength = 0;
  header.sourceAt = at;
  header.sourceLength = 0;
  if ((bytes[at] & LONG) === 0) {
    header.kind = QUIC.SHORT;
    // Without the bit it is padding, or something else (RFC 9000 section 17.3.1). It has no length: it is the last one.
    if ((bytes[at] & FIXED_BIT) !== 0) header.next = end;
    return;
  }
  if (at + 7 > end) return;
  header.version = view.getUint32(at + 1);
  header.destinationAt = at + 6;
  header.destinationLength = bytes[at + 5];
  const source = header.destinationAt + header.destinationLength;
  if (source >= end) return;
  header.sourceAt = source + 1;
  header.sourceLength = bytes[source];
  const rest = header.sourceAt + header.sourceLength;
  if (rest > end) return;
  if (header.version === 0) readVersions(header, rest, end);
  else if (isKnown(header.version)) readKnown(header, viewed, rest, end, bytes[at]);
  else if ((bytes[at] & FIXED_BIT) !== 0) {
    header.kind = QUIC.UNKNOWN_VERSION;
    header.next = end;
  }
}

/** The list of a server's versions, at least one (RFC 8999 section 6). */
function readVersions(header: Header, rest: number, end: number): void {
  header.kind = QUIC.VERSION_NEGOTIATION;
  if (end - rest >= 4 && (end - rest) % 4 === 0) header.next = end;
}

function readKnown(header: Header, viewed: ViewedBytes, rest: number, end: number, firstByte: number): void {
  if (header.destinationLength > MAX_ID || header.sourceLength > MAX_ID) return;
  const type = (firstByte >>> 4) & 3;
  header.kind = header.version === QUIC_VERSION.V2 ? V2_KINDS[type] : type;
  if (header.kind === QUIC.RETRY) {
    // A token, which is not empty, and a tag; nothing is coalesced with it (RFC 9000 section 17.2.5).
    header.tokenLength = end - rest - RETRY_TAG;
    if (header.tokenLength > 0) header.next = end;
    return;
  }
  let at = rest;
  if (header.kind === QUIC.INITIAL) {
    const token = readVarint(viewed, at, end);
    if (token < 0) return;
    at += varintSize(viewed.bytes[at]);
    if (token > end - at) return;
    header.tokenLength = token;
    at += token;
  }
  const length = readVarint(viewed, at, end);
  if (length < MIN_PROTECTED) return;
  at += varintSize(viewed.bytes[at]);
  if (length <= end - at) header.next = at + length;
}

function isKnown(version: number): boolean {
  if (version === QUIC_VERSION.V1 || version === QUIC_VERSION.V2) return true;
  return version >= FIRST_DRAFT && version <= LAST_DRAFT;
}

/** A variable-length integer (RFC 9000 section 16); -1 when it is cut short. */
function readVarint({ bytes, view }: ViewedBytes, at: number, end: number): number {
  if (at >= end || at + varintSize(bytes[at]) > end) return -1;
  switch (bytes[at] >>> 6) {
    case 0:
      return bytes[at];
    case 1:
      return view.getUint16(at) & 0x3fff;
    case 2:
      return view.getUint32(at) & 0x3fffffff;
    default:
      // Above 2^53 it is not exact, and longer than any datagram all the same.
      return (view.getUint32(at) & 0x3fffffff) * 0x100000000 + view.getUint32(at + 4);
  }
}

function varintSize(byte: number): number {
  return 1 << (byte >>> 6);
}

/** 32 bits, signed, of the connection id of `length` bytes at `at`. */
export function hashConnectionId({ bytes }: ViewedBytes, at: number, length: number): number {
  return hashBytes(bytes, at, at + length);
}

/** What a datagram from the client is to a race. */
export const QUIC_START = {
  /** One of the first flight, that every route may carry. */
  COPY: 0,
  /** It starts no connection, or none that can be told from the outside: another kind, another version, bytes behind its packets. */
  NOT_A_START: 1,
  /** Its token was made for the address of one route (RFC 9000 section 8.1.4). */
  TOKEN: 2,
  /** Early data may be carried out as often as it arrives (RFC 9001 section 9.2). */
  ZERO_RTT: 3,
} as const;

/**
 * Whether a client's datagram may be copied, one of QUIC_START. Of an unknown version nobody can tell whether it has a token or early
 * data: it is not. An Initial of less than 1200 bytes is not either: servers discard it (RFC 9000 section 14.1).
 */
export function quicStart(out: QuicDatagram): number {
  if (out.hasZeroRtt) return QUIC_START.ZERO_RTT;
  if (out.hasToken) return QUIC_START.TOKEN;
  if (out.kind !== QUIC.INITIAL || !out.hasFixedBit || !out.isPadded || !out.isWhole)
    return QUIC_START.NOT_A_START;
  return out.destinationLength >= MIN_CHOSEN_ID ? QUIC_START.COPY : QUIC_START.NOT_A_START;
}

/** What a datagram from the server is to the client's first flight. */
export const QUIC_ANSWER = {
  /** Nothing that the first flight has brought about. */
  NO: 0,
  /** It fits, and whoever knows addresses and ports alone could have made it: the client's own id is empty, or nearly. */
  UNPROVEN: 1,
  /** Its sender has seen the first flight, or has guessed 32 bits. */
  PROVEN: 2,
} as const;

/**
 * Whether a datagram of a server answers a client's Initial, whose connection ids had these hashes and lengths; one of QUIC_ANSWER.
 *
 * Every long header has the client's source id as its destination (RFC 9000 section 7.2). That proves that its sender has seen the
 * Initial, if the id has four bytes or more; browsers send an empty one, and then an Initial, a Handshake packet and a Retry prove
 * nothing to us: the client alone has the keys to tell (RFC 9001 sections 5.2 and 5.8). Version Negotiation repeats the client's
 * destination id as well, eight bytes or more that were drawn at random, so it always proves it (RFC 9000 section 17.2.1). A short
 * header is no answer: it comes behind one, and tells nothing.
 */
export function quicAnswer(
  out: QuicDatagram,
  destinationHash: number,
  destinationLength: number,
  sourceHash: number,
  sourceLength: number,
): number {
  if (out.destinationLength !== sourceLength || out.destinationHash !== sourceHash) return QUIC_ANSWER.NO;
  const isEcho = out.sourceLength === destinationLength && out.sourceHash === destinationHash;
  switch (out.kind) {
    case QUIC.VERSION_NEGOTIATION:
      return isEcho ? QUIC_ANSWER.PROVEN : QUIC_ANSWER.NO;
    case QUIC.RETRY:
      // A client discards one whose source id is that of its own choice (RFC 9000 section 17.2.5.1).
      return isEcho ? QUIC_ANSWER.NO : proofOf(sourceLength);
    case QUIC.INITIAL:
      // A server has no token to send (RFC 9000 section 17.2.2).
      return out.tokenLength > 0 ? QUIC_ANSWER.NO : proofOf(sourceLength);
    case QUIC.HANDSHAKE:
      return proofOf(sourceLength);
    default:
      return QUIC_ANSWER.NO;
  }
}

function proofOf(length: number): number {
  return length >= 4 ? QUIC_ANSWER.PROVEN : QUIC_ANSWER.UNPROVEN;
}
