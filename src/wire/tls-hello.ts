/**
 * The beginning of a TCP stream that may be a TLS ClientHello (RFC 8446 sections 4.1.2 and 5.1, RFC 5246 section 7.4.1.2), over several
 * records and segments. Nothing throws, nothing loops, and the work is bounded by the bytes of the stream.
 */
import type { ViewedBytes } from './viewed-bytes.js';

/** What the bytes of a stream are so far. INCOMPLETE may still become a ClientHello. */
export const HELLO = { INCOMPLETE: 0, CLIENT_HELLO: 1, NOT: 2 } as const;
export type Hello = (typeof HELLO)[keyof typeof HELLO];

/**
 * Bytes of the stream that a ClientHello may take, with its record headers. Post-quantum key shares make some 2 KB; what is larger than this
 * is nobody's first flight.
 */
export const MAX_HELLO = 16_384;
/** Records that a ClientHello may be cut into: one for most, two for some, a byte each for those that hide. */
const MAX_RECORDS = 64;

/** One ClientHello; reused. Says nothing unless the result was CLIENT_HELLO. */
export interface ClientHello {
  /**
   * It offers early data (0-RTT), which a server must not be given twice (RFC 8446 section 8). An Encrypted ClientHello that does says so
   * outside, too (RFC 9849 section 6.1).
   */
  hasEarlyData: boolean;
  hasPreSharedKey: boolean;
  /** Lower case, of letters, digits, dots, hyphens and underscores; '' when there is none, or another one. The outer one of an Encrypted ClientHello. */
  serverName: string;
  /** Where the first byte behind the ClientHello is. */
  after: number;
  /** There are bytes behind it: early data, or a client that does not wait. */
  isFollowed: boolean;
}

export function createClientHello(): ClientHello {
  return { hasEarlyData: false, hasPreSharedKey: false, serverName: '', after: 0, isFollowed: false };
}

/** Record layer (RFC 8446 section 5.1). */
const RECORD_HEADER = 5;
const CONTENT_HANDSHAKE = 22;
const MAX_RECORD = 16_384;
/** Handshake message: its type, and its length in three bytes (section 4). */
const HANDSHAKE_HEADER = 4;
const TYPE_CLIENT_HELLO = 1;
const RANDOM = 32;
const MAX_SESSION_ID = 32;
const EXTENSION = { SERVER_NAME: 0, PRE_SHARED_KEY: 41, EARLY_DATA: 42 } as const;
const NAME_TYPE_HOST = 0;
const MAX_HOST_NAME = 255;

/** The handshake message without the record headers in it; one stream at a time. */
const message = new Uint8Array(MAX_HELLO);

/** Looks at the stream from `start` to before `end`: all that the client has sent. */
export function decodeClientHello(
  out: ClientHello,
  { bytes }: ViewedBytes,
  start: number,
  end: number,
): Hello {
  if (start < 0 || end > bytes.length || start > end) return HELLO.NOT;
  const limit = Math.min(end, start + MAX_HELLO);
  const unfinished = limit < end || limit - start === MAX_HELLO ? HELLO.NOT : HELLO.INCOMPLETE;
  let have = 0;
  let want = HANDSHAKE_HEADER;
  let at = start;
  for (let records = 0; records < MAX_RECORDS; records++) {
    if (!mayBeRecord(bytes, at, limit)) return HELLO.NOT;
    if (at + RECORD_HEADER > limit) return unfinished;
    // > Implementations MUST NOT send zero-length fragments of Handshake types
    const length = (bytes[at + 3] << 8) | bytes[at + 4];
    if (length === 0 || length > MAX_RECORD) return HELLO.NOT;
    const data = at + RECORD_HEADER;
    at = Math.min(limit, data + length);
    message.set(bytes.subarray(data, at), have);
    have += at - data;
    if (have > 0 && message[0] !== TYPE_CLIENT_HELLO) return HELLO.NOT;
    if (have >= HANDSHAKE_HEADER) {
      want = HANDSHAKE_HEADER + ((message[1] << 16) | (message[2] << 8) | message[3]);
      if (want > MAX_HELLO) return HELLO.NOT;
    }
    if (have >= want && want > HANDSHAKE_HEADER) {
      out.after = at - (have - want);
      out.isFollowed = out.after < end;
      return readBody(out, want) ? HELLO.CLIENT_HELLO : HELLO.NOT;
    }
    if (have >= HANDSHAKE_HEADER && want === HANDSHAKE_HEADER) return HELLO.NOT;
    if (at < data + length) return unfinished;
  }
  return HELLO.NOT;
}

/** The header of a record as far as it is there: handshake, of SSL 3.0 or a later version (section 5.1: the minor version says nothing). */
function mayBeRecord(bytes: Uint8Array, at: number, end: number): boolean {
  if (at < end && bytes[at] !== CONTENT_HANDSHAKE) return false;
  if (at + 1 < end && bytes[at + 1] !== 3) return false;
  return at + 2 >= end || bytes[at + 2] <= 4;
}

/** Of the message of `end` bytes. False when a length in it does not fit. */
function readBody(out: ClientHello, end: number): boolean {
  out.hasEarlyData = false;
  out.hasPreSharedKey = false;
  out.serverName = '';
  let at = HANDSHAKE_HEADER;
  if (at + 2 + RANDOM + 1 > end || message[at] !== 3) return false;
  at += 2 + RANDOM;
  if (message[at] > MAX_SESSION_ID) return false;
  at += 1 + message[at];
  if (at + 2 > end) return false;
  const suites = word(at);
  if (suites < 2 || suites % 2 !== 0) return false;
  at += 2 + suites;
  if (at + 1 > end || message[at] < 1) return false;
  at += 1 + message[at];
  // Before TLS 1.3 there need not be extensions (RFC 5246 section 7.4.1.2).
  if (at === end) return true;
  if (at + 2 > end || at + 2 + word(at) !== end) return false;
  return readExtensions(out, at + 2, end);
}

/** GREASE (RFC 8701) and everything else that is not known is passed by. */
function readExtensions(out: ClientHello, first: number, end: number): boolean {
  let at = first;
  while (at < end) {
    if (at + 4 > end) return false;
    const type = word(at);
    const data = at + 4;
    at = data + word(at + 2);
    if (at > end) return false;
    if (type === EXTENSION.EARLY_DATA) out.hasEarlyData = true;
    if (type === EXTENSION.PRE_SHARED_KEY) out.hasPreSharedKey = true;
    if (type === EXTENSION.SERVER_NAME && out.serverName === '') out.serverName = readServerName(data, at);
  }
  return true;
}

/** The host name of a list of server names (RFC 6066 section 3): the first entry, since there is only one kind. */
function readServerName(at: number, end: number): string {
  if (at + 5 > end || message[at + 2] !== NAME_TYPE_HOST) return '';
  const length = word(at + 3);
  const name = at + 5;
  if (length === 0 || length > MAX_HOST_NAME || name + length > end) return '';
  let text = '';
  for (let i = name; i < name + length; i++) text += String.fromCharCode(message[i]);
  return /^[\w.-]+$/.test(text) ? text.toLowerCase() : '';
}

function word(at: number): number {
  return (message[at] << 8) | message[at + 1];
}
