/**
 * Time for everything but dates: the monotonic clock, the same for all threads and processes until the next boot. Somebody may set the
 * wall clock at any moment, so what is noted is noted by this one, and becomes a date when it is shown.
 */

/** Milliseconds since the machine was started. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** `performance.now()` of this thread was 0 then. */
export function originMs(): number {
  return monotonicMs() - performance.now();
}

/** The date of a moment, by the wall clock as it is set now; milliseconds. */
export function wallAt(atMonotonicMs: number): number {
  return Date.now() - (monotonicMs() - atMonotonicMs);
}

/** The moment of a date. */
export function monotonicAt(wallMs: number): number {
  return monotonicMs() - (Date.now() - wallMs);
}

/** ISO 8601; for a clock that shows what no date can be, the nearest that can. */
export function dateText(atMonotonicMs: number): string {
  const most = 8.64e15;
  return new Date(Math.max(-most, Math.min(most, wallAt(atMonotonicMs)))).toISOString();
}
