/**
 * The server still holds an old connection on the ends of a copy. It is answered as the client would, and the copy sent once
 * more at once: the client's own repeat would come a second later.
 */
import type { Family } from '../../model/address.js';
import { isAvailable } from '../choose/candidates.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import type { Turn } from '../turn.js';
import { sendAttempt } from './attempt.js';
import { ATTEMPT, RACE } from './life.js';
import { isStillOurs, shareEnds } from './translation.js';

const MOST_SENDS = 7;

/** Once per copy: a path that answers every reset with another challenge is left alone (RFC 5961 section 9.1). */
export function answerChallenge(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races } = turn.shard;
  const at = races.attempt(race, route);
  const sends = races.attemptSends[at];
  if (races.attemptState[at] !== ATTEMPT.SENT || races.attemptChallenges[at] >= sends || sends > MOST_SENDS)
    return;
  const carrier = races.carrier[race];
  if (carrier !== 0 && shareEnds(turn, race, route, carrier)) return;
  races.attemptChallenges[at]++;
  turn.wire.cancel(race, route, turn.judgement.proof);
  // The route may be another one than it was when the copy left.
  const family = races.family[race] as Family;
  const isUsable = isAvailable(turn.site.routes[route - 1], family) && isStillOurs(turn, race, route);
  if (races.state[race] === RACE.RACING && isUsable) sendAttempt(turn, race, route);
}
