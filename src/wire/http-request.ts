/**
 * The beginning of a TCP stream that may be a plain HTTP/1 request (RFC 9112): may several servers be given it, or one server several times?
 * Stricter than servers are: what two of them may understand in two ways is not safe. Nothing throws, and the work is bounded by MAX_HEAD.
 */
import {
  createTextHead,
  equalsLower,
  HEAD,
  isNamed,
  isTokenByte,
  MAX_HEAD,
  scanHead,
  type TextHead,
  valueText,
} from './text-head.js';
import type { ViewedBytes } from './viewed-bytes.js';

/**
 * SAFE: one whole request that changes nothing (RFC 9110 section 9.2.1) and has no body. UNSAFE: a request, or what a server may take for one,
 * that is given to one route. INCOMPLETE may still become a safe one.
 */
export const HTTP = { INCOMPLETE: 0, SAFE: 1, UNSAFE: 2, NOT: 3 } as const;
export type Http = (typeof HTTP)[keyof typeof HTTP];

/** Why a request is unsafe; '' when it is not. */
export type HttpReason =
  | ''
  | 'method'
  | 'malformed'
  | 'too-long'
  | 'body'
  | 'upgrade'
  | 'expect'
  | 'pipelined';

/** One request; reused. */
export interface HttpRequest {
  reason: HttpReason;
  /** Of a safe request: behind its head. */
  after: number;
}

export function createHttpRequest(): HttpRequest {
  return { reason: '', after: 0 };
}

/** Methods that are safe by definition and that clients begin with. TRACE is safe as well; nobody needs it. */
const SAFE_METHODS = ['get ', 'head ', 'options '] as const;
/** Others that make it a request (RFC 9110 section 9.3, RFC 5789), and the preface of HTTP/2 without TLS (RFC 9113 section 3.4). */
const OTHER_METHODS = ['post ', 'put ', 'delete ', 'connect ', 'trace ', 'patch ', 'pri '] as const;

/** Looks at the stream from `start` to before `end`: all that the client has sent. */
export function decodeHttpRequest(out: HttpRequest, space: ViewedBytes, start: number, end: number): Http {
  out.reason = '';
  out.after = start;
  if (start < 0 || end > space.bytes.length || start > end) return HTTP.NOT;
  const method = readMethod(space.bytes, start, end);
  if (method !== HTTP.SAFE) {
    if (method === HTTP.UNSAFE) out.reason = 'method';
    return method;
  }
  const state = scanHead(head, space, start, end);
  if (state === HEAD.COMPLETE) {
    out.after = head.body;
    out.reason = judge(space, end);
  } else if (state === HEAD.BAD) {
    out.reason = end - start >= MAX_HEAD ? 'too-long' : 'malformed';
  } else if (head.isStrict) {
    return HTTP.INCOMPLETE;
  } else {
    // What is wrong already will not become right.
    out.reason = 'malformed';
  }
  return out.reason === '' ? HTTP.SAFE : HTTP.UNSAFE;
}

const head: TextHead = createTextHead();

/** By the first word: SAFE, UNSAFE, NOT, or INCOMPLETE while it may still be a method. Methods are upper case. */
function readMethod(bytes: Uint8Array, start: number, end: number): Http {
  let mayBe = false;
  for (const [methods, verdict] of [
    [SAFE_METHODS, HTTP.SAFE],
    [OTHER_METHODS, HTTP.UNSAFE],
  ] as const) {
    for (const method of methods) {
      const length = Math.min(end - start, method.length);
      if (!equalsUpper(bytes, start, method, length)) continue;
      if (length === method.length) return verdict;
      mayBe = true;
    }
  }
  return mayBe ? HTTP.INCOMPLETE : HTTP.NOT;
}

function equalsUpper(bytes: Uint8Array, at: number, method: string, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[at + i] >= 0x61) return false;
  return equalsLower(bytes, at, method.slice(0, length));
}

/** Of a whole head. */
function judge(space: ViewedBytes, end: number): HttpReason {
  if (!head.isStrict || !isRequestLine(space.bytes, head.lineStart, head.lineEnd)) return 'malformed';
  for (let field = 0; field < head.count; field++) {
    if (!isToken(space.bytes, head.nameStart[field], head.nameEnd[field])) return 'malformed';
    const reason = judgeField(space, field);
    if (reason !== '') return reason;
  }
  // A second request, or a body that nothing has announced: the first answer would be followed by what one route alone has asked for.
  return head.body < end ? 'pipelined' : '';
}

function judgeField(space: ViewedBytes, field: number): HttpReason {
  const named = (name: string): boolean => isNamed(head, space, field, name);
  if (named('content-length')) return valueText(head, space, field) === '0' ? '' : 'body';
  if (named('transfer-encoding')) return 'body';
  if (named('expect')) return 'expect';
  // A WebSocket (RFC 6455) or HTTP/2 begins with GET as well, and is a session at each server that is asked.
  if (named('upgrade') || named('http2-settings')) return 'upgrade';
  if (named('connection') && /(^|,)[ \t]*upgrade[ \t]*(,|$)/i.test(valueText(head, space, field)))
    return 'upgrade';
  return '';
}

/** method SP request-target SP HTTP-version (RFC 9112 section 3), of visible characters. The method is known. */
function isRequestLine(bytes: Uint8Array, start: number, end: number): boolean {
  const target = bytes.subarray(start, end).indexOf(SPACE) + start + 1;
  const version = end - 'http/1.1'.length;
  if (version - 1 <= target || bytes[version - 1] !== SPACE) return false;
  if (!equalsUpper(bytes, version, 'http/1.', 7) || (bytes[end - 1] & 0xfe) !== 0x30) return false;
  for (let i = target; i < version - 1; i++) if (bytes[i] <= SPACE || bytes[i] >= 0x7f) return false;
  return true;
}

const SPACE = 32;

/** A token (RFC 9110 section 5.6.2), not empty. */
function isToken(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isTokenByte(bytes[i])) return false;
  return end > start;
}
