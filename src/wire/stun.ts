/**
 * STUN messages in a UDP payload (RFC 8489; the classic ones of RFC 3489), as a race sees them: a plain question for one's own address
 * may be asked over several routes, nothing else. Anybody may have sent them: nothing throws, nothing loops, the work is bounded.
 */
import { crc32 } from './crc32.js';
import { hashBytes } from './hash-bytes.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const STUN_PORT = 3478;
/** RFC 8489 section 5. */
export const STUN_CLASS = { REQUEST: 0, INDICATION: 1, SUCCESS: 2, ERROR: 3 } as const;
/** RFC 8489 section 18.2; the others that are registered are TURN's (RFC 8656 section 17). */
const BINDING = 1;
const MAGIC_COOKIE = 0x2112a442;
const HEADER = 20;

const ATTRIBUTE = {
  MAPPED_ADDRESS: 0x0001,
  /** Of RFC 3489 alone. */
  RESPONSE_ADDRESS: 0x0002,
  CHANGE_REQUEST: 0x0003,
  USERNAME: 0x0006,
  MESSAGE_INTEGRITY: 0x0008,
  ERROR_CODE: 0x0009,
  MESSAGE_INTEGRITY_SHA256: 0x001c,
  USERHASH: 0x001e,
  XOR_MAPPED_ADDRESS: 0x0020,
  PRIORITY: 0x0024,
  USE_CANDIDATE: 0x0025,
  RESPONSE_PORT: 0x0027,
  FINGERPRINT: 0x8028,
  ICE_CONTROLLED: 0x8029,
  ICE_CONTROLLING: 0x802a,
} as const;
const FINGERPRINT_MASK = 0x5354554e;
/** Attributes that are looked at. Real messages have a dozen at most. */
const MAX_ATTRIBUTES = 64;

/** One message; reused. */
export interface StunMessage {
  /** One of STUN_CLASS. */
  class: number;
  /** 1: Binding; all others are TURN's. */
  method: number;
  /** It has the cookie of RFC 5389 and after. Without it a message is told by the port alone: anything may look like one. */
  hasCookie: boolean;
  /** Of the cookie and the transaction id, which an answer repeats. */
  transactionHash: number;
  /** A fingerprint, which was right. */
  hasFingerprint: boolean;
  /** A user name or a message integrity: its sender and its receiver have agreed upon a secret. */
  hasCredentials: boolean;
  /** An attribute of ICE (RFC 8445 section 16.1): a check between peers. */
  isCheck: boolean;
  /** The answer is to come from another address, or to go to another one (RFC 5780, 3489). */
  isElsewhere: boolean;
  /** The client's address as the server sees it. */
  hasAddress: boolean;
  /** Class and number of an error, as 401; 0 without any. */
  errorCode: number;
}

export function createStunMessage(): StunMessage {
  return {
    class: STUN_CLASS.REQUEST,
    method: 0,
    hasCookie: false,
    transactionHash: 0,
    hasFingerprint: false,
    hasCredentials: false,
    isCheck: false,
    isElsewhere: false,
    hasAddress: false,
    errorCode: 0,
  };
}

/**
 * Decodes the message from `start` to before `end`, all of which it has to be. False: it is not STUN, or its fingerprint is wrong, and
 * `out` says nothing.
 */
export function decodeStun(out: StunMessage, viewed: ViewedBytes, start: number, end: number): boolean {
  const { bytes, view } = viewed;
  if (start < 0 || end > bytes.length || end - start < HEADER) return false;
  const type = view.getUint16(start);
  const length = view.getUint16(start + 2);
  if (type >= 0x4000 || length % 4 !== 0 || length !== end - start - HEADER) return false;
  out.class = ((type >>> 7) & 2) | ((type >>> 4) & 1);
  out.method = (type & 0x000f) | ((type >>> 1) & 0x0070) | ((type >>> 2) & 0x0f80);
  out.hasCookie = view.getUint32(start + 4) === MAGIC_COOKIE;
  out.transactionHash = hashBytes(bytes, start + 4, start + HEADER);
  out.hasFingerprint = false;
  out.hasCredentials = false;
  out.isCheck = false;
  out.isElsewhere = false;
  out.hasAddress = false;
  out.errorCode = 0;
  return readAttributes(out, viewed, start, end);
}

function readAttributes(out: StunMessage, viewed: ViewedBytes, start: number, end: number): boolean {
  const { view } = viewed;
  let at = start + HEADER;
  for (let count = 0; at < end; count++) {
    // Behind a fingerprint there is nothing (RFC 8489 section 14.7).
    if (count === MAX_ATTRIBUTES || out.hasFingerprint || at + 4 > end) return false;
    const type = view.getUint16(at);
    const length = view.getUint16(at + 2);
    const value = at + 4;
    // Values are filled up to four bytes.
    const next = value + ((length + 3) & ~3);
    if (next > end) return false;
    if (type === ATTRIBUTE.FINGERPRINT && out.hasCookie) {
      if (length !== 4 || (crc32(viewed.bytes, start, at) ^ FINGERPRINT_MASK) !== view.getInt32(value))
        return false;
      out.hasFingerprint = true;
    } else note(out, view, type, value, length);
    at = next;
  }
  return true;
}

