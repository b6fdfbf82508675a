/** Who carries a connection of which the first payload decides: the route that it came by, or else the one that the client was shown. */
import { type OpeningReason, OUTCOME_REASONS, type OutcomeReason } from '../../model/reasons.js';
import { settleHeld } from '../affinity/join.js';
import { pinWinner } from '../affinity/settle.js';
import { decided } from '../commit/decided.js';
import type { Verdict } from '../contract.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { countNegative } from '../judge/losses.js';
import { endRace } from '../race/end.js';
import { EVIDENCE } from '../race/evidence.js';
import { ATTEMPT, RACE, RACE_EVENT } from '../race/life.js';
import { dropWaiting } from '../race/schedule.js';
import { isStillOurs } from '../race/translation.js';
import type { Turn } from '../turn.js';
import * as verdict from '../verdict.js';
import { cancelSide, cancelSides, openingOf } from './cancel.js';
import { PHASE, SIDE } from './openings.js';

/** The packet in hand is the first payload: its route carries the connection. */
export function carry(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { shard, now } = turn;
  const { openings, races } = shard;
  const isShown = races.shown[race] === route;
  if (!isStillOurs(turn, race, route)) {
    leaveSide(turn, race, route, true);
    return settleOpening(turn, race, route) ?? verdict.drop(turn);
  }
  // The client cannot have had its answer yet.
  if (!isShown && races.state[race] !== RACE.OPENED) return verdict.drop(turn);
  const handshake = races.attemptRtt[races.attempt(race, route)];
  openings.setTime(race, handshake < 0 ? -1 : handshake + now - openings.givenAtOf(race, route));
  races.carrier[race] = route;
  conclude(turn, race, 'first-payload');
  if (isShown) {
    settleKept(turn, race);
    return verdict.passForGood(turn);
  }
  races.stepRace(race, RACE_EVENT.WIN);
  turn.flows?.commit(race, route);
  return verdict.commit(turn, race, route);
}

/** The first reply decides: its route goes on, unless it has ended. What the other routes would have said teaches nothing. */
export function keep(turn: Turn, race: RaceId, why: Exclude<OpeningReason, 'first-payload'>): void {
  const { openings, races } = turn.shard;
  if (openings.sideOf(race, races.shown[race]) === SIDE.OUT)
    return failOpening(turn, race, 'error-and-silence');
  conclude(turn, race, why);
  turn.shard.races.proven[race] = 0;
  settleKept(turn, race);
}

/** A side takes no more part. `isTold`: its server waits for more. */
export function leaveSide(turn: Turn, race: RaceId, route: RouteNumber, isTold: boolean): void {
  const { openings, races, counters } = turn.shard;
  if (isTold && races.shown[race] === route) return openings.setSide(race, route, SIDE.ENDED);
  if (isTold) cancelSide(turn, race, route);
  openings.setSide(race, route, SIDE.OUT);
  counters.losses[route]++;
}

/**
 * A route has left, or could not take part: when no other one is left, that ends it. `inHand`: whose packet is in hand; 0: none. null: it
 * goes on, or the packet in hand is of no interest to the client.
 */
export function settleOpening(turn: Turn, race: RaceId, inHand: RouteNumber): Verdict | null {
  const { openings, races } = turn.shard;
  const shown = races.shown[race];
  if (hasOther(turn, race)) return null;
  const isInHand = inHand === shown;
  if (openings.sideOf(race, shown) !== SIDE.OUT) keep(turn, race, 'others-out');
  else failOpening(turn, race, 'all-routes-negative');
  return isInHand ? verdict.passForGood(turn) : null;
}

/** No route can carry it any more. */
function failOpening(turn: Turn, race: RaceId, why: OutcomeReason): void {
  cancelSides(turn, race, 0);
  dropWaiting(turn, race);
  resetClient(turn, race);
  endRace(turn, race, why);
}

/** The client is told what its server would say, since what it was shown is gone. */
export function resetClient(turn: Turn, race: RaceId): void {
  const { openings, races } = turn.shard;
  const shown = races.shown[race];
  const at = races.attempt(race, shown);
  openingOf(turn, race)?.reset(
    races.token[race],
    openings.sequenceOf(race, shown),
    openings.lengthOf(race),
    races.attemptEvidenceWords,
    at * 4,
  );
  races.attemptEvidence[at] = EVIDENCE.REFUSED;
  turn.flows?.remove?.(race);
  turn.wire.reject(race, shown);
}

/** What all decisions have in common, before the flow is settled. */
function conclude(turn: Turn, race: RaceId, outcome: OpeningReason): void {
  const { openings, races } = turn.shard;
  openings.enter(race, PHASE.DECIDED);
  races.outcome[race] = OUTCOME_REASONS.indexOf(outcome);
  dropWaiting(turn, race);
  cancelSides(turn, race, races.carrier[race]);
  settleHeld(turn, race);
  countNegative(turn, race);
  pinWinner(turn, race);
}

/** The flow has its route already; one whose entry is still being written is settled when that is there. */
function settleKept(turn: Turn, race: RaceId): void {
  if (turn.shard.races.state[race] !== RACE.OPENED) return;
  turn.flows?.release?.(race);
  decided(turn, race);
}

/** Whether another route than the one that was shown may still bring a payload. */
function hasOther({ shard: { openings, races } }: Turn, race: RaceId): boolean {
  if (races.waiting[race] !== 0) return true;
  for (let route = 1; route <= races.routeCount; route++) {
    if (route === races.shown[race] || (races.trials[race] & (1 << route)) !== 0) continue;
    if (openings.isOpen(race, route) || races.stateOf(race, route) === ATTEMPT.SENT) return true;
  }
  return false;
}
