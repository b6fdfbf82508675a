/** What a sample says of its route when its race ends: whether its server is where the SYN was answered. */
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import { ATTEMPT } from '../race/life.js';
import type { Turn } from '../turn.js';

/** A quarter of a time is by far less. */
const FAR = 4;
/** The words have come from at least half as far as the server is by another route. */
const HALF = 2;

/** A decided race ends that was a sample: what its first payload says of its route. */
export function judgeSample(turn: Turn, race: RaceId): void {
  const { races, samples, sightings, decisions } = turn.shard;
  const time = samples.timeOf(race);
  const route = races.carrier[race];
  if (time < 0 || route === 0) return;
  const own = races.attemptRtt[races.attempt(race, route)];
  if (own < 0) return;
  const port = races.destinationPort[race];
  if (time <= own * FAR) return sightings.near(route, port);
  const nearest = nearestOther(turn, race, route);
  if (nearest < own * FAR || time * HALF < nearest) return;
  for (const number of sightings.far(route, port, races.decision[race], turn.now))
    decisions.noteIntercepted(number, route);
}

/** The shortest handshake by another route; -1: none has answered. */
function nearestOther({ shard: { races } }: Turn, race: RaceId, route: RouteNumber): Micros {
  let nearest = -1;
  for (let other = 1; other <= races.routeCount; other++) {
    if (other === route || races.stateOf(race, other) !== ATTEMPT.ANSWERED) continue;
    const time = races.attemptRtt[races.attempt(race, other)];
    if (time >= 0 && (nearest < 0 || time < nearest)) nearest = time;
  }
  return nearest;
}
