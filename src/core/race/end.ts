/** How a race ends without a winner, and what a winner's race leaves behind. */
import type { OutcomeReason } from '../../model/reasons.js';
import { noteOutcome } from '../choose/standing.js';
import { rememberEnd, rememberLoser } from '../commit/remember.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { judgeSample } from '../judge/sampled.js';
import { cancelSides } from '../payload/cancel.js';
import type { Turn } from '../turn.js';
import { isUnsure } from './attempt.js';
import { ATTEMPT, RACE } from './life.js';
import { NO_RACE, type RaceTable } from './table.js';

/** Frees a race. One that was still undecided is noted under `reason` and counted as failed. */
export function endRace(turn: Turn, race: RaceId, reason: OutcomeReason): void {
  const { site, shard } = turn;
  const { races, counters } = shard;
  if (races.state[race] === RACE.DECIDED) {
    judgeSample(turn, race);
    rememberEnd(turn, race, hasLearntAll(turn, race));
    if (site.protocols[races.protocol[race]].cancelsSilent) cancelOpenAttempts(turn, race);
  } else {
    noteOutcome(turn, race, 0, reason);
    site.clients.done(races.client, race * 4);
    site.hosts.done(races.host[race]);
    counters.failed++;
  }
  shard.deadlines.remove(race);
  shard.joins.leave(race);
  shard.setups.release(race);
  shard.openings.release(race);
  endSample(turn, race);
  races.release(race);
}

/**
 * Takes a race out of the tables whatever state it is in, after a broken promise: it says nothing of its routes, and its copies
 * are told when they are answered, as those of any race that is over.
 */
export function abandonRace(turn: Turn, race: RaceId): void {
  const { site, shard } = turn;
  const { races, counters } = shard;
  if (race === NO_RACE) return;
  shard.deadlines.remove(race);
  if (races.isFree(race)) return;
  if (races.state[race] !== RACE.DECIDED) {
    site.clients.done(races.client, race * 4);
    site.hosts.done(races.host[race]);
    counters.failed++;
  }
  shard.joins.leave(race);
  shard.setups.release(race);
  shard.openings.release(race);
  endSample(turn, race);
  races.release(race);
}

/** The kernel ends one itself whose server has spoken. */
function endSample({ shard: { races, samples }, flows }: Turn, race: RaceId): void {
  if (samples.isAwaited(race) && races.state[race] === RACE.DECIDED) flows?.release?.(race);
  samples.release(race);
}

/**
 * All are silent, or gone: the client's own time-out rules, and its next set-up starts a new race. The client has not been told anything: a
 * flow that it had before goes on.
 */
export function giveUp(turn: Turn, race: RaceId): void {
  leaveOpenAttempts(turn, race, true);
  endRace(turn, race, 'all-routes-silent');
}

/**
 * Cancels the copies of a set-up that the client may repeat: by another port then, since what is still on its way to these would be taken
 * for an answer to those.
 */
export function leaveOpenAttempts(turn: Turn, race: RaceId, keepsFlow = false): void {
  const { races, ports } = turn.shard;
  if (hasOpenAttempt(races, race)) ports.taken(race, turn.now);
  cancelOpenAttempts(turn, race, keepsFlow);
}

/** Cancels every copy that may have made a half-open connection, and the flow that was there before, unless that is kept. */
export function cancelOpenAttempts(turn: Turn, race: RaceId, keepsFlow = false): void {
  const { site, shard } = turn;
  const { races } = shard;
  const proof = site.protocols[races.protocol[race]].proof(races.token[race]);
  for (let route = 1; route <= races.routeCount; route++) {
    if (route === races.carrier[race] || races.stateOf(race, route) !== ATTEMPT.SENT) continue;
    if (!keepsFlow || !races.isFlow(race, route)) turn.wire.cancel(race, route, proof);
  }
  cancelSides(turn, race, races.carrier[race]);
}

/** Whether every attempt has had an answer or never left: nothing more can come. */
export function allAnswered(turn: Turn, race: RaceId): boolean {
  return !hasOpenAttempt(turn.shard.races, race);
}

function hasOpenAttempt(races: RaceTable, race: RaceId): boolean {
  for (let route = 1; route <= races.routeCount; route++)
    if (races.stateOf(race, route) === ATTEMPT.SENT) return true;
  return false;
}

/** Whether nothing more can come that a decided race would learn from. */
export function hasLearntAll(turn: Turn, race: RaceId): boolean {
  const { races, samples } = turn.shard;
  if (samples.isAwaited(race)) return false;
  for (let route = 1; route <= races.routeCount; route++)
    if (races.stateOf(race, route) === ATTEMPT.SENT || isUnsure(races, race, route)) return false;
  return true;
}

/** A route has answered that does not carry the flow; before the decision that says nothing yet. */
export function loserAnswered(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races, decisions } = turn.shard;
  if (races.state[race] !== RACE.DECIDED) return;
  decisions.update(races.decision[race], races, race, route);
  rememberLoser(turn, race, route);
  if (hasLearntAll(turn, race)) endRace(turn, race, 'first-reply');
}
