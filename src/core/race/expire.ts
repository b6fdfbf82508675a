/** What happens when the time of a race has come. */
import { expireNegative } from '../commit/negative.js';
import type { Context } from '../context.js';
import type { EffectSink, Micros, RaceId } from '../engine-types.js';
import { setDeadline } from './deadline.js';
import { cancelOpenAttempts, endRace } from './end.js';
import { sendDue } from './schedule.js';
import { RACE } from './states.js';

/** Ends every race that is due. */
export function expire(context: Context, now: Micros, out: EffectSink): void {
  while (context.deadlines.next() <= now) expireOne(context, context.deadlines.first(), now, out);
}

function expireOne(context: Context, race: RaceId, now: Micros, out: EffectSink): void {
  const { races } = context;
  if (races.nextStart[race] <= now) {
    sendDue(context, race, now, out);
    if (races.dueAt[race] > now) return;
  }
  if (races.state[race] !== RACE.RACING) {
    // A decided race has waited long enough for its losers; what they still send is answered without it.
    endRace(context, race, races.winner[race], 'first-reply', now, out);
    return;
  }
  if (expireNegative(context, race, now, out)) return;
  const due = races.lastSynAt[race] + context.settings.raceTimeoutMicros;
  if (due > now) return setDeadline(context, race, due);
  // All silent: the client's own time-out rules, and its next SYN starts a new race.
  cancelOpenAttempts(context, race, out);
  endRace(context, race, 0, 'all-routes-silent', now, out);
}
