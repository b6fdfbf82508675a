/** How a race ends without a winner, and what a winner's race leaves behind. */
import type { OutcomeReason } from '../../model/reasons.js';
import { rememberEnd } from '../commit/remember.js';
import type { Context } from '../context.js';
import type { EffectSink, Micros, RaceId, RouteNumber } from '../engine-types.js';
import { ATTEMPT, RACE } from './states.js';

/** Frees a race. One that was still undecided is noted and counted as failed. */
export function endRace(
  context: Context,
  race: RaceId,
  route: RouteNumber,
  reason: OutcomeReason,
  now: Micros,
  out: EffectSink,
): void {
  const { races, counters } = context;
  if (races.state[race] === RACE.DECIDED) {
    rememberEnd(context, race, now, out);
  } else {
    context.clients.done(races.client, race * 4);
    context.decisions.noteRace(races, race, route, reason, now);
    counters.failed++;
  }
  context.deadlines.remove(race);
  races.release(race);
}

/** Resets every copy that may have made a half-open connection: SEQ = ISN + 1 is what its server expects next. */
export function cancelOpenAttempts(context: Context, race: RaceId, out: EffectSink): void {
  const { races } = context;
  for (const { number } of context.routes) {
    if (!races.hasAttempt(race, number) || number === races.winner[race]) continue;
    const state = races.attemptState[races.attempt(race, number)];
    if (state === ATTEMPT.SENT) out.cancel(race, number, (races.isn[race] + 1) | 0);
  }
}

/** Whether every attempt has had an answer or never left: nothing more can come. */
export function allAnswered(context: Context, race: RaceId): boolean {
  const { races } = context;
  const base = race * races.routeCount;
  for (let i = 0; i < races.routeCount; i++) if (races.attemptState[base + i] === ATTEMPT.SENT) return false;
  return true;
}
