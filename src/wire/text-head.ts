/**
 * The head of a message of text: a first line and header fields up to an empty line, as HTTP, SIP and RTSP have it (RFC 9112, 3261, 2326). Only
 * where each line, name and value is; nothing is copied, nothing throws, and the work is bounded by the bytes.
 */
import { trimBlanks, wholeNumber } from './text-values.js';
import type { ViewedBytes } from './viewed-bytes.js';

/** What the bytes are so far. BAD: no head, or one that is too large. */
export const HEAD = { INCOMPLETE: 0, COMPLETE: 1, BAD: 2 } as const;

/** Header fields of a message that is looked at; sensible ones have 40 at most. */
export const MAX_FIELDS = 128;
/** Bytes from the first line to the empty one. */
export const MAX_HEAD = 16_384;

/** One head; reused. Ends are behind the last byte. */
export interface TextHead {
  lineStart: number;
  lineEnd: number;
  /** Fields; the first `count` of each array. Blanks around values are left out, line ends inside of folded ones are not. */
  count: number;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  /** Where the body begins. */
  body: number;
  /** As RFC 9112 wants it: CRLF behind each line, no CR, LF or NUL elsewhere, no folded line, no line without a name, no blank before a colon. */
  isStrict: boolean;
}

export function createTextHead(): TextHead {
  return {
    lineStart: 0,
    lineEnd: 0,
    count: 0,
    nameStart: new Int32Array(MAX_FIELDS),
    nameEnd: new Int32Array(MAX_FIELDS),
    valueStart: new Int32Array(MAX_FIELDS),
    valueEnd: new Int32Array(MAX_FIELDS),
    body: 0,
    isStrict: true,
  };
}

const NUL = 0;
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const SLASH = 47;
const COLON = 58;

/** Reads the head that begins at `start`, where its first line is. Lines may end in LF alone, which is not strict. */
export function scanHead(out: TextHead, { bytes }: ViewedBytes, start: number, end: number): number {
  if (start < 0 || end > bytes.length || start > end) return HEAD.BAD;
  out.count = 0;
  out.isStrict = true;
  out.lineStart = start;
  const limit = Math.min(end, start + MAX_HEAD);
  let line = start;
  for (let i = start; i < limit; i++) {
    const byte = bytes[i];
    if (byte === NUL) out.isStrict = false;
    if (byte === CR && i + 1 < limit && bytes[i + 1] !== LF) out.isStrict = false;
    if (byte !== LF) continue;
    const hasReturn = i > line && bytes[i - 1] === CR;
    const lineEnd = hasReturn ? i - 1 : i;
    if (!hasReturn) out.isStrict = false;
    if (line === start) {
      if (lineEnd === line) return HEAD.BAD;
      out.lineEnd = lineEnd;
    } else if (lineEnd === line) {
      out.body = i + 1;
      return HEAD.COMPLETE;
    } else if (!addLine(out, bytes, line, lineEnd)) {
      return HEAD.BAD;
    }
    line = i + 1;
  }
  return limit - start === MAX_HEAD ? HEAD.BAD : HEAD.INCOMPLETE;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** Notes a field, or lengthens the one before. False when there are too many. */
function addLine(out: TextHead, bytes: Uint8Array, start: number, end: number): boolean {
  if (isBlank(bytes[start])) {
    out.isStrict = false;
    // Folded (RFC 3261 section 7.3.1): the value goes on. Before the first field there is none.
    if (out.count > 0) out.valueEnd[out.count - 1] = trimEnd(bytes, out.valueStart[out.count - 1], end);
    return true;
  }
  const colon = bytes.subarray(start, end).indexOf(COLON);
  if (colon <= 0) {
    out.isStrict = false;
    return true;
  }
  if (out.count === MAX_FIELDS) return false;
  const nameEnd = trimEnd(bytes, start, start + colon);
  if (nameEnd !== start + colon) out.isStrict = false;
  let value = start + colon + 1;
  while (value < end && isBlank(bytes[value])) value++;
  const field = out.count++;
  out.nameStart[field] = start;
  out.nameEnd[field] = nameEnd;
  out.valueStart[field] = value;
  out.valueEnd[field] = trimEnd(bytes, value, end);
  return true;
}

function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && isBlank(bytes[at - 1])) at--;
  return at;
}

/** Whether a field has this name, which is given in lower case (names are compared without case). */
export function isNamed(head: TextHead, { bytes }: ViewedBytes, field: number, name: string): boolean {
  const start = head.nameStart[field];
  return head.nameEnd[field] - start === name.length && equalsLower(bytes, start, name);
}

/** Whether the bytes from `at` on are `text`, which is in lower case, without regard to case. The caller knows that there are enough. */
export function equalsLower(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[at + i];
    if ((byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte) !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether a byte may be in a name (RFC 9110 section 5.6.2; SIP and RTSP know fewer). */
export function isTokenByte(byte: number): boolean {
  return byte < TOKEN_BYTES.length && TOKEN_BYTES[byte] === 1;
}

const TOKEN_BYTES = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w!#$%&'*+.^`|~-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Behind empty lines at the beginning. A CR whose LF is not there yet counts as well. */
export function skipLineEnds(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++;
  return at;
}

/**
 * Whether the first word of a stream, as far as it is there, may be a method or a version: what else somebody speaks on the port of a protocol is
 * not waited for.
 */
export function mayBeginMessage(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end && i < start + LONGEST_WORD; i++) {
    if (bytes[i] === SPACE) return i > start;
    if (!isTokenByte(bytes[i]) && bytes[i] !== SLASH) return false;
  }
  return end - start < LONGEST_WORD;
}

const LONGEST_WORD = 64;

/** How many characters of a value are read; the ones that we want are shorter by far. */
export const MAX_TEXT = 4096;

/**
 * Bytes as text, a character each (Latin 1, so that different bytes are different texts), line ends of folded values as blanks.
 * '' when it is longer than MAX_TEXT or has other control characters: nothing that we use has.
 */
export function textOf({ bytes }: ViewedBytes, start: number, end: number): string {
  if (end - start > MAX_TEXT) return '';
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte === CR || byte === LF || byte === TAB) text += ' ';
    else if (byte < SPACE || byte === 0x7f) return '';
    else text += String.fromCharCode(byte);
  }
  return text;
}

/** What `contentLengthOf` gives besides a length: there is no such field; it is no length, or there are several. */
export const NO_LENGTH = -1;
export const BAD_LENGTH = -2;
/** Of a body, whoever sends it. */
const MAX_LENGTH = 0x7fffffff;

/** Content-Length, also by its compact name; the same length twice is one. */
export function contentLengthOf(head: TextHead, space: ViewedBytes, compact: string): number {
  let found = NO_LENGTH;
  for (let field = 0; field < head.count; field++) {
    if (!isNamed(head, space, field, 'content-length') && !isNamed(head, space, field, compact)) continue;
    const length = wholeNumber(valueText(head, space, field), MAX_LENGTH);
    if (length < 0 || (found !== NO_LENGTH && found !== length)) return BAD_LENGTH;
    found = length;
  }
  return found;
}

/** The value of a field as text, without blanks around it: a folded one may begin on its second line. */
export function valueText(head: TextHead, space: ViewedBytes, field: number): string {
  return trimBlanks(textOf(space, head.valueStart[field], head.valueEnd[field]));
}
