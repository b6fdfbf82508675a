/** What the kernel has been told of each remembered destination, so that it hears only of changes. */
import type { Micros, RouteNumber } from '../engine-types.js';

/** Sets of routes that the kernel has a memory of its own for; services over further ones ask the daemon. */
export const MAX_VIEWS = 4;

/** BOUNDED: MAX_VIEWS entries per slot of the memory table. */
export class KernelCopy {
  private readonly route: Uint8Array;
  private readonly until: Float64Array;
  private readonly since: Float64Array;

  constructor(slots: number) {
    this.route = new Uint8Array(slots * MAX_VIEWS);
    this.until = new Float64Array(slots * MAX_VIEWS);
    this.since = new Float64Array(slots * MAX_VIEWS);
  }

  /** The route that the kernel uses now; 0 when it has none. */
  routeOf(slot: number, view: number, now: Micros): RouteNumber {
    const at = slot * MAX_VIEWS + view;
    return this.until[at] > now ? this.route[at] : 0;
  }

  untilOf(slot: number, view: number): Micros {
    return this.until[slot * MAX_VIEWS + view];
  }

  /** Whether there is an element in the kernel, believed or not. */
  isHeld(slot: number, view: number, now: Micros): boolean {
    const at = slot * MAX_VIEWS + view;
    return this.until[at] > now;
  }

  /** When it was told of its present route; Infinity: it has none. */
  sinceOf(slot: number, view: number): Micros {
    const at = slot * MAX_VIEWS + view;
    return this.route[at] === 0 ? Number.POSITIVE_INFINITY : this.since[at];
  }

  set(slot: number, view: number, route: RouteNumber, until: Micros, now: Micros): void {
    const at = slot * MAX_VIEWS + view;
    if (this.route[at] !== route || this.until[at] <= now) this.since[at] = now;
    this.route[at] = route;
    this.until[at] = until;
  }

  clear(slot: number, view: number): void {
    this.route[slot * MAX_VIEWS + view] = 0;
    this.until[slot * MAX_VIEWS + view] = 0;
  }

  /** The kernel no longer believes what it was told of a route, where `concerns` says so; its elements stay until they time out. */
  forgetRoute(route: RouteNumber, concerns: (slot: number) => boolean): void {
    for (let at = 0; at < this.route.length; at++) {
      if (this.route[at] === route && concerns(Math.floor(at / MAX_VIEWS))) this.route[at] = 0;
    }
  }

  /** The kernel has been emptied. */
  forgetAll(): void {
    this.route.fill(0);
    this.until.fill(0);
  }

  /** How many entries the kernel has of `count` slots from `from` on. */
  living(from: number, count: number, now: Micros): number {
    let living = 0;
    const end = Math.min((from + count) * MAX_VIEWS, this.route.length);
    for (let at = from * MAX_VIEWS; at < end; at++)
      if (this.route[at] !== 0 && this.until[at] > now) living++;
    return living;
  }
}
