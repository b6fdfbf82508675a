/** Stage 5: what the kernel said to a commit. */
import type { Context } from '../context.js';
import type { EffectSink, Micros, RaceId } from '../engine-types.js';
import { allAnswered, endRace } from '../race/end.js';
import { RACE } from '../race/states.js';

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
    endRace(context, race, 0, 'tuple-in-use', now);
    return;
  }
  counters.decided++;
  counters.wins[route]++;
  context.clients.done(races.client, race * 4);
  races.decision[race] = context.decisions.noteRace(
    races,
    race,
    route,
    races.simultaneous[race] === 1 ? 'simultaneous-open' : 'first-reply',
    now,
  );
  races.linger(race);
  if (allAnswered(context, race)) endRace(context, race, route, 'first-reply', now);
  else context.deadlines.set(race, now + LINGER_MICROS);
}
