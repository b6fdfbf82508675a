/** When no route has said yes: which error the client gets, and when. */
import type { Family } from '../../model/address.js';
import type { OutcomeReason } from '../../model/reasons.js';
import { admitTrials, askAgain, goOnWithout } from '../affinity/join.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import { HEALTH } from '../health/health.js';
import { settleOpening } from '../payload/decide.js';
import { MOST_QUESTIONS } from '../protocols/protocol.js';
import { measure } from '../race/attempt.js';
import { bringDeadline, setDeadline } from '../race/deadline.js';
import { endRace, leaveOpenAttempts, loserAnswered } from '../race/end.js';
import { EVIDENCE, rankOf } from '../race/evidence.js';
import { ATTEMPT, ATTEMPT_EVENT, RACE } from '../race/life.js';
import { expectedOf, overdueAfter } from '../race/patience.js';
import { sendNext } from '../race/schedule.js';
import { countIgnored } from '../shard.js';
import type { Turn } from '../turn.js';
import { countNegative } from './losses.js';

/**
 * Two routes brought a refusal: the server itself has refused, or the provider's customers only. The silent routes get the time that they
 * take otherwise, and no less than the slowest route that is known; the most where nothing is known; but not more than until the client
 * repeats its SYN.
 */
const REFUSAL_GRACE_MICROS = { least: 100_000, most: 950_000 } as const;
/** A route that is in doubt: so many times what the slowest refusal has taken. */
const DOUBTFUL = { times: 4, most: 900_000 } as const;

/**
 * Some routes answered with errors, the others are silent: the client waits this long, two repeats of its SYN; and at
 * least until the next repeat when the errors come late, since every SYN is a new chance for the silent ones.
 */
export const ERROR_HOLD_MICROS = 3_000_000;
const REPEAT_MICROS = 1_000_000;

/** Keeps a negative answer back while another route may still say yes. Its words are those of the turn's judgement. */
export function holdNegative(turn: Turn, race: RaceId, route: RouteNumber, evidence: number): void {
  const { shard, judgement } = turn;
  const { races, counters } = shard;
  const at = races.attempt(race, route);
  const before = races.attemptState[at];
  countIgnored(shard, 'held-error');
  const ipv4 = races.family[race] === 4;
  // Of several errors on one route the one that says most is kept.
  if (before === ATTEMPT.NEGATIVE && rankOf(races.attemptEvidence[at], ipv4) <= rankOf(evidence, ipv4))
    return;
  if (!races.stepAttempt(race, route, ATTEMPT_EVENT.DENY)) return;
  if (before !== ATTEMPT.NEGATIVE) counters.negatives[route]++;
  races.attemptEvidence[at] = evidence;
  for (let i = 0; i < 4; i++) races.attemptEvidenceWords[at * 4 + i] = judgement.words[i];
  if (before === ATTEMPT.SENT) measure(turn, race, route);
  if (races.state[race] === RACE.RACING) {
    if (shard.joins.route[race] === route) goOnWithout(turn, race);
    sendNext(turn, race);
    settleNegative(turn, race);
    return;
  }
  if (before === ATTEMPT.SENT) counters.losses[route]++;
  if (shard.openings.isShown(race)) settleOpening(turn, race, 0);
  else loserAnswered(turn, race, route);
}

/** Called after each negative answer of an undecided race: ends it, and says why; null: it says when to look again. */
export function settleNegative(turn: Turn, race: RaceId): OutcomeReason | null {
  const { shard, now } = turn;
  const { silent, negative, refusals, slowest } = tally(turn, race);
  if (silent === 0) return fail(turn, race, 'all-routes-negative');
  if (negative === 0) return null;
  if (negative === 1) {
    setDeadline(shard, race, heldUntil(turn, race));
  }
  if (refusals >= 2)
    bringDeadline(shard, race, Math.max(now + REFUSAL_GRACE_MICROS.least, graceEnd(turn, race, slowest)));
  return null;
}

/** Until when an error waits for the silent routes. */
function heldUntil({ site, shard: { races } }: Turn, race: RaceId): Micros {
  const own = site.protocols[races.protocol[race]].datagrams?.errorHoldMicros;
  if (own !== undefined) return races.lastSetupAt[race] + own;
  return Math.max(races.startedAt[race] + ERROR_HOLD_MICROS, races.lastSetupAt[race] + REPEAT_MICROS);
}

