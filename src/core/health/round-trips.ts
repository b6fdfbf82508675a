/** What a round trip by each route takes mostly, over all destinations: for those of which memory knows nothing. */
import type { Family } from '../../model/address.js';
import type { Micros, RouteNumber } from '../engine-types.js';

/** Weight of a new time (RFC 6298 section 2.3). */
const SHARE = 1 / 8;

/** Fewer answers may all have been late by chance. */
const SURE_AFTER = 3;

/** BOUNDED: two lanes per route. */
export class RoundTrips {
  /** -1: nothing is known. */
  private readonly mean: Float64Array;
  /** The shortest of late; longer ones move it slowly. */
  private readonly least: Float64Array;
  private readonly count: Uint8Array;
  /** When an answer has moved it up last: others that had been asked for by then have the same cause. */
  private readonly movedAt: Float64Array;
  /** Answers each of which was asked for after the one before had come, and when the last of them has. */
  private readonly inTurn: Uint8Array;
  private readonly turnAt: Float64Array;

  constructor(routes: number) {
    const lanes = (routes + 1) * 2;
    this.mean = new Float64Array(lanes).fill(-1);
    this.least = new Float64Array(lanes).fill(-1);
    this.count = new Uint8Array(lanes);
    this.movedAt = new Float64Array(lanes);
    this.inTurn = new Uint8Array(lanes);
    this.turnAt = new Float64Array(lanes);
  }

  /** An answer took so long, or not longer than that. */
  note(route: RouteNumber, family: Family, micros: Micros, answeredAt: Micros): void {
    const at = lane(route, family);
    const isFirst = this.count[at] === 0;
    this.mean[at] = isFirst ? micros : moved(this.mean[at], micros);
    if (isFirst || micros < this.least[at]) this.least[at] = micros;
    else if (answeredAt - micros >= this.movedAt[at]) {
      this.least[at] = moved(this.least[at], micros);
      this.movedAt[at] = answeredAt;
    }
    if (this.count[at] < 255) this.count[at]++;
    if (this.inTurn[at] !== 0 && answeredAt - micros < this.turnAt[at]) return;
    this.turnAt[at] = answeredAt;
    if (this.inTurn[at] < 255) this.inTurn[at]++;
  }

  /** What an answer takes mostly; -1: nothing is known. */
  of(route: RouteNumber, family: Family): Micros {
    return this.mean[lane(route, family)];
  }

  /** What an answer takes at least: where even that is long, the route is slow. -1: nothing is known. */
  leastOf(route: RouteNumber, family: Family): Micros {
    const at = lane(route, family);
    return this.count[at] < SURE_AFTER ? -1 : this.least[at];
  }

  /** The same of a route that was heard often enough at moments that have nothing to do with each other. -1: it was not. */
  surelyAtLeast(route: RouteNumber, family: Family): Micros {
    const at = lane(route, family);
    return this.inTurn[at] < SURE_AFTER ? -1 : this.least[at];
  }

  /** That of the slowest route of which anything is known; -1: of none. */
  slowest(family: Family): Micros {
    let slowest = -1;
    for (let at = lane(1, family); at < this.mean.length; at += 2) slowest = Math.max(slowest, this.mean[at]);
    return slowest;
  }

  /** A route that comes back may be another one. */
  forget(route: RouteNumber, family: Family): void {
    const at = lane(route, family);
    this.mean[at] = -1;
    this.count[at] = 0;
    this.inTurn[at] = 0;
  }
}

function moved(before: Micros, micros: Micros): Micros {
  return before + (micros - before) * SHARE;
}

function lane(route: RouteNumber, family: Family): number {
  return route * 2 + (family === 6 ? 1 : 0);
}
