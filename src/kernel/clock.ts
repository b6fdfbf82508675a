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
  return ORIGIN_MS;
}

const ORIGIN_MS = monotonicMs() - performance.now();

/** The date of a moment, by the wall clock as it is set now; milliseconds. The same however often it is asked for, until the clock is set. */
export function wallAt(atMonotonicMs: number): number {
  return wallOffsetMs() + atMonotonicMs;
}

/** The moment of a date. */
export function monotonicAt(wallMs: number): number {
  return wallMs - wallOffsetMs();
}

/** Less is two clocks read one after the other, or one that is being regulated. */
const REGULATED_MS = 20;
let offsetMs = Number.NaN;

/** Wall time less monotonic time. */
function wallOffsetMs(): number {
  const isAsBefore = (): boolean => Math.abs(Date.now() - monotonicMs() - offsetMs) < REGULATED_MS;
  // Twice: on a busy machine anything may pass between the readings of two clocks.
  if (!isAsBefore() && !isAsBefore()) offsetMs = Date.now() - monotonicMs();
  return offsetMs;
}

/** ISO 8601; for a clock that shows what no date can be, the nearest that can. */
export function dateText(atMonotonicMs: number): string {
  const most = 8.64e15;
  return new Date(Math.max(-most, Math.min(most, wallAt(atMonotonicMs)))).toISOString();
}
