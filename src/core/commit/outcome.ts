/** Stage 5: what the kernel said to a commit. */

import type { OutcomeReason } from '../../model/reasons.js';
import { pinWinner } from '../affinity/pin.js';
import { countSession } from '../choose/sessions.js';
import type { Context } from '../context.js';
import type { EffectSink, Micros, RaceId } from '../engine-types.js';
import { setDeadline } from '../race/deadline.js';
import { allAnswered, endRace } from '../race/end.js';
import { RACE } from '../race/states.js';
import { rememberDecision } from './remember.js';

/** How long a decided race waits for its losers, to measure and reset them; later answers are reset all the same. */
export const LINGER_MICROS = 2_000_000;

export function handleCommitted(
  context: Context,
  race: RaceId,
  ok: boolean,
  now: Micros,
  out: EffectSink,
): void {
  const { races, counters } = context;
  if (races.state[race] !== RACE.COMMITTING) return;
  const route = races.winner[race];
  if (!ok) {
    // The server holds a connection that nobody will use; and the port is somebody's.
    out.cancel(race, route, (races.isn[race] + 1) | 0);
    context.ports.taken(races.destination, race * 4, races.destinationPort[race], races.natPort[race], now);
    endRace(context, race, 0, 'tuple-in-use', now, out);
    return;
  }
  counters.decided++;
  counters.wins[route]++;
  context.clients.done(races.client, race * 4);
  races.decision[race] = context.decisions.noteRace(races, race, route, outcomeOf(context, race), now);
  races.linger(race);
  context.facts.assigned[route]++;
  if (context.countsSessions) countSession(context, route, races.service[race], 1);
  pinWinner(context, race, route, now, out);
  rememberDecision(context, race, now, out);
  if (allAnswered(context, race)) endRace(context, race, route, 'first-reply', now, out);
  else setDeadline(context, race, now + LINGER_MICROS);
}

function outcomeOf(context: Context, race: RaceId): OutcomeReason {
  if (context.races.simultaneous[race] === 1) return 'simultaneous-open';
  return context.races.tried[race] !== 0 ? 'rescued' : 'first-reply';
}
