/**
 * Messages of the domain name system in UDP payloads, as a race sees them: what may be asked over several routes, and what an answer
 * is worth (RFC 1035, 6891, 7873). Anybody may have sent them: nothing throws, nothing loops, the work is bounded by the bytes.
 * What names lead to is read by dns.ts.
 */
import { DNS_HEADER, hashName, type Message, skipName } from './dns-name.js';
import { hashBytes } from './hash-bytes.js';
import { type ViewedBytes, viewed } from './viewed-bytes.js';

/** RFC 1035 section 4.1.1, 1996, 2136. */
export const DNS_OPCODE = { QUERY: 0, NOTIFY: 4, UPDATE: 5 } as const;
/** RFC 1035 section 4.1.1, 6891 section 9, 7873 section 8. */
export const DNS_RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADCOOKIE: 23,
} as const;

const TYPE = { NS: 2, SOA: 6, SIG: 24, OPT: 41, TKEY: 249, TSIG: 250, IXFR: 251, AXFR: 252 } as const;
const OPTION_COOKIE = 10;
/** A client's cookie, and the limits of both together (RFC 7873 section 4). */
const COOKIE = { client: 8, least: 16, most: 40 } as const;
/** What every receiver takes (RFC 1035 section 2.3.4), and the least that EDNS can say (RFC 6891 section 6.2.5). */
const PLAIN_SIZE = 512;

/** One message; reused. */
export interface DnsMessage {
  id: number;
  isResponse: boolean;
  opcode: number;
  /** With the upper bits of EDNS (RFC 6891 section 6.1.3). */
  rcode: number;
  /** TC, AA, RD and AD of the header. */
  isTruncated: boolean;
  isAuthoritative: boolean;
  isRecursionDesired: boolean;
  isAuthentic: boolean;
  /** Announced by the header. */
  questions: number;
  answers: number;
  authority: number;
  additional: number;
  /** Of the first question; 0 without any. The hash of its bytes (name, type, class) as they were sent, upper and lower case apart. */
  exactHash: number;
  /** The hash of its name alone, equal whatever the case. */
  nameHash: number;
  type: number;
  class: number;
  /** Bytes of UDP payload that the sender takes. */
  payloadSize: number;
  /** It carries a cookie; a server's, which was made for one address of the client (RFC 7873 section 4.2). */
  hasCookie: boolean;
  hasServerCookie: boolean;
  /** A transaction signature: TSIG or SIG(0). */
  isSigned: boolean;
  /** An answer without answers that names servers to ask instead (RFC 1034 section 4.3.2), to a question that did not ask for recursion. */
  isReferral: boolean;
  /** All records that the header announces could be read. */
  isSound: boolean;
  /** Bytes are left behind the last record. */
  hasMore: boolean;
}

export function createDnsMessage(): DnsMessage {
  return {
    id: 0,
    isResponse: false,
    opcode: 0,
    rcode: 0,
    isTruncated: false,
    isAuthoritative: false,
    isRecursionDesired: false,
    isAuthentic: false,
    questions: 0,
    answers: 0,
    authority: 0,
    additional: 0,
    exactHash: 0,
    nameHash: 0,
    type: 0,
    class: 0,
    payloadSize: PLAIN_SIZE,
    hasCookie: false,
    hasServerCookie: false,
    isSigned: false,
    isReferral: false,
    isSound: false,
    hasMore: false,
  };
}

/** The message in hand: one at a time, so that none is allocated. */
const message: { -readonly [Key in keyof Message]: Message[Key] } = {
  ...viewed(new Uint8Array(0)),
  start: 0,
  end: 0,
};

/** Decodes the message from `start` to before `end`. False: it has no header, or no question where it announces one; `out` says nothing. */
export function decodeDnsMessage(
  out: DnsMessage,
  { bytes, view }: ViewedBytes,
  start: number,
  end: number,
): boolean {
  if (start < 0 || end > bytes.length || end - start < DNS_HEADER) return false;
  message.bytes = bytes;
  message.view = view;
  message.start = start;
  message.end = end;
  readFields(out);
  const after = readQuestions(out, start + DNS_HEADER);
  if (after < 0) return false;
  readRecords(out, after);
  return true;
}

