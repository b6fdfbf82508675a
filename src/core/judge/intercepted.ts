/**
 * Which answer came from something on the way instead of the server: of three answers and more to the same SYN all look alike but the
 * fastest. Windows and options are a server's own; the MSS is left out, since providers lower it.
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
  if (answers < 3) return 0;
  let others: number | null = null;
  for (let route = 1; route <= races.routeCount; route++) {
    const at = answered(races, race, route);
    if (at < 0 || route === fastest) continue;
    if (others !== null && races.attemptShape[at] !== others) return 0;
    others = races.attemptShape[at];
  }
  return races.attemptShape[races.attempt(race, fastest)] === others ? 0 : fastest;
}

function answered(races: RaceTable, race: RaceId, route: RouteNumber): number {
  if (!races.hasAttempt(race, route)) return -1;
  const at = races.attempt(race, route);
  return races.attemptState[at] === ATTEMPT.ANSWERED && races.attemptRtt[at] >= 0 ? at : -1;
}
