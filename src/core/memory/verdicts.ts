/**
 * What every route last said about every destination: a verdict, the time it took and when that was. A verdict counts for a
 * while that depends on what it is, and is void when its route has been forgotten since.
 */
import type { Family } from '../../model/address.js';
import type { Micros, RouteNumber } from '../engine-types.js';

/** What a route said last. */
export const VERDICT = {
  NONE: 0,
  /** Answered, and the time is known. */
  ANSWERED: 1,
  /** Answered after a repeated copy, so that the time cannot be told (Karn); a copy or an answer was lost. */
  RETRANSMITTED: 2,
  /** Answered by something that is not the server, as far as can be told. */
  INTERCEPTED: 3,
  /** RST or ICMP error while another route answered. */
  FAILED: 4,
  SILENT: 5,
  /** Answered after the client had repeated its set-up: by the first, as it seems, and then in this time; else sooner. */
  SLOW: 6,
} as const;

export type Verdict = Exclude<(typeof VERDICT)[keyof typeof VERDICT], 0>;

/** By verdict; the words that the control socket uses. */
export const VERDICT_NAMES = [
  'none',
  'answered',
  'retransmitted',
  'intercepted',
  'failed',
  'silent',
  'slow',
] as const;

export const MAX_ROUTES = 16;

/**
 * Longest time that a failure is held against a route, or one lost packet: outages of one path to one server are mostly shorter, and
 * whoever has lost a packet may still be the fastest.
 */
const REFUSAL_LIFE_MICROS = 60_000_000;

/**
 * A silence is asked again soon, and increasingly rarely: the first may be one lost packet and is not believed at all, the second for
 * `first`, each further one for twice as long as the one before. Those within `same` of each other are one.
 */
const SILENCE = { same: 1_000_000, first: 2_000_000, most: REFUSAL_LIFE_MICROS } as const;

/** Within this nobody notices, and the kernel keeps the route that it has: it costs a transaction to change it. */
export const EQUAL = { times: 1.1, plusMicros: 500 } as const;

/** Places in the order of a staggered race, best first, of the routes whose time is not known. */
const RANK = 2 ** 32;
const RANK_OF = [2 * RANK, 0, RANK, 3 * RANK, 4 * RANK, 4 * RANK, 0] as const;

/** How long a verdict counts when an answer with a time counts for `period`. */
export function lifeOf(verdict: number, period: Micros): Micros {
  switch (verdict) {
    case VERDICT.ANSWERED:
      return period;
    case VERDICT.INTERCEPTED:
      return period / 4;
    case VERDICT.SLOW:
    case VERDICT.RETRANSMITTED:
    case VERDICT.FAILED:
    case VERDICT.SILENT:
      return Math.min(REFUSAL_LIFE_MICROS, period / 10);
    default:
      return 0;
  }
}

/** How long so many silences in a row are believed. */
export function lifeOfSilence(silences: number, period: Micros = Number.POSITIVE_INFINITY): Micros {
  if (silences < 2) return 0;
  return Math.min(SILENCE.most, period / 10, SILENCE.first * 2 ** Math.min(silences - 2, 16));
}

/** Columns by `slot * routes + route - 1`: 14 bytes for each, and one per slot. */
export class Verdicts {
  readonly kind: Uint8Array;
  /** Microseconds; -1 where the kind is neither ANSWERED nor SLOW. */
  readonly rtt: Int32Array;
  readonly at: Float64Array;
  /** Silences in a row; says nothing unless the kind is SILENT. */
  private readonly silences: Uint8Array;
  /** By `2 * route`, and one more for IPv6: what was said at this moment and before is void. */
  readonly forgottenAt: Float64Array;
  /** By the same: that the route was silent then and before is to be asked about. */
  private readonly backAt: Float64Array;
  /** By slot: 1 for IPv6. */
  private readonly six: Uint8Array;
  private readonly rank = new Float64Array(MAX_ROUTES);

  constructor(
    slots: number,
    readonly routes: number,
  ) {
    this.kind = new Uint8Array(slots * routes);
    this.rtt = new Int32Array(slots * routes);
    this.at = new Float64Array(slots * routes);
    this.silences = new Uint8Array(slots * routes);
    this.forgottenAt = new Float64Array(2 * routes + 2).fill(Number.NEGATIVE_INFINITY);
    this.backAt = new Float64Array(2 * routes + 2).fill(Number.NEGATIVE_INFINITY);
    this.six = new Uint8Array(slots);
  }

