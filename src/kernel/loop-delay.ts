/** How late an event loop comes to a timer: what it was busy with meanwhile, everything else has waited for, too. */
import { countTime, createHistograms } from '../model/histogram.js';

export class LoopDelay {
  /** One histogram (model/histogram.ts); read by other threads. */
  readonly cells = createHistograms(1);

  private last = Number.NaN;

  /** `everyMs`: of the timer that calls `tick`. */
  constructor(private readonly everyMs: number) {}

  /** Called each time; `nowMs` of a monotonic clock. */
  tick(nowMs: number): void {
    const late = nowMs - this.last - this.everyMs;
    this.last = nowMs;
    if (!Number.isNaN(late)) countTime(this.cells, 0, Math.max(0, late) * 1000);
  }
}
