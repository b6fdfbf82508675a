/** When no route has said yes: which error the client gets, and when. */
import type { OutcomeReason } from '../../model/reasons.js';
import type { Context } from '../context.js';
import type { EffectSink, Micros, RaceId, RouteNumber } from '../engine-types.js';
import { bringDeadline, setDeadline } from '../race/deadline.js';
import { cancelOpenAttempts, endRace } from '../race/end.js';
import { ATTEMPT } from '../race/states.js';
import { EVIDENCE_RST } from '../race/table.js';

/**
 * Two routes brought a reset: the server itself has refused. The silent routes get a grace of four times the slower of
 * these answers, within these bounds, since a client's SYN repeat comes after one second.
 */
const REFUSAL_GRACE_MICROS = { least: 100_000, most: 900_000, times: 4 } as const;

/**
 * Some routes answered with errors, the others are silent: the client waits this long, two repeats of its SYN; and at
 * least until the next repeat when the errors come late, since every SYN is a new chance for the silent ones.
 */
export const ERROR_HOLD_MICROS = 3_000_000;
const REPEAT_MICROS = 1_000_000;

/** Called after each negative answer of an undecided race: ends it, or says when to look again. */
export function settleNegative(context: Context, race: RaceId, now: Micros, out: EffectSink): void {
  const { races } = context;
  const { silent, negative, resets, slowest } = tally(context, race);
  if (silent === 0) return fail(context, race, 'all-routes-negative', now, out);
  if (negative === 0) return;
  if (negative === 1) {
    setDeadline(
      context,
      race,
      Math.max(races.startedAt[race] + ERROR_HOLD_MICROS, races.lastSynAt[race] + REPEAT_MICROS),
    );
  }
  if (resets < 2) return;
  const { least, most, times } = REFUSAL_GRACE_MICROS;
  bringDeadline(context, race, now + Math.min(most, Math.max(least, times * slowest)));
}

/** The time of a race has come: ends it if a route has said no. False when all that were asked are silent. */
export function expireNegative(context: Context, race: RaceId, now: Micros, out: EffectSink): boolean {
  const { negative, resets } = tally(context, race);
  if (negative === 0) return false;
  fail(context, race, resets >= 2 ? 'refused-by-server' : 'error-and-silence', now, out);
  return true;
}

/** What the routes of a race have said so far; `slowest` is the longest time to a reset, microseconds. */
function tally(
  context: Context,
  race: RaceId,
): { silent: number; negative: number; resets: number; slowest: number } {
  const { races } = context;
  // A copy that is still to leave may be answered.
  const result = { silent: races.waiting[race] === 0 ? 0 : 1, negative: 0, resets: 0, slowest: 0 };
  for (let route = 1; route <= races.routeCount; route++) {
    const at = races.attempt(race, route);
    const state = races.attemptState[at];
    if (state === ATTEMPT.SENT) result.silent++;
    if (state !== ATTEMPT.NEGATIVE) continue;
    result.negative++;
    if (races.attemptEvidence[at] !== EVIDENCE_RST) continue;
    result.resets++;
    result.slowest = Math.max(result.slowest, races.attemptRtt[at]);
  }
  return result;
}

/** Counts the losses of the routes that have said no; called once per race, when it is won or has failed. */
export function countNegative(context: Context, race: RaceId): void {
  const { races, counters } = context;
  for (let route = 1; route <= races.routeCount; route++) {
    if (races.attemptState[races.attempt(race, route)] === ATTEMPT.NEGATIVE) counters.losses[route]++;
  }
}

/** The route with the error that tells the client most; 0 when no route has answered with one. */
export function bestEvidence(context: Context, race: RaceId): RouteNumber {
  const { races } = context;
  let best = 0;
  let bestRank = Number.POSITIVE_INFINITY;
  for (let route = 1; route <= races.routeCount; route++) {
    const at = races.attempt(race, route);
    if (races.attemptState[at] !== ATTEMPT.NEGATIVE) continue;
    const rank = rankOf(races.attemptEvidence[at], races.family[race] === 4);
    if (rank < bestRank) {
      bestRank = rank;
      best = route;
    }
  }
  return best;
}

function fail(context: Context, race: RaceId, reason: OutcomeReason, now: Micros, out: EffectSink): void {
  const route = bestEvidence(context, race);
  countNegative(context, race);
  cancelOpenAttempts(context, race, out);
  if (route !== 0) out.reject(race, route);
  endRace(context, race, 0, route === 0 ? 'no-copy-sent' : reason, now, out);
}

/**
 * The server's own word before a filter's, a filter's before a missing path: RST, port unreachable,
 * administratively prohibited, other unreachable, time exceeded (H10: RST before 3/13 before 3/1).
 */
export function rankOf(evidence: number, ipv4: boolean): number {
  if (evidence === EVIDENCE_RST) return 0;
  const type = evidence >>> 8;
  const code = evidence & 255;
  if (type === (ipv4 ? 3 : 1)) {
    if (code === (ipv4 ? 3 : 4)) return 1;
    if (ipv4 ? code === 13 || code === 9 || code === 10 : code === 1 || code === 5 || code === 6) return 2;
    return 3;
  }
  return 4;
}
