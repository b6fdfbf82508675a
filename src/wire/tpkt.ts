/** Packets in a TCP stream (RFC 1006 section 6, RFC 2126): a version, a byte for later, a length with these four bytes. */
import { FRAME } from './frame.js';
import type { ViewedBytes } from './viewed-bytes.js';

export const TPKT_HEADER = 4;
const VERSION = 3;

/**
 * The length of the first packet of a stream, or one of FRAME. The second byte has to be 0, as it is everywhere: the sooner we notice that a stream
 * is something else. A packet may be empty.
 */
export function frameTpkt({ bytes, view }: ViewedBytes, start: number, end: number): number {
  if (start < 0 || end > bytes.length || start > end) return FRAME.NOT;
  if (start < end && bytes[start] !== VERSION) return FRAME.NOT;
  if (start + 1 < end && bytes[start + 1] !== 0) return FRAME.NOT;
  if (start + TPKT_HEADER > end) return FRAME.INCOMPLETE;
  const length = view.getUint16(start + 2);
  if (length < TPKT_HEADER) return FRAME.NOT;
  return start + length <= end ? length : FRAME.INCOMPLETE;
}
