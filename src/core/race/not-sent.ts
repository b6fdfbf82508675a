/** A copy could not leave after all. True: its race has ended by that, and none has. */
import type { RaceId, RouteNumber } from '../engine-types.js';
import { settleNegative } from '../judge/negative.js';
import type { Turn } from '../turn.js';
import { ATTEMPT, ATTEMPT_EVENT, RACE } from './life.js';
import { sendNext } from './schedule.js';

export function handleNotSent(turn: Turn, race: RaceId, route: RouteNumber): boolean {
  const { races } = turn.shard;
  if (races.isFree(race)) return false;
  turn.race = race;
  const at = races.attempt(race, route);
  // An earlier copy has left and may still be answered; its time cannot be told any more.
  if (races.attemptState[at] !== ATTEMPT.SENT || races.attemptSends[at] > 1) return false;
  races.stepAttempt(race, route, ATTEMPT_EVENT.FAIL);
  races.attemptSends[at] = 0;
  if (races.state[race] !== RACE.RACING) return false;
  sendNext(turn, race);
  return settleNegative(turn, race) === 'no-copy-sent';
}
