/**
 * What is known of the date. A machine without a battery for its clock begins in 1970, or where it was switched off, until somebody
 * sets it; a clock may be set at any moment. Time goes by the monotonic clock, and the newest setting of the wall clock that can be
 * believed says which date that is, also for what was before. Pure.
 */

/** No clock that is right says less: when this was written. Raised with releases. */
export const EARLIEST_MS = 1_793_491_200_000; // 2026-11-01

/** A clock that nobody sets, behind the one of the last run, is believed after so long: that one was wrong. */
const BELIEVED_AFTER_MS = 24 * 3_600_000;
/** Somebody has set the clock; less is the regulation of a clock that is right. */
const STEP_MS = 1000;

export interface KnownDate {
  /** Wall time of the last run when it was last seen, milliseconds; 0: there was none. */
  readonly lastMs: number;
  /** How long the clock had gone by then without being set. */
  readonly steadyMs: number;
}

export class KnownClock {
  /** Wall time less monotonic time as it is believed; null: no date is known yet. */
  offsetMs: number | null = null;
  /** How long it has gone without being set. */
  steadyMs: number;
  /** How often what is believed has changed by more than a second. */
  changes = 0;

  private startedMs: number | null = null;
  private seenMs = 0;
  /** Offset of the last reading, believed or not. */
  private seenOffset = 0;

  constructor(private readonly before: KnownDate) {
    this.steadyMs = before.steadyMs;
  }

  /** Takes a reading of both clocks, at one moment. */
  read(monotonicMs: number, wallMs: number): void {
    const offset = wallMs - monotonicMs;
    const isFirst = this.startedMs === null;
    const isStep = !isFirst && Math.abs(offset - this.seenOffset) >= STEP_MS;
    if (isStep) this.steadyMs = 0;
    else if (!isFirst) this.steadyMs += monotonicMs - this.seenMs;
    this.startedMs ??= monotonicMs;
    this.seenMs = monotonicMs;
    this.seenOffset = offset;
    if (wallMs < EARLIEST_MS) return;
    const isSet = isStep || this.offsetMs !== null;
    const isOld = wallMs < this.before.lastMs && monotonicMs - this.startedMs < BELIEVED_AFTER_MS;
    if (!isSet && isOld) {
      this.steadyMs = 0;
      return;
    }
    if (this.offsetMs === null || Math.abs(offset - this.offsetMs) >= STEP_MS) this.changes++;
    this.offsetMs = offset;
  }

  /** The date at a monotonic time; before any is known, that of the last run; 0: not even that. */
  wallAt(monotonicMs: number): number {
    return this.offsetMs === null ? this.before.lastMs : monotonicMs + this.offsetMs;
  }

  /** What the next run shall know. */
  known(): KnownDate {
    return { lastMs: Math.floor(this.wallAt(this.seenMs)), steadyMs: Math.floor(this.steadyMs) };
  }
}