  /**
   * Replaces what the route said before; nothing is smoothed. A destination is measured when its trust ends, minutes after
   * the last time: by then the path may be another one, and an average of two paths describes neither. Within one race all
   * routes are measured at the same moment against the same server, so that what is noise of the server or of the LAN is in
   * all of them and cancels out in the comparison, unless some of them are mixed with the past. What remains is noise of a
   * single route, and a race that it has decided wrongly is corrected when the trust ends.
   */
  note(slot: number, route: RouteNumber, verdict: Verdict, rttMicros: number, now: Micros): void {
    const at = slot * this.routes + route - 1;
    if (verdict === VERDICT.SILENT && !this.countSilence(slot, route, now)) return;
    const hasTime = verdict === VERDICT.ANSWERED || verdict === VERDICT.SLOW;
    const timed = hasTime && rttMicros >= 0;
    const kind = hasTime && !timed ? VERDICT.RETRANSMITTED : verdict;
    // A lost packet says nothing of the time, and what is known of that stays (RFC 6298 section 3).
    if (kind === VERDICT.RETRANSMITTED && this.rttOf(slot, route) >= 0) return;
    this.kind[at] = kind;
    this.rtt[at] = timed ? Math.min(rttMicros, 0x7fffffff) : -1;
    this.at[at] = now;
  }

  /** Nothing has been said of a new destination of a family. */
  clear(slot: number, family: Family): void {
    this.six[slot] = family === 6 ? 1 : 0;
    const base = slot * this.routes;
    for (let at = base; at < base + this.routes; at++) this.kind[at] = VERDICT.NONE;
  }

  /** Voids all that was said of a route's destinations of a family, in one step. */
  forget(route: RouteNumber, family: Family, now: Micros): void {
    this.forgottenAt[2 * route + (family === 6 ? 1 : 0)] = now;
  }

  /** A route is back: its silence towards all destinations of a family is to be asked about. */
  forgive(route: RouteNumber, family: Family, now: Micros): void {
    this.backAt[2 * route + (family === 6 ? 1 : 0)] = now;
  }

  /** Whether something of the time `at` is void for this route. */
  isForgotten(slot: number, route: RouteNumber, at: Micros): boolean {
    return at <= this.forgottenAt[2 * route + this.six[slot]];
  }

  /** The verdict that counts now; NONE when there is none. */
  live(slot: number, route: RouteNumber, now: Micros, period: Micros): number {
    return this.endOf(slot, route, period) > now ? this.kind[slot * this.routes + route - 1] : VERDICT.NONE;
  }

  /** Until when the route's verdict counts; minus infinity when there is none. */
  endOf(slot: number, route: RouteNumber, period: Micros): Micros {
    const at = slot * this.routes + route - 1;
    const kind = this.kind[at];
    if (kind === VERDICT.NONE || this.isForgotten(slot, route, this.at[at])) return Number.NEGATIVE_INFINITY;
    if (kind !== VERDICT.SILENT) return this.at[at] + lifeOf(kind, period);
    return this.at[at] + (this.isForgiven(slot, route) ? 0 : lifeOfSilence(this.silences[at], period));
  }

  /** The route may be the best, and its last word does not tell: it has kept silent, said no, or lost a packet, as it may have when it was slow. */
  isOpen(slot: number, route: RouteNumber): boolean {
    const at = slot * this.routes + route - 1;
    const kind = this.kind[at];
    const hasTime = kind === VERDICT.NONE || kind === VERDICT.ANSWERED || kind === VERDICT.INTERCEPTED;
    return !hasTime && !this.isForgotten(slot, route, this.at[at]);
  }

  /** Whether a route of `mask` has never said anything about the destination, nor been silent. */
  hasUnheard(slot: number, mask: number): boolean {
    for (let route = 1; route <= this.routes; route++)
      if ((mask & (1 << route)) !== 0 && this.heardAt(slot, route) === Number.NEGATIVE_INFINITY) return true;
    return false;
  }

