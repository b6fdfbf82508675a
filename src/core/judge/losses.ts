/** Routes that have said no lose. */
import type { RaceId } from '../engine-types.js';
import { ATTEMPT } from '../race/life.js';
import type { Turn } from '../turn.js';

/** Counts the losses of the routes that have said no; called once per race, when it is won or has failed. */
export function countNegative({ shard: { races, counters } }: Turn, race: RaceId): void {
  for (let route = 1; route <= races.routeCount; route++)
    if (races.stateOf(race, route) === ATTEMPT.NEGATIVE) counters.losses[route]++;
}
