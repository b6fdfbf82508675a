/** Which part of a message's body describes its session: all of it, or a part of several (RFC 5621 section 3.1, RFC 2046 section 5.1). */

import type { Span } from './named-end.js';
import { textOf } from './text-head.js';
import { parameterOf, splitOutside, trimBlanks } from './text-values.js';
import type { ViewedBytes } from './viewed-bytes.js';

/** Parts that are looked at, and lines of their heads. */
const MAX_PARTS = 16;
const MAX_PART_LINES = 32;
const MAX_LINE = 1024;
const MAX_BOUNDARY = 70;
const LF = 10;

/** By the message's Content-Type; null when no part is a session description. */
export function findDescription(
  space: ViewedBytes,
  contentType: string,
  start: number,
  end: number,
): Span | null {
  if (start < 0 || end > space.bytes.length || start >= end) return null;
  const [type, ...parameters] = splitOutside(contentType, ';', MAX_PARTS);
  if (isDescription(type)) return { start, end };
  const boundary = type.toLowerCase().startsWith('multipart/') ? parameterOf(parameters, 'boundary') : null;
  if (boundary === null || boundary === '' || boundary.length > MAX_BOUNDARY) return null;
  return findPart(space, `--${boundary}`, start, end);
}

function isDescription(type: string): boolean {
  return trimBlanks(type).toLowerCase() === 'application/sdp';
}

/** From delimiter to delimiter. A part ends before the line end that belongs to the next one. */
function findPart(space: ViewedBytes, delimiter: string, start: number, end: number): Span | null {
  let parts = 0;
  let found = -1;
  for (let at = start; at < end; at = lineEnd(space, at, end)) {
    if (end - at < delimiter.length || textOf(space, at, at + delimiter.length) !== delimiter) continue;
    if (found >= 0) return { start: found, end: Math.max(found, beforeLineEnd(space, at)) };
    if (++parts > MAX_PARTS) return null;
    found = bodyOfDescription(space, lineEnd(space, at, end), end);
  }
  return found < 0 ? null : { start: found, end };
}

/** Behind the head of a part that is a description; -1 when it is something else. */
function bodyOfDescription(space: ViewedBytes, start: number, end: number): number {
  let isOurs = false;
  let at = start;
  for (let lines = 0; at < end && lines < MAX_PART_LINES; lines++) {
    const next = lineEnd(space, at, end);
    const line = next - at <= MAX_LINE ? trimBlanks(textOf(space, at, next)) : '-';
    if (line === '') return isOurs ? next : -1;
    const field = /^content-type *: *([^;]*)/i.exec(line);
    if (field !== null) isOurs = isDescription(field[1]);
    at = next;
  }
  return -1;
}

/** Where the next line begins. */
function lineEnd({ bytes }: ViewedBytes, at: number, end: number): number {
  const found = bytes.subarray(at, end).indexOf(LF);
  return found < 0 ? end : at + found + 1;
}

function beforeLineEnd({ bytes }: ViewedBytes, at: number): number {
  return bytes[at - 2] === 13 ? at - 2 : at - 1;
}
