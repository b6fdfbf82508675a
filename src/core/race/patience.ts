/** How long an answer may take before its route counts as silent: by what is known of the destination, else of the route. */
import type { Family } from '../../model/address.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import type { Times } from '../memory/times.js';
import type { Turn } from '../turn.js';

/** An answer is overdue when it has taken so much longer than expected. */
const OVERDUE = { times: 1.25, plus: 5000 } as const;

export function overdueAfter(expected: Micros): Micros {
  return expected * OVERDUE.times + OVERDUE.plus;
}

/** What an answer takes by a route for sure; -1: nobody knows. What was late once may have been lost. */
export function surelyTakes(turn: Turn, race: RaceId, route: RouteNumber): Micros {
  const { site, shard } = turn;
  const { races, memory } = shard;
  const slot = knownSlot(turn, race);
  const remembered = slot < 0 ? -1 : memory.rttOf(slot, route);
  return remembered >= 0 ? remembered : site.roundTrips.leastOf(route, races.family[race] as Family);
}

/** How long the destination of a race takes by a route, as memory says; else what the route takes mostly; -1: nobody knows. It may be too long. */
export function expectedOf(turn: Turn, race: RaceId, route: RouteNumber): Micros {
  const { site, shard } = turn;
  const { races, memory } = shard;
  const slot = knownSlot(turn, race);
  const remembered = slot < 0 ? -1 : memory.verdicts.longest(slot, route);
  return remembered >= 0 ? remembered : site.roundTrips.of(route, races.family[race] as Family);
}

/** What memory has of the destination of a race; -1: nothing is known, or memory does not count. */
export function knownSlot({ site, shard: { races, memory } }: Turn, race: RaceId): number {
  return site.memorySettings.trustMicros === 0
    ? -1
    : memory.find(races.destination, race * 4, races.times[race] as Times);
}
