/**
 * What the kernel has been told of each remembered destination, so that it hears only of changes. The kernel has a memory of
 * its own for each of a few sets of routes; a view is such a set's place among them.
 */
import type { Micros, RouteNumber } from '../engine-types.js';

/** Sets of routes that the kernel has a memory of its own for; services over further ones ask the daemon. */
export const MAX_VIEWS = 4;

/** Beside a route's number: what was told holds only until a route that is away is back. */
export const INTERIM = 0x80;
const ROUTE = 0x7f;

/** BOUNDED: MAX_VIEWS entries per slot of the memory table. */
export class KernelCopy {
  // A column of slots for each set of routes; it stays the set's own when the set gets another view.
  private readonly route: Uint8Array;
  private readonly until: Float64Array;
  private readonly since: Float64Array;
  private masks: readonly number[] = [];
  /** By view: where the column of its set begins. */
  private starts: readonly number[] = [];

  constructor(private readonly slots: number) {
    this.route = new Uint8Array(slots * MAX_VIEWS);
    this.until = new Float64Array(slots * MAX_VIEWS);
    this.since = new Float64Array(slots * MAX_VIEWS);
  }

  /** The sets of routes, by view. Those that stay keep what the kernel was told; a new one begins with nothing. */
  setMasks(masks: readonly number[]): void {
    const kept = new Map(this.masks.map((mask, view) => [mask, this.starts[view]]));
    for (const mask of kept.keys()) if (!masks.includes(mask)) kept.delete(mask);
    const used = new Set(kept.values());
    const free = Array.from({ length: MAX_VIEWS }, (_, i) => i * this.slots).filter((at) => !used.has(at));
    this.masks = [...masks];
    this.starts = masks.map((mask) => kept.get(mask) ?? this.clearColumn(free.shift()!));
  }

  /** The route that the kernel uses now; 0 when it has none. */
  routeOf(slot: number, view: number, now: Micros): RouteNumber {
    const at = this.starts[view] + slot;
    return this.until[at] > now ? this.route[at] & ROUTE : 0;
  }

  untilOf(slot: number, view: number): Micros {
    return this.until[this.starts[view] + slot];
  }

  /** Whether there is an element in the kernel, believed or not. */
  isHeld(slot: number, view: number, now: Micros): boolean {
    return this.until[this.starts[view] + slot] > now;
  }

  /** When it was told of its present route; Infinity: it has none. */
  sinceOf(slot: number, view: number): Micros {
    const at = this.starts[view] + slot;
    return this.route[at] === 0 ? Number.POSITIVE_INFINITY : this.since[at];
  }

  /** Whether that holds only until a route that is away is back. */
  isInterim(slot: number, view: number): boolean {
    return (this.route[this.starts[view] + slot] & INTERIM) !== 0;
  }

  /** What the kernel is told: a route, with INTERIM or without. */
  set(slot: number, view: number, told: number, until: Micros, now: Micros): void {
    const at = this.starts[view] + slot;
    if (((this.route[at] ^ told) & ROUTE) !== 0 || this.until[at] <= now) this.since[at] = now;
    this.route[at] = told;
    this.until[at] = until;
  }

  clear(slot: number, view: number): void {
    this.route[this.starts[view] + slot] = 0;
    this.until[this.starts[view] + slot] = 0;
  }

  /** The kernel no longer believes what it was told of a route, where `concerns` says so; its elements stay until they time out. */
  forgetRoute(route: RouteNumber, concerns: (slot: number) => boolean): void {
    for (let at = 0; at < this.route.length; at++) {
      if ((this.route[at] & ROUTE) === route && concerns(at % this.slots)) this.route[at] = 0;
    }
  }

  /** A route is back: the kernel no longer believes what it was told in its absence. */
  forgetInterim(concerns: (slot: number) => boolean): void {
    for (let at = 0; at < this.route.length; at++) {
      if ((this.route[at] & INTERIM) !== 0 && concerns(at % this.slots)) this.route[at] = 0;
    }
  }

  /** All of the kernel's memories have been emptied. */
  forgetAll(): void {
    for (const start of this.starts) this.clearColumn(start);
  }

  /** How many entries the kernel has of `count` slots from `from` on. */
  living(from: number, count: number, now: Micros): number {
    let living = 0;
    const end = Math.min(from + count, this.slots);
    for (const start of this.starts) {
      for (let at = start + from; at < start + end; at++)
        if (this.route[at] !== 0 && this.until[at] > now) living++;
    }
    return living;
  }

  private clearColumn(start: number): number {
    this.route.fill(0, start, start + this.slots);
    this.until.fill(0, start, start + this.slots);
    return start;
  }
}
