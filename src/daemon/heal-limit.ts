/**
 * How often something of ours is put back that others remove: at once a few times in a minute, then only now and then or not at
 * all, since somebody wants it otherwise and would go on.
 */
const WINDOW_MS = 60_000;
const MOST = 5;

export class HealLimit {
  // BOUNDED: by MOST, older ones go.
  private times: number[] = [];

  /** `pauseMs`: how long it is left alone after too many; Infinity: as long as they are not a minute old. */
  constructor(private readonly pauseMs: number) {}

  /** How long to wait until the next time; 0: now. */
  waitMs(nowMs: number): number {
    if (!this.isReached(nowMs)) return 0;
    const last = this.times[this.times.length - 1] ?? 0;
    return Math.max(0, last + this.pauseMs - nowMs);
  }

  /** Counts a time. */
  note(nowMs: number): void {
    this.times = [...this.times, nowMs].slice(-MOST);
  }

  /** There have been too many lately. */
  isReached(nowMs: number): boolean {
    return this.times.length === MOST && nowMs - (this.times[0] ?? 0) < WINDOW_MS;
  }
}