function readFields(out: DnsMessage): void {
  const { view, start } = message;
  const flags = view.getUint16(start + 2);
  out.id = view.getUint16(start);
  out.isResponse = (flags & 0x8000) !== 0;
  out.opcode = (flags >>> 11) & 15;
  out.rcode = flags & 15;
  out.isAuthoritative = (flags & 0x0400) !== 0;
  out.isTruncated = (flags & 0x0200) !== 0;
  out.isRecursionDesired = (flags & 0x0100) !== 0;
  out.isAuthentic = (flags & 0x0020) !== 0;
  out.questions = view.getUint16(start + 4);
  out.answers = view.getUint16(start + 6);
  out.authority = view.getUint16(start + 8);
  out.additional = view.getUint16(start + 10);
  out.exactHash = 0;
  out.nameHash = 0;
  out.type = 0;
  out.class = 0;
  out.payloadSize = PLAIN_SIZE;
  out.hasCookie = false;
  out.hasServerCookie = false;
  out.isSigned = false;
  out.isReferral = false;
  out.isSound = false;
  out.hasMore = false;
}

/** Where the questions end; -1 when the first one cannot be read, `end` + 1 when it is a later one. */
function readQuestions(out: DnsMessage, at: number): number {
  if (out.questions === 0) return at;
  const { bytes, view, end } = message;
  let after = skipName(message, at);
  if (after < 0 || after + 4 > end) return -1;
  out.nameHash = hashName(message, at);
  if (out.nameHash < 0) return -1;
  out.type = view.getUint16(after);
  out.class = view.getUint16(after + 2);
  after += 4;
  out.exactHash = hashBytes(bytes, at, after);
  for (let i = 1; i < out.questions; i++) {
    const fixed = skipName(message, after);
    if (fixed < 0 || fixed + 4 > end) return end + 1;
    after = fixed + 4;
  }
  return after;
}

function readRecords(out: DnsMessage, first: number): void {
  const { view, end } = message;
  const { answers, authority } = out;
  const all = answers + authority + out.additional;
  let namesServers = false;
  let isEnd = false;
  let options = 0;
  let at = first;
  if (at > end) return;
  for (let i = 0; i < all; i++) {
    const fixed = skipName(message, at);
    if (fixed < 0 || fixed + 10 > end) return;
    const type = view.getUint16(fixed);
    const data = fixed + 10;
    const next = data + view.getUint16(fixed + 8);
    if (next > end) return;
    if (i >= answers + authority) {
      if (type === TYPE.OPT) {
        // Its name is the root, and there is one at most (RFC 6891 section 6.1.1).
        if (fixed !== at + 1 || ++options > 1 || !readOptions(out, fixed, data, next)) return;
      } else if (type === TYPE.TSIG) out.isSigned = true;
      // It covers no type but the message (RFC 2931 section 3.1).
      else if (type === TYPE.SIG && next - data >= 18 && view.getUint16(data) === 0) out.isSigned = true;
    } else if (i >= answers) {
      if (type === TYPE.NS) namesServers = true;
      if (type === TYPE.SOA) isEnd = true;
    }
    at = next;
  }
  out.isSound = true;
  out.hasMore = at < end;
  out.isReferral = out.isResponse && answers === 0 && namesServers && !isEnd && !out.isRecursionDesired;
}

/** What the OPT record says, whose class and time to live are fields of its own (RFC 6891 section 6.1.2); false when it cannot be read. */
function readOptions(out: DnsMessage, fixed: number, data: number, end: number): boolean {
  const { view } = message;
  out.payloadSize = Math.max(PLAIN_SIZE, view.getUint16(fixed + 2));
  out.rcode = (view.getUint8(fixed + 4) << 4) | (out.rcode & 15);
  let at = data;
  while (at < end) {
    if (at + 4 > end) return false;
    const next = at + 4 + view.getUint16(at + 2);
    if (next > end) return false;
    if (view.getUint16(at) === OPTION_COOKIE) {
      const length = next - at - 4;
      if (length !== COOKIE.client && (length < COOKIE.least || length > COOKIE.most)) return false;
      out.hasCookie = true;
      out.hasServerCookie = length > COOKIE.client;
    }
    at = next;
  }
  return true;
}

