/** How often something may be started again: what keeps ending has a bug that no restart heals. */
const WINDOW_MS = 60_000;
const MOST = 5;

export class RestartLimit {
  private starts: number[] = [];

  /** Counts a restart; false when there have been too many lately. */
  allows(nowMs: number): boolean {
    this.starts = this.starts.filter((at) => nowMs - at < WINDOW_MS);
    return this.starts.push(nowMs) <= MOST;
  }
}
