/**
 * Connections whose windows are translated: labels of the connection table say by how much, one per direction. The rules that do it are in
 * kernel/render-windows.ts.
 */
import type { Additions } from './ctnetlink-additions.js';

/** Bits that a window is shifted by, to the left; to the right when negative. */
export interface WindowShifts {
  /** From the server. */
  readonly reply: number;
  readonly original: number;
}

/** The longest shift (RFC 7323 section 2.3). */
export const MOST_SHIFT = 14;
/** The first of four times MOST_SHIFT labels: the last ones that there are. */
const FIRST = 128 - 4 * MOST_SHIFT;
const BYTES = 16;

/** The label of a shift that is not 0. */
export function windowLabel(direction: keyof WindowShifts, shift: number): number {
  const place = (direction === 'reply' ? 0 : 2) + (shift > 0 ? 0 : 1);
  return FIRST + place * MOST_SHIFT + Math.abs(shift) - 1;
}

/** What an entry has besides, with the labels of its shifts. */
export function withWindowLabels(additions: Additions | null, shifts: WindowShifts): Additions {
  const labels = new Uint8Array(BYTES);
  if (additions?.labels) labels.set(additions.labels.subarray(0, BYTES));
  for (const direction of ['reply', 'original'] as const) {
    if (shifts[direction] === 0) continue;
    const label = windowLabel(direction, shifts[direction]);
    // A bitmap of the machine's words: on a little-endian one in the order of its bytes.
    labels[label >>> 3] |= 1 << (label & 7);
  }
  return { helper: additions?.helper ?? null, labels };
}