/** Until when the silent routes of a race may say yes after two refusals, of which the slowest took `slowest`. */
function graceEnd(turn: Turn, race: RaceId, slowest: Micros): Micros {
  const { now, shard } = turn;
  const { races } = shard;
  let end = now;
  for (let route = 1; route <= races.routeCount; route++) {
    const state = races.stateOf(race, route);
    if (state !== ATTEMPT.SENT && state !== ATTEMPT.WAITING) continue;
    const since = state === ATTEMPT.SENT ? races.attemptSentAt[races.attempt(race, route)] : now;
    end = Math.max(end, since + graceOf(turn, race, route, slowest));
  }
  return end;
}

function graceOf(turn: Turn, race: RaceId, route: RouteNumber, slowest: Micros): Micros {
  const { site, shard } = turn;
  const family = shard.races.family[race] as Family;
  if (site.health.of(route, family) !== HEALTH.UP) return Math.min(DOUBTFUL.most, DOUBTFUL.times * slowest);
  const expected = expectedOf(turn, race, route);
  if (expected < 0) return REFUSAL_GRACE_MICROS.most;
  const longest = Math.max(expected, site.roundTrips.slowest(family));
  return Math.min(REFUSAL_GRACE_MICROS.most, overdueAfter(longest));
}

/** When a race with negative answers is looked at again, after its time has been another one. */
export function renewNegative(turn: Turn, race: RaceId): void {
  const { negative } = tally(turn, race);
  if (negative > 0) bringDeadline(turn.shard, race, heldUntil(turn, race));
  settleNegative(turn, race);
}

/** The time of a race has come: ends it if a route has said no. False when all that were asked are silent. */
export function expireNegative(turn: Turn, race: RaceId): boolean {
  const { negative, refusals } = tally(turn, race);
  if (negative === 0) return false;
  fail(turn, race, refusals >= 2 ? 'refused-by-server' : 'error-and-silence');
  return true;
}

/** What the routes of a race have said so far; `slowest` is the longest time to a refusal, microseconds. One value, reused. */
function tally({ shard: { races, joins } }: Turn, race: RaceId): typeof count {
  // A copy that is still to leave may be answered.
  count.silent = races.waiting[race] === 0 ? 0 : 1;
  count.negative = 0;
  count.refusals = 0;
  count.slowest = 0;
  for (let route = 1; route <= races.routeCount; route++) {
    const at = races.attempt(race, route);
    const state = races.attemptState[at];
    // Who is on trial and has said yes is not waited for.
    if (state === ATTEMPT.SENT && (joins.held[race] & races.trials[race] & (1 << route)) === 0)
      count.silent++;
    if (state !== ATTEMPT.NEGATIVE) continue;
    count.negative++;
    if (races.attemptEvidence[at] !== EVIDENCE.REFUSED) continue;
    count.refusals++;
    count.slowest = Math.max(count.slowest, races.attemptRtt[at]);
  }
  return count;
}

/** Every question of a flow that was refused is told so. */
function reject(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { setups } = turn.shard;
  let isTold = false;
  for (let question = 0; question < MOST_QUESTIONS; question++) {
    if (setups.refusersOf(race, question) === 0) continue;
    turn.wire.reject(race, route, question);
    isTold = true;
  }
  if (!isTold) turn.wire.reject(race, route);
}

/**
 * All others have failed, and routes that could only be measured have said yes: they are asked for that once more, and it counts. False: there is
 * none.
 */
function asksTrials(turn: Turn, race: RaceId): boolean {
  const { joins, races } = turn.shard;
  const proven = joins.held[race] & races.trials[race];
  admitTrials(turn, race);
  let isAsked = false;
  for (let route = 1; route <= races.routeCount; route++) {
    if ((proven & (1 << route)) === 0 || !askAgain(turn, race, route)) continue;
    isAsked = true;
  }
  if (isAsked) setDeadline(turn.shard, race, turn.now + ERROR_HOLD_MICROS);
  return isAsked;
}

const count = { silent: 0, negative: 0, refusals: 0, slowest: 0 };

/** The route with the error that tells the client most; 0 when no route has answered with one. */
function bestEvidence({ shard: { races } }: Turn, race: RaceId): RouteNumber {
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

function fail(turn: Turn, race: RaceId, reason: OutcomeReason): OutcomeReason | null {
  if (asksTrials(turn, race)) return null;
  const route = bestEvidence(turn, race);
  countNegative(turn, race);
  leaveOpenAttempts(turn, race);
  if (route !== 0) reject(turn, race, route);
  const told = route === 0 ? 'no-copy-sent' : reason;
  endRace(turn, race, told);
  return told;
}