function note(out: StunMessage, view: DataView, type: number, value: number, length: number): void {
  switch (type) {
    case ATTRIBUTE.USERNAME:
    case ATTRIBUTE.USERHASH:
    case ATTRIBUTE.MESSAGE_INTEGRITY:
    case ATTRIBUTE.MESSAGE_INTEGRITY_SHA256:
      out.hasCredentials = true;
      break;
    case ATTRIBUTE.PRIORITY:
    case ATTRIBUTE.USE_CANDIDATE:
    case ATTRIBUTE.ICE_CONTROLLED:
    case ATTRIBUTE.ICE_CONTROLLING:
      out.isCheck = true;
      break;
    case ATTRIBUTE.CHANGE_REQUEST:
      // Old clients send it with nothing to change.
      if (length !== 4 || view.getUint32(value) !== 0) out.isElsewhere = true;
      break;
    case ATTRIBUTE.RESPONSE_ADDRESS:
    case ATTRIBUTE.RESPONSE_PORT:
      out.isElsewhere = true;
      break;
    case ATTRIBUTE.MAPPED_ADDRESS:
    case ATTRIBUTE.XOR_MAPPED_ADDRESS:
      // Family 1 or 2 and an address of its length (RFC 8489 section 14.1).
      if (length === 8 || length === 20) out.hasAddress = view.getUint8(value + 1) === (length === 8 ? 1 : 2);
      break;
    case ATTRIBUTE.ERROR_CODE:
      if (length >= 4) out.errorCode = (view.getUint8(value + 2) & 7) * 100 + view.getUint8(value + 3);
      break;
    default:
  }
}

/** Data of a TURN channel (RFC 8656 section 12.4). Told by the port alone: QUIC's short headers begin with the same bits. */
export function isChannelData({ bytes, view }: ViewedBytes, start: number, end: number): boolean {
  if (start < 0 || end > bytes.length || end - start < 4) return false;
  const channel = view.getUint16(start);
  if (channel < 0x4000 || channel > 0x4fff) return false;
  const length = 4 + view.getUint16(start + 2);
  const size = end - start;
  // By UDP it need not be filled up.
  return size === length || size === ((length + 3) & ~3);
}

/** What a message from the client is to a race. */
export const STUN_REQUEST = {
  /** A client asks a server for its address, and for nothing else. */
  COPY: 0,
  /** An answer, or an indication, which nobody answers. */
  NOT_A_REQUEST: 1,
  /** Allocations, permissions and channels are kept by a server, each for one address of the client (RFC 8656 section 3.2). */
  TURN: 2,
  /** With a secret, or a check of ICE: see `stunRequestKind`. */
  PEERS: 3,
  /** Its answer comes from elsewhere, so it would be no answer to the copy (RFC 5780 section 3). */
  ELSEWHERE: 4,
} as const;

/**
 * Whether a client's message may be copied, one of STUN_REQUEST. A connectivity check of ICE is not: it asks whether this very pair of
 * addresses works, its receiver takes each source of a check for a candidate of the peer (RFC 8445 section 7.3.1.3) and may use the pair
 * at once, and consent to send is what its answer gives (RFC 7675). Copies would give a peer candidates that lead nowhere a moment
 * later. Such checks have a user name and a message integrity, always (RFC 8445 section 7.1.2).
 */
export function stunRequestKind(out: StunMessage): number {
  if (out.class !== STUN_CLASS.REQUEST) return STUN_REQUEST.NOT_A_REQUEST;
  if (out.method !== BINDING) return STUN_REQUEST.TURN;
  if (out.hasCredentials || out.isCheck) return STUN_REQUEST.PEERS;
  return out.isElsewhere ? STUN_REQUEST.ELSEWHERE : STUN_REQUEST.COPY;
}

/** What an answer is worth. */
export const STUN_ANSWER = {
  POSITIVE: 0,
  /** An error, or a success without an address: it waits, while another route may say more. */
  NEGATIVE: 1,
  /** Of another transaction, or no answer. */
  MISMATCH: 2,
} as const;

/**
 * What a message is to a Binding request with this hash of cookie and transaction id, one of STUN_ANSWER. 96 bits that the client has
 * drawn at random are repeated (RFC 8489 section 5), of which 32 are compared: what fits has seen the request.
 */
export function stunAnswerKind(out: StunMessage, transactionHash: number): number {
  if (out.method !== BINDING || out.transactionHash !== transactionHash) return STUN_ANSWER.MISMATCH;
  if (out.class === STUN_CLASS.ERROR) return STUN_ANSWER.NEGATIVE;
  if (out.class !== STUN_CLASS.SUCCESS) return STUN_ANSWER.MISMATCH;
  return out.hasAddress ? STUN_ANSWER.POSITIVE : STUN_ANSWER.NEGATIVE;
}
