/**
 * `atMost`: a race over the best routes of its service alone; who has waited in vain is helped by all. What is measured of the others must not grow old for that: while the routes
 * have not been compared within `forget`, or what memory trusts is measured again, the last place goes to the one that was heard of longest ago.
 */
import type { Micros, RouteNumber } from '../engine-types.js';
import type { ActiveService } from '../site.js';
import type { Turn } from '../turn.js';
import { maskOf } from './candidates.js';
import type { Candidates } from './criterion.js';

/** Leaves no more of the racers than the service wants: the best that memory knows, then the others in the order of the service. */
export function keepBest(turn: Turn, { atMost }: ActiveService, racers: Candidates): void {
  if (atMost === 0 || racers.count <= atMost) return;
  const { memory } = turn.shard;
  const { trustMicros, forgetMicros } = turn.site.memorySettings;
  const slot = trustMicros === 0 ? -1 : memory.find(turn.packet.destination, 0, turn.times);
  for (let i = 0; i < racers.count; i++) {
    const route = racers.routes[i];
    rank[route] = slot < 0 ? 0 : memory.verdicts.rankOf(slot, route, turn.now, forgetMicros);
  }
  sort(racers);
  if (slot >= 0 && isMeasured(turn, slot, maskOf(racers))) moveLongestUnheard(turn, slot, racers, atMost - 1);
  racers.count = atMost;
}

/** Routes that are only measured take the places of racers, and are no more than there are places. */
export function keepPlaces({ atMost }: ActiveService, racers: Candidates, trials: number): number {
  if (atMost === 0) return trials;
  let left = trials;
  let places = atMost - racers.count;
  for (let route = 1; left >>> route !== 0; route++) {
    if ((left & (1 << route)) === 0) continue;
    if (places > 0) places--;
    else if (racers.count > 1) racers.count--;
    else left &= ~(1 << route);
  }
  return left;
}

/** Whether what is known of the others is to be found out again. */
function isMeasured({ site, shard: { memory }, now }: Turn, slot: number, mask: number): boolean {
  const { trustMicros, forgetMicros } = site.memorySettings;
  const isCompared = memory.racedAt[slot] + forgetMicros > now && (mask & ~memory.racedRoutes(slot)) === 0;
  return !isCompared || memory.expiry(slot, mask, now, trustMicros) > now;
}

/** Equal ones stay in their order. */
function sort({ routes, count }: Candidates): void {
  for (let i = 1; i < count; i++) {
    const route = routes[i];
    let at = i;
    for (; at > 0 && rank[routes[at - 1]] > rank[route]; at--) routes[at] = routes[at - 1];
    routes[at] = route;
  }
}

/** To place `to`, of those that have none before it. */
function moveLongestUnheard(turn: Turn, slot: number, racers: Candidates, to: number): void {
  const { routes, count } = racers;
  let found = to;
  for (let i = to + 1; i < count; i++)
    if (askedAt(turn, slot, routes[i]) < askedAt(turn, slot, routes[found])) found = i;
  const route: RouteNumber = routes[found];
  for (let i = found; i > to; i--) routes[i] = routes[i - 1];
  routes[to] = route;
}

/** When a route was heard of, or, where it has not answered yet, was asked at the soonest; minus infinity: never. */
function askedAt({ site, shard: { memory }, now }: Turn, slot: number, route: RouteNumber): Micros {
  const heardAt = memory.verdicts.heardAt(slot, route);
  const begun = memory.racedAt[slot];
  const isAsked =
    begun + site.memorySettings.forgetMicros > now && (memory.racedRoutes(slot) & (1 << route)) !== 0;
  return isAsked ? Math.max(heardAt, begun) : heardAt;
}

/** By route, for the race in hand. */
const rank = new Float64Array(32);