  /** How often in a row the route was silent, when that is the last word of it; 0: it is not. */
  silencesOf(slot: number, route: RouteNumber): number {
    const at = slot * this.routes + route - 1;
    const isSilent = this.kind[at] === VERDICT.SILENT && !this.isForgotten(slot, route, this.at[at]);
    return isSilent ? this.silences[at] : 0;
  }

  /** The time that the route took last, however long ago; -1 when it is not known. */
  rttOf(slot: number, route: RouteNumber): Micros {
    const at = slot * this.routes + route - 1;
    if (this.kind[at] !== VERDICT.ANSWERED || this.isForgotten(slot, route, this.at[at])) return -1;
    return this.rtt[at];
  }

  /** How long an answer by the route may take, however long ago that was seen; -1 when it is not known. */
  longest(slot: number, route: RouteNumber): Micros {
    const at = slot * this.routes + route - 1;
    if (this.kind[at] === VERDICT.NONE || this.isForgotten(slot, route, this.at[at])) return -1;
    return this.rtt[at];
  }

  private isForgiven(slot: number, route: RouteNumber): boolean {
    return this.at[slot * this.routes + route - 1] <= this.backAt[2 * route + this.six[slot]];
  }

  /** false: it is a part of the silence before. */
  private countSilence(slot: number, route: RouteNumber, now: Micros): boolean {
    const at = slot * this.routes + route - 1;
    const before = this.isForgiven(slot, route) ? 0 : this.silencesOf(slot, route);
    if (before > 0 && now < this.at[at] + Math.max(SILENCE.same, lifeOfSilence(before))) return false;
    this.silences[at] = Math.min(255, before + 1);
    return true;
  }

  /** The route of `mask` with the shortest time that counts; the first of equals. 0: none. */
  best(slot: number, mask: number, now: Micros, period: Micros): RouteNumber {
    let best = 0;
    let shortest = 0;
    for (let route = 1; route <= this.routes; route++) {
      if ((mask & (1 << route)) === 0) continue;
      const at = slot * this.routes + route - 1;
      if (this.kind[at] !== VERDICT.ANSWERED || (best !== 0 && this.rtt[at] >= shortest)) continue;
      if (this.endOf(slot, route, period) <= now) continue;
      best = route;
      shortest = this.rtt[at];
    }
    return best;
  }

  /** Whether a route of `mask` took clearly less time than `route` has, however long ago that was. */
  hasFaster(slot: number, mask: number, route: RouteNumber): boolean {
    const limit = this.rtt[slot * this.routes + route - 1];
    for (let other = 1; other <= this.routes; other++) {
      if ((mask & (1 << other)) === 0 || other === route) continue;
      const time = this.rttOf(slot, other);
      if (time >= 0 && limit > time * EQUAL.times + EQUAL.plusMicros) return true;
    }
    return false;
  }

  /** The place of a route in the order of a staggered race: the smaller the better. */
  rankOf(slot: number, route: RouteNumber, now: Micros, period: Micros): number {
    const verdict = this.live(slot, route, now, period);
    const timed = verdict === VERDICT.ANSWERED || verdict === VERDICT.SLOW;
    return timed ? this.rtt[slot * this.routes + route - 1] : RANK_OF[verdict];
  }

  /** When the route last said something, or was silent; minus infinity: never. */
  heardAt(slot: number, route: RouteNumber): Micros {
    const at = slot * this.routes + route - 1;
    const isHeard = this.kind[at] !== VERDICT.NONE && !this.isForgotten(slot, route, this.at[at]);
    return isHeard ? this.at[at] : Number.NEGATIVE_INFINITY;
  }

  /**
   * Writes the routes of `mask` in the order in which their copies should leave, and returns how many: by time; then those
   * that answered in a time that cannot be told; unknown ones; those where something else answers; those that failed or were
   * silent. Equals in the order of their numbers.
   */
  order(slot: number, mask: number, now: Micros, period: Micros, out: Uint8Array): number {
    const { rank } = this;
    let count = 0;
    for (let route = 1; route <= this.routes; route++) {
      if ((mask & (1 << route)) === 0) continue;
      const own = this.rankOf(slot, route, now, period);
      let place = count++;
      for (; place > 0 && rank[place - 1] > own; place--) {
        rank[place] = rank[place - 1];
        out[place] = out[place - 1];
      }
      rank[place] = own;
      out[place] = route;
    }
    return count;
  }
}
