/** Names in messages of the domain name system (RFC 1035 section 4.1.4), with their pointers: nothing throws, nothing loops. */
import type { ViewedBytes } from './viewed-bytes.js';

/** Length of a message's header: no name begins before its end. */
export const DNS_HEADER = 12;
/** Of a name as it is sent, with its length bytes (RFC 1035 section 2.3.4). */
export const MAX_NAME = 255;
const MAX_LABEL = 63;

/** A message among other bytes: it begins at `start`, to which its pointers count, and ends before `end`. */
export interface Message extends ViewedBytes {
  readonly start: number;
  readonly end: number;
}

/** Where the bytes of a name end in the message itself, whatever it points to; -1 when they do not. */
export function skipName({ bytes, end }: Message, at: number): number {
  let i = at;
  while (i < end && i - at < MAX_NAME) {
    const length = bytes[i];
    if (length === 0) return i + 1;
    if (length >= POINTER) return i + 2 <= end ? i + 2 : -1;
    if (length > MAX_LABEL) return -1;
    i += 1 + length;
  }
  return -1;
}

const POINTER = 0xc0;

/** Pointers that lead to pointers directly: two happen, more are meant badly. */
const MAX_JUMPS = 8;

/**
 * The label at `at`, with pointers followed, each of which must lead back: the offset of its length byte, or -1 when there is none.
 */
function resolve({ bytes, start, end }: Message, at: number): number {
  let i = at;
  for (let jumps = 0; i < end && bytes[i] >= POINTER; jumps++) {
    if (i + 2 > end || jumps === MAX_JUMPS) return -1;
    const target = start + (((bytes[i] & ~POINTER) << 8) | bytes[i + 1]);
    if (target < start + DNS_HEADER || target >= i) return -1;
    i = target;
  }
  if (i >= end || bytes[i] > MAX_LABEL || i + 1 + bytes[i] > end) return -1;
  return i;
}

/** A hash that is equal for equal names, not negative; -1 when it is no name. */
export function hashName(message: Message, at: number): number {
  const { bytes } = message;
  let hash = 0x811c9dc5;
  let total = 0;
  let i = resolve(message, at);
  while (i >= 0) {
    const length = bytes[i];
    total += 1 + length;
    if (total > MAX_NAME) return -1;
    if (length === 0) return hash & 0x7fffffff;
    for (let k = i; k <= i + length; k++) hash = Math.imul(hash ^ lower(bytes[k]), 0x01000193);
    i = resolve(message, i + 1 + length);
  }
  return -1;
}

/** Both have been hashed, so both are names. */
export function sameName(message: Message, a: number, b: number): boolean {
  const { bytes } = message;
  let i = resolve(message, a);
  let j = resolve(message, b);
  while (i !== j) {
    if (i < 0 || j < 0) return false;
    const length = bytes[i];
    if (length !== bytes[j]) return false;
    if (length === 0) return true;
    for (let k = 1; k <= length; k++) if (lower(bytes[i + k]) !== lower(bytes[j + k])) return false;
    i = resolve(message, i + 1 + length);
    j = resolve(message, j + 1 + length);
  }
  return true;
}

/** The text of a name that has been hashed. */
export function readName(message: Message, at: number): string {
  const { bytes } = message;
  let text = '';
  let i = resolve(message, at);
  while (i >= 0 && bytes[i] !== 0) {
    if (text !== '') text += '.';
    for (let k = 1; k <= bytes[i]; k++) text += character(lower(bytes[i + k]));
    i = resolve(message, i + 1 + bytes[i]);
  }
  return text;
}

function character(code: number): string {
  if (code <= 0x20 || code >= 0x7f) return `\\${String(code).padStart(3, '0')}`;
  const plain = String.fromCharCode(code);
  return plain === '.' || plain === '\\' ? `\\${plain}` : plain;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}
