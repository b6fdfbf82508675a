/** What a round trip by each route takes mostly, over all destinations: for those of which memory knows nothing. */
import type { Family } from '../../model/address.js';
import type { Micros, RouteNumber } from '../engine-types.js';

/** Weight of a new time (RFC 6298 section 2.3). */
const SHARE = 1 / 8;

/** BOUNDED: two lanes per route. */
export class RoundTrips {
  /** -1: nothing is known. */
  private readonly mean: Float64Array;

  constructor(routes: number) {
    this.mean = new Float64Array((routes + 1) * 2).fill(-1);
  }

  note(route: RouteNumber, family: Family, micros: Micros): void {
    const at = lane(route, family);
    const before = this.mean[at];
    this.mean[at] = before < 0 ? micros : before + (micros - before) * SHARE;
  }

  /** -1: nothing is known. */
  of(route: RouteNumber, family: Family): Micros {
    return this.mean[lane(route, family)];
  }

  /** That of the slowest route of which anything is known; -1: of none. */
  slowest(family: Family): Micros {
    let slowest = -1;
    for (let at = lane(1, family); at < this.mean.length; at += 2) slowest = Math.max(slowest, this.mean[at]);
    return slowest;
  }

  /** A route that comes back may be another one. */
  forget(route: RouteNumber, family: Family): void {
    this.mean[lane(route, family)] = -1;
  }
}

function lane(route: RouteNumber, family: Family): number {
  return route * 2 + (family === 6 ? 1 : 0);
}
