/** One copy of a race on one route: that it leaves, and how long its answer took. */
import type { RaceId, RouteNumber } from '../engine-types.js';
import type { Turn } from '../turn.js';
import { ATTEMPT_EVENT } from './life.js';
import { takeEnds } from './translation.js';

/** Sends the first copy on a route. */
export function enterRoute(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races } = turn.shard;
  if (takeEnds(turn, race, turn.site.routes[route - 1])) sendAttempt(turn, race, route);
  else races.stepAttempt(race, route, ATTEMPT_EVENT.FAIL);
}

/** Sends (again) the copy of one route. */
export function sendAttempt(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races, counters } = turn.shard;
  if (!races.stepAttempt(race, route, ATTEMPT_EVENT.SEND)) return;
  const at = races.attempt(race, route);
  races.attemptSentAt[at] = turn.now;
  if (races.attemptSends[at] < 255) races.attemptSends[at]++;
  counters.attempts[route]++;
  turn.wire.attempt(race, route);
}

/** A time is known only when one copy was sent: which of several was answered cannot be told (Karn). */
export function measure(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races } = turn.shard;
  const at = races.attempt(race, route);
  if (races.attemptSends[at] === 1)
    races.attemptRtt[at] = Math.min(Math.max(0, turn.seenAt - races.attemptSentAt[at]), 0x7fffffff);
}
