/**
 * How much slower than the best route of the same race each route was, on average over a period: routes are compared only on
 * destinations that all of them were asked for. Two half periods, so that what is old leaves without being kept one by one.
 */
import type { Micros, RouteNumber } from '../engine-types.js';

/** Fewer samples say nothing. */
const MIN_SAMPLES = 3;

/** BOUNDED: per route. */
export class History {
  /** Length of the period. */
  periodMicros: Micros = 3_600_000_000;

  private readonly sums: Float64Array;
  private readonly counts: Float64Array;
  private readonly oldSums: Float64Array;
  private readonly oldCounts: Float64Array;
  private turnedAt: Micros = Number.NEGATIVE_INFINITY;

  constructor(private readonly routes: number) {
    this.sums = new Float64Array(routes + 1);
    this.counts = new Float64Array(routes + 1);
    this.oldSums = new Float64Array(routes + 1);
    this.oldCounts = new Float64Array(routes + 1);
  }

  /** A race in which a route answered `excess` microseconds after the first. */
  add(route: RouteNumber, excess: Micros, now: Micros): void {
    this.turn(now);
    this.sums[route] += excess;
    this.counts[route]++;
  }

  /** Writes the mean per route; -1 where there are too few samples. */
  means(out: Float64Array, now: Micros): void {
    this.turn(now);
    for (let route = 1; route <= this.routes; route++) {
      const count = this.counts[route] + this.oldCounts[route];
      out[route] = count < MIN_SAMPLES ? -1 : (this.sums[route] + this.oldSums[route]) / count;
    }
  }

  private turn(now: Micros): void {
    if (now - this.turnedAt < this.periodMicros / 2) return;
    const isRecent = now - this.turnedAt < this.periodMicros;
    for (let route = 1; route <= this.routes; route++) {
      this.oldSums[route] = isRecent ? this.sums[route] : 0;
      this.oldCounts[route] = isRecent ? this.counts[route] : 0;
      this.sums[route] = 0;
      this.counts[route] = 0;
    }
    this.turnedAt = now;
  }
}
