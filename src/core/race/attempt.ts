/** One copy of a race on one route: that it leaves, and how long its answer took. */
import type { Family } from '../../model/address.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import { TIMES } from '../memory/times.js';
import { countSingle } from '../shard.js';
import type { Turn } from '../turn.js';
import { ATTEMPT, ATTEMPT_EVENT } from './life.js';
import type { RaceTable } from './table.js';
import { takeEnds } from './translation.js';

/** How many routes a race has asked, as far as its destination's bound goes (limit/destinations.ts). */
export const COPIES = { NONE: 0, ONE: 1, SEVERAL: 2, REFUSED: 3 } as const;

/** Sends the first copy on a route; none when the destination has had its share, and another route is asked already. */
export function enterRoute(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races } = turn.shard;
  if (!mayAsk(turn, race)) races.stepAttempt(race, route, ATTEMPT_EVENT.STOP_WAITING);
  else if (takeEnds(turn, race, turn.site.routes[route - 1])) sendAttempt(turn, race, route);
  else races.stepAttempt(race, route, ATTEMPT_EVENT.FAIL);
}

/** A race counts for its destination from its second route on. */
function mayAsk({ site, shard, now }: Turn, race: RaceId): boolean {
  const { races } = shard;
  const before = races.copies[race];
  if (before === COPIES.SEVERAL) return true;
  if (before === COPIES.NONE) {
    races.copies[race] = COPIES.ONE;
    return true;
  }
  const isAdmitted = site.destinations.admit(races.destination, race * 4, now);
  if (!isAdmitted && before === COPIES.ONE) countSingle(shard, 'destination-race-rate');
  races.copies[race] = isAdmitted ? COPIES.SEVERAL : COPIES.REFUSED;
  return isAdmitted;
}

/** Sends (again) the copy of one route. */
export function sendAttempt(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races, counters } = turn.shard;
  if (!races.stepAttempt(race, route, ATTEMPT_EVENT.SEND)) return;
  const at = races.attempt(race, route);
  if (races.attemptSends[at] === 0) races.attemptFirstSentAt[at] = turn.now;
  else if (races.attemptSends[at] === 1) races.attemptGap[at] = turn.now - races.attemptFirstSentAt[at];
  races.attemptSentAt[at] = turn.now;
  if (races.attemptSends[at] < 255) races.attemptSends[at]++;
  counters.attempts[route]++;
  turn.wire.attempt(race, route);
}

/**
 * A time is known only when one copy was sent, and before its server sends its answer again (RFC 6298 section 2.1): which of several was
 * answered, and by which, cannot be told (Karn), not yet.
 */
export function measure(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races } = turn.shard;
  const at = races.attempt(race, route);
  races.attemptAnsweredAt[at] = turn.seenAt;
  const time = mostTime(races, race, route);
  const isFirst = time < SERVER_REPEATS_MICROS || isSlowAsUsual(turn, race, route, time);
  if (races.attemptSends[at] === 1 && isFirst) setTime(turn, race, route, time);
  else if (races.attemptGap[at] === UNKNOWN_GAP || isAsUsual(turn, race, route)) races.attemptGap[at] = 0;
  else noteTime(turn, race, route, time);
}

/** Nobody has noted when the first copy left: what the answer has taken says nothing. */
export const UNKNOWN_GAP = -1;

/** When a server sends its answer again. */
const SERVER_REPEATS_MICROS = 1_000_000;

/**
 * The route takes so long whenever it is heard: nearer to this than to what it would be if the server had sent its answer again. A few
 * late answers may all have been repeated ones.
 */
function isSlowAsUsual(
  { site, shard: { races } }: Turn,
  race: RaceId,
  route: RouteNumber,
  time: Micros,
): boolean {
  const usual = site.roundTrips.surelyAtLeast(route, races.family[race] as Family);
  return usual >= 0 && Math.abs(time - usual) < Math.abs(time - SERVER_REPEATS_MICROS - usual);
}

/** The time since the last copy is nearer to what the route takes mostly than that since the first: what was before the last was lost. */
function isAsUsual({ site, shard: { races } }: Turn, race: RaceId, route: RouteNumber): boolean {
  const at = races.attempt(race, route);
  const usual = site.roundTrips.of(route, races.family[race] as Family);
  const sinceLast = races.attemptAnsweredAt[at] - races.attemptSentAt[at];
  return usual >= 0 && Math.abs(sinceLast - usual) < Math.abs(mostTime(races, race, route) - usual);
}

/**
 * A further answer by the same route: when it comes as long after the first as the second copy left after the first, that was
 * answered first which had left first. True: so the time is known now.
 */
export function measureAgain(turn: Turn, race: RaceId, route: RouteNumber): boolean {
  const { races } = turn.shard;
  const at = races.attempt(race, route);
  if (!isUnsure(races, race, route)) return false;
  const gap = races.attemptGap[at];
  const answeredAt = races.attemptAnsweredAt[at];
  if (Math.abs(turn.seenAt - answeredAt - gap) > gap * UNEVEN) return false;
  setTime(turn, race, route, answeredAt - races.attemptFirstSentAt[at]);
  return true;
}

/** Whether the first answer seems to be that to the first copy, and a further one could tell. */
export function isUnsure(races: RaceTable, race: RaceId, route: RouteNumber): boolean {
  const at = races.attempt(race, route);
  return (
    races.stateOf(race, route) === ATTEMPT.ANSWERED && races.attemptRtt[at] < 0 && races.attemptGap[at] > 0
  );
}

/** As far as the route is known, its answer may have been that to the second copy. */
export function mayHaveRepeated({ site, shard: { races } }: Turn, race: RaceId, route: RouteNumber): boolean {
  const least = site.roundTrips.leastOf(route, races.family[race] as Family);
  return least < 0 || least < mostTime(races, race, route) * (1 - UNEVEN);
}

/** How long the first answer has taken at most: since the first copy. */
export function mostTime(races: RaceTable, race: RaceId, route: RouteNumber): Micros {
  const at = races.attempt(race, route);
  return races.attemptAnsweredAt[at] - races.attemptFirstSentAt[at];
}

/** What jitter may make of the time between two packets. */
export const UNEVEN = 1 / 8;

function setTime(turn: Turn, race: RaceId, route: RouteNumber, micros: Micros): void {
  const { races, counters } = turn.shard;
  const time = Math.min(Math.max(0, micros), 0x7fffffff);
  races.attemptRtt[races.attempt(race, route)] = time;
  counters.timed[route]++;
  counters.timedMicros[route] += time;
  noteTime(turn, race, route, time);
}

/** For the route as a whole. A refusal may come from nearer; a program may take its time. */
function noteTime({ site, shard: { races } }: Turn, race: RaceId, route: RouteNumber, time: Micros): void {
  // Also where the first payload decides it is the handshake's.
  const isHandshake = races.times[race] === TIMES.CONNECT || races.times[race] === TIMES.PAYLOAD;
  if (races.stateOf(race, route) !== ATTEMPT.ANSWERED || !isHandshake) return;
  const answeredAt = races.attemptAnsweredAt[races.attempt(race, route)];
  site.roundTrips.note(route, races.family[race] as Family, time, answeredAt);
}