/** What a message from the client is to a race. */
export const DNS_QUERY = {
  /** One question, that may be asked as often as one likes. */
  COPY: 0,
  NOT_A_QUERY: 1,
  /** Something in it cannot be read, or does not belong into a query. */
  MALFORMED: 2,
  /** Delivered twice, the second one fails, and its answer is the one that counts (RFC 2136 section 5.1). */
  UPDATE: 3,
  /** Its receiver notes who has sent it, and asks back (RFC 1996 section 3.10). */
  NOTIFY: 4,
  OTHER_OPCODE: 5,
  /** A zone: large, and by TCP as a rule (RFC 1995, 5936). */
  TRANSFER: 6,
  /** Makes keys at the server (RFC 2930): each copy would make others. */
  KEYS: 7,
  /** None, or more than one. */
  QUESTIONS: 8,
} as const;

/**
 * Whether a client's message may be copied, one of DNS_QUERY. A signed query may: its signature covers the message and not addresses
 * (RFC 8945 section 4.3.3, 2931 section 3.1), asks for nothing that is kept, and all copies are the same bytes, so that each answer's
 * signature is right. One with a server's cookie may as well: a server that minds another address says BADCOOKIE, which waits.
 */
export function dnsQueryKind(out: DnsMessage): number {
  if (out.isResponse) return DNS_QUERY.NOT_A_QUERY;
  if (out.opcode === DNS_OPCODE.UPDATE) return DNS_QUERY.UPDATE;
  if (out.opcode === DNS_OPCODE.NOTIFY) return DNS_QUERY.NOTIFY;
  if (out.opcode !== DNS_OPCODE.QUERY) return DNS_QUERY.OTHER_OPCODE;
  if (out.questions !== 1) return DNS_QUERY.QUESTIONS;
  if (out.type === TYPE.AXFR || out.type === TYPE.IXFR) return DNS_QUERY.TRANSFER;
  if (out.type === TYPE.TKEY) return DNS_QUERY.KEYS;
  const isPlain = out.isSound && !out.hasMore && out.answers === 0 && out.authority === 0;
  return isPlain && !out.isTruncated ? DNS_QUERY.COPY : DNS_QUERY.MALFORMED;
}

/** What an answer is worth. */
export const DNS_ANSWER = {
  /** It decides the race. */
  POSITIVE: 0,
  /** It waits, while another route may say more. */
  NEGATIVE: 1,
  /** It answers another question, or none, or cannot be read: no client takes it. */
  MISMATCH: 2,
} as const;

/**
 * What a message is to the question that was asked with this id and these bytes (`exactHash`), one of DNS_ANSWER. An answer repeats
 * both (RFC 5452 section 9.1), letter by letter where a client mixes upper and lower case; errors may leave the question out.
 *
 * - A name that does not exist (NXDOMAIN) is a full answer, as caches keep it (RFC 2308 section 5). If it waited, a provider that
 *   answers for names that do not exist with an address of its own would win each of these races.
 * - Without an error and without an answer it is empty, and waits, with the SOA record of a zone that has no such type as well: which
 *   of two name servers has not heard of the type cannot be told from it. A referral is what a resolver has asked for.
 * - Truncated (TC) it has an answer to give, by TCP.
 */
export function dnsAnswerKind(out: DnsMessage, id: number, exactHash: number): number {
  if (!out.isResponse || out.id !== id || out.opcode !== DNS_OPCODE.QUERY) return DNS_ANSWER.MISMATCH;
  const isError = out.rcode !== DNS_RCODE.NOERROR && out.rcode !== DNS_RCODE.NXDOMAIN;
  if (out.questions === 0) return isError ? DNS_ANSWER.NEGATIVE : DNS_ANSWER.MISMATCH;
  if (out.questions !== 1 || out.exactHash !== exactHash) return DNS_ANSWER.MISMATCH;
  if (isError) return DNS_ANSWER.NEGATIVE;
  if (out.isTruncated) return DNS_ANSWER.POSITIVE;
  if (!out.isSound) return DNS_ANSWER.MISMATCH;
  if (out.rcode === DNS_RCODE.NXDOMAIN || out.answers > 0 || out.isReferral) return DNS_ANSWER.POSITIVE;
  return DNS_ANSWER.NEGATIVE;
}
