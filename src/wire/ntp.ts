/**
 * NTP packets in a UDP payload (RFC 5905, simple clients: RFC 4330), as a race sees them: a client's question may be asked over several
 * routes, an answer repeats when it was sent. Anybody may have sent them: nothing throws, nothing loops, the work is bounded.
 */
import type { ViewedBytes } from './viewed-bytes.js';

export const NTP_PORT = 123;
/** RFC 5905 section 7.3. 6 and 7 are other messages altogether. */
export const NTP_MODE = {
  ACTIVE: 1,
  PASSIVE: 2,
  CLIENT: 3,
  SERVER: 4,
  BROADCAST: 5,
  CONTROL: 6,
  PRIVATE: 7,
} as const;
const HEADER = 48;
const LEAP_UNKNOWN = 3;
const STRATUM_UNKNOWN = 16;
/** Extension fields of version 4 (RFC 7822 section 7.5.1), and what may follow them: a key id alone, MACs of 128 and 160 bits. */
const MIN_FIELD = 16;
const MAC_LENGTHS = [4, 20, 24] as const;
const MAX_FIELDS = 32;
/** A key id and the longest digest that is in use (SHA-512). */
const MAX_OLD_MAC = 68;
/** Unique identifier, cookie, placeholder, authenticator (RFC 8915 section 7.6). */
const NTS_FIELDS = [0x0104, 0x0204, 0x0304, 0x0404] as const;

/** One packet; reused. */
export interface NtpPacket {
  /** One of NTP_MODE, or 0. */
  mode: number;
  version: number;
  /** 3: the clock is not synchronised. */
  leap: number;
  /** 0: a kiss of death, or unspecified. */
  stratum: number;
  /** With stratum 0 four letters of ASCII: why a server does not answer (RFC 5905 section 7.4). */
  referenceId: number;
  /** Seconds and fractions as signed words: when the question was sent, as the answer repeats it, and when this packet was. */
  originHigh: number;
  originLow: number;
  transmitHigh: number;
  transmitLow: number;
  /** Fields of Network Time Security. */
  hasNts: boolean;
  /** Something behind the fields is as long as a message authentication code. */
  hasMac: boolean;
}

export function createNtpPacket(): NtpPacket {
  return {
    mode: 0,
    version: 0,
    leap: 0,
    stratum: 0,
    referenceId: 0,
    originHigh: 0,
    originLow: 0,
    transmitHigh: 0,
    transmitLow: 0,
    hasNts: false,
    hasMac: false,
  };
}

/** Decodes the packet from `start` to before `end`. False: it is none of modes 1 to 5, or what follows its header cannot be read; `out` says nothing. */
export function decodeNtp(out: NtpPacket, { bytes, view }: ViewedBytes, start: number, end: number): boolean {
  if (start < 0 || end > bytes.length || end - start < HEADER) return false;
  const first = bytes[start];
  out.leap = first >>> 6;
  out.version = (first >>> 3) & 7;
  out.mode = first & 7;
  if (out.mode === 0 || out.mode >= NTP_MODE.CONTROL) return false;
  out.stratum = bytes[start + 1];
  out.referenceId = view.getInt32(start + 12);
  out.originHigh = view.getInt32(start + 24);
  out.originLow = view.getInt32(start + 28);
  out.transmitHigh = view.getInt32(start + 40);
  out.transmitLow = view.getInt32(start + 44);
  out.hasNts = false;
  out.hasMac = false;
  return readFields(out, view, start + HEADER, end);
}

/** What follows the header: before version 4 a MAC alone, then extension fields, and a MAC (RFC 7822 section 7.5). */
function readFields(out: NtpPacket, view: DataView, from: number, end: number): boolean {
  let at = from;
  for (let count = 0; at < end; count++) {
    const rest = end - at;
    if (out.version < 4) {
      out.hasMac = true;
      return rest % 4 === 0 && rest <= MAX_OLD_MAC;
    }
    if (rest === MAC_LENGTHS[0] || rest === MAC_LENGTHS[1] || rest === MAC_LENGTHS[2]) {
      // As long as a MAC, it is one: a field without a MAC behind it has 28 bytes or more.
      out.hasMac = true;
      return true;
    }
    if (count === MAX_FIELDS || rest < MIN_FIELD) return false;
    const type = view.getUint16(at);
    const length = view.getUint16(at + 2);
    if (length < MIN_FIELD || length % 4 !== 0 || length > rest) return false;
    if (type === NTS_FIELDS[0] || type === NTS_FIELDS[1] || type === NTS_FIELDS[2] || type === NTS_FIELDS[3])
      out.hasNts = true;
    at += length;
  }
  return true;
}

/** What a packet from the client is to a race. */
export const NTP_REQUEST = {
  COPY: 0,
  /** An answer, a broadcast, or a peer, which keeps what it knows of the other one by its address (RFC 5905 section 9.1). */
  NOT_A_CLIENT: 1,
  /** Neither version 3 nor 4. */
  VERSION: 2,
  /**
   * A cookie of Network Time Security is to be used once: who sees it come from two addresses could tell that both are one client's
   * (RFC 8915 sections 5.7 and 9.1).
   */
  COOKIE: 3,
} as const;

/**
 * Whether a client's packet may be copied, one of NTP_REQUEST. With a MAC it may: that covers the packet and no address (RFC 5905
 * section 7.3). A simple client may send no time at all (RFC 4330 section 5): its answers repeat a zero, which proves nothing.
 */
export function ntpRequestKind(out: NtpPacket): number {
  if (out.mode !== NTP_MODE.CLIENT) return NTP_REQUEST.NOT_A_CLIENT;
  if (out.version !== 3 && out.version !== 4) return NTP_REQUEST.VERSION;
  return out.hasNts ? NTP_REQUEST.COOKIE : NTP_REQUEST.COPY;
}

/** What an answer is worth. */
export const NTP_ANSWER = {
  POSITIVE: 0,
  /** A server that does not want to answer (kiss of death), or whose clock is not right: it waits. */
  NEGATIVE: 1,
  /** Of another question, or no answer. */
  MISMATCH: 2,
} as const;

/**
 * What a packet is to the question that was sent at this time, one of NTP_ANSWER. An answer repeats that time as its origin (RFC 5905
 * section 8, TEST2); a client fills what its clock does not know of it with random bits, so what fits has seen the question. Interleaved
 * answers (RFC 9769) repeat another time and do not fit: a server gives them only to an address that it knows already.
 */
export function ntpAnswerKind(out: NtpPacket, transmitHigh: number, transmitLow: number): number {
  if (out.mode !== NTP_MODE.SERVER) return NTP_ANSWER.MISMATCH;
  if (out.originHigh !== transmitHigh || out.originLow !== transmitLow) return NTP_ANSWER.MISMATCH;
  if (out.stratum === 0 || out.stratum >= STRATUM_UNKNOWN || out.leap === LEAP_UNKNOWN)
    return NTP_ANSWER.NEGATIVE;
  // Without a time of its own it is bogus (RFC 5905 section 8, TEST3).
  return out.transmitHigh === 0 && out.transmitLow === 0 ? NTP_ANSWER.MISMATCH : NTP_ANSWER.POSITIVE;
}
