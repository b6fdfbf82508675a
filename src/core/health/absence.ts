/** Which routes are away: closed to new connections, whatever closed them (silence, a link, checks, a command), though they were open before. */
import type { Family } from '../../model/address.js';
import type { RouteNumber } from '../engine-types.js';

/** BOUNDED: two lanes per route. */
export class Absence {
  private readonly open: Uint8Array;
  private readonly away: Uint8Array;

  constructor(routes: number) {
    this.open = new Uint8Array((routes + 1) * 2);
    this.away = new Uint8Array((routes + 1) * 2);
  }

  /** Takes notice of whether a lane is open now; true: it is back. */
  note(route: RouteNumber, family: Family, isOpenNow: boolean): boolean {
    const at = lane(route, family);
    const was = this.open[at] === 1;
    this.open[at] = isOpenNow ? 1 : 0;
    if (was && !isOpenNow) this.away[at] = 1;
    if (!isOpenNow || this.away[at] === 0) return false;
    this.away[at] = 0;
    return true;
  }

  isAway(route: RouteNumber, family: Family): boolean {
    return this.away[lane(route, family)] === 1;
  }

  /** The number belongs to another route. */
  forget(route: RouteNumber): void {
    this.away[lane(route, 4)] = 0;
    this.away[lane(route, 6)] = 0;
  }
}

function lane(route: RouteNumber, family: Family): number {
  return route * 2 + (family === 6 ? 1 : 0);
}
