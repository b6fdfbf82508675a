/**
 * Which answer came from something on the way instead of the server: of three answers and more to the same SYN all look alike but the
 * fastest; of two the faster one looks otherwise, and comes from by far nearer. Windows and options are a server's own; the MSS is left out,
 * since providers lower it.
 */
import type { RaceId, RouteNumber } from '../engine-types.js';
import { ATTEMPT } from '../race/life.js';
import type { RaceTable } from '../race/table.js';

/** The route whose answer is the odd one; 0 when there is none. */
export function interceptedRoute(races: RaceTable, race: RaceId): RouteNumber {
  let fastest = 0;
  let answers = 0;
  for (let route = 1; route <= races.routeCount; route++) {
    const at = answered(races, race, route);
    if (at < 0) continue;
    answers++;
    if (fastest === 0 || races.attemptRtt[at] < races.attemptRtt[races.attempt(race, fastest)])
      fastest = route;
  }
  if (answers < 2) return 0;
  let others: number | null = null;
  let nearest = 255;
  for (let route = 1; route <= races.routeCount; route++) {
    const at = answered(races, race, route);
    if (at < 0 || route === fastest) continue;
    const shape = looksOf(races.attemptShape[at]);
    if (others !== null && shape !== others) return 0;
    others = shape;
    nearest = Math.min(nearest, hopsOf(races.attemptShape[at]));
  }
  const own = races.attemptShape[races.attempt(race, fastest)];
  const isNear = hopsOf(own) + FAR_HOPS <= nearest;
  return looksOf(own) === others || (answers === 2 && !isNear) ? 0 : fastest;
}

/** Two ways to one server hardly differ by so many hops. */
export const FAR_HOPS = 4;

/** The parts of a shape (protocols/tcp.ts): what the server itself says, and how far away it is. */
export function looksOf(shape: number): number {
  return shape & 0xffffff;
}

export function hopsOf(shape: number): number {
  return shape >>> 24;
}

function answered(races: RaceTable, race: RaceId, route: RouteNumber): number {
  if (!races.hasAttempt(race, route)) return -1;
  const at = races.attempt(race, route);
  return races.attemptState[at] === ATTEMPT.ANSWERED && races.attemptRtt[at] >= 0 ? at : -1;
}
