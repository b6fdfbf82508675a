/** What a race that the first payload has decided says of its routes. */
import type { RaceId, RouteNumber } from '../engine-types.js';
import { FAR_HOPS, hopsOf, looksOf } from '../judge/intercepted.js';
import { VERDICT } from '../memory/verdicts.js';
import { ATTEMPT } from '../race/life.js';
import type { Turn } from '../turn.js';

/** An answer that comes in so small a part of the winner's time has not been where the payload comes from. */
const NEAR = 4;

/**
 * Notes it; false: it says nothing. Who was open and has said nothing takes longer than the winner: by how much nobody will know, so that it
 * counts as the time that it has had.
 */
export function notePayload(turn: Turn, slot: number, race: RaceId, route: RouteNumber): boolean {
  const { openings, races, memory } = turn.shard;
  const { now } = turn;
  const at = races.attempt(race, route);
  if (races.attemptState[at] === ATTEMPT.NEGATIVE) {
    memory.note(slot, route, VERDICT.FAILED, -1, now);
    return true;
  }
  if (races.attemptState[at] !== ATTEMPT.ANSWERED) return false;
  if (route === races.carrier[race]) memory.note(slot, route, VERDICT.ANSWERED, openings.timeOf(race), now);
  else if (isIntercepted(turn, race, route)) memory.note(slot, route, VERDICT.INTERCEPTED, -1, now);
  else if (openings.givenAtOf(race, route) > 0 && races.attemptRtt[at] >= 0) {
    const had = races.attemptRtt[at] + now - openings.givenAtOf(race, route);
    memory.note(slot, route, VERDICT.ANSWERED, Math.max(had, openings.timeOf(race) + 1), now);
  }
  return true;
}

/** For `why`, also where nothing is remembered. */
export function noteInterceptions(turn: Turn, race: RaceId): void {
  const { decisions, openings, races } = turn.shard;
  if (!openings.has(race)) return;
  for (let route = 1; route <= races.routeCount; route++)
    if (isIntercepted(turn, race, route)) decisions.noteIntercepted(races.decision[race], route);
}

/** Something on the way has answered in the place of the server: by far sooner than another route brought the payload, or not as the server does. */
function isIntercepted({ shard: { races, openings } }: Turn, race: RaceId, route: RouteNumber): boolean {
  const winner = races.carrier[race];
  if (winner === 0 || route === winner || openings.timeOf(race) < 0) return false;
  const at = races.attempt(race, route);
  const to = races.attempt(race, winner);
  const [own, others] = [races.attemptRtt[at], races.attemptRtt[to]];
  if (own < 0 || others < 0 || own >= others) return false;
  if (own * NEAR < others) return true;
  const [shape, other] = [races.attemptShape[at], races.attemptShape[to]];
  return looksOf(shape) !== looksOf(other) || hopsOf(shape) + FAR_HOPS <= hopsOf(other);
}
