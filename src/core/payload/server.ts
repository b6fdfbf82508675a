/** What a server says after its first reply, before its payload or another one's has decided. */
import type { Verdict } from '../contract.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { noteLife } from '../health/evidence.js';
import { isWaiting } from '../protocols/index.js';
import { createSaying, SAYS } from '../protocols/opening.js';
import { measure } from '../race/attempt.js';
import { ATTEMPT_EVENT, RACE } from '../race/life.js';
import { countIgnored } from '../shard.js';
import type { Turn } from '../turn.js';
import * as verdict from '../verdict.js';
import { openingOf } from './cancel.js';
import { carry, leaveSide, settleOpening } from './decide.js';
import { SIDE } from './openings.js';

/** The packet in hand is of an attempt whose handshake was complete; null: it is about the handshake, or about none. */
export function fromServer(turn: Turn, race: RaceId, route: RouteNumber): Verdict | null {
  const { openings, races } = turn.shard;
  const { packet } = turn;
  const side = openings.sideOf(race, route);
  const opening = openingOf(turn, race);
  if (side === SIDE.NONE || opening === null) return null;
  if (openings.isDecided(race)) return afterwards(turn, race, route);
  if (isWaiting(turn.site.protocols, packet)) return null;
  const isShown = races.shown[race] === route;
  opening.ofServer(
    packet,
    races.token[race],
    openings.sequenceOf(race, route),
    openings.lengthOf(race),
    says,
  );
  if (side === SIDE.OUT || says.kind === SAYS.STRAY) return stray(turn);
  openings.acknowledge(race, route, says.acknowledged);
  noteLife(turn, race, route);
  switch (says.kind) {
    case SAYS.PAYLOAD:
      return carry(turn, race, route);
    case SAYS.NOTHING:
      // The client must not hear that all of it has come before all have it: who has not would never get it.
      return isShown && says.acknowledged <= leastAcknowledged(turn, race)
        ? verdict.pass(turn)
        : verdict.drop(turn);
    default:
      leaveSide(turn, race, route, says.kind === SAYS.ENDS);
      return settleOpening(turn, race, route) ?? verdict.drop(turn);
  }
}

/** A further yes: whatever its server has agreed on, it may still carry the connection. */
export function openToo(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { openings, races } = turn.shard;
  if (races.stepAttempt(race, route, ATTEMPT_EVENT.ANSWER)) measure(turn, race, route);
  if (openings.sideOf(race, route) === SIDE.NONE) {
    noteAnswer(turn, race, route);
    openings.setSide(race, route, SIDE.OPEN);
  }
  if (openings.isOpen(race, route)) advance(turn, race, route);
  else turn.wire.cancel(race, route, turn.judgement.proof);
  return verdict.drop(turn);
}

/** Writes down what the answer in hand has agreed on. */
export function noteAnswer(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { packet, shard, now } = turn;
  const opening = openingOf(turn, race);
  if (opening === null) return;
  shard.openings.answered(race, route, packet.sequence, opening.offer(packet), opening.segment(packet));
  shard.openings.give(race, route, now);
}

/** Gives a server what it has not acknowledged yet of the client's words, if it may have them; else the end of its handshake alone. */
export function advance(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { openings } = turn.shard;
  if (openings.isSafe(race)) giveFirst(turn, race, route);
  turn.wire.advance?.(race, route);
}

/** Notes when a server is given the client's words for the first time. */
export function giveFirst({ shard: { openings }, now }: Turn, race: RaceId, route: RouteNumber): void {
  if (openings.sideOf(race, route) !== SIDE.OPEN) return;
  openings.setSide(race, route, SIDE.GIVEN);
  openings.give(race, route, now);
}

/** How many bytes of the client all have that may still carry its connection. */
function leastAcknowledged({ shard: { openings, races } }: Turn, race: RaceId): number {
  let least = openings.lengthOf(race);
  for (let route = 1; route <= races.routeCount; route++)
    if (openings.isOpen(race, route)) least = Math.min(least, openings.acknowledgedOf(race, route));
  return least;
}

/** It is decided. The carrier's packets need nobody any more; the others are told again. */
function afterwards(turn: Turn, race: RaceId, route: RouteNumber): Verdict | null {
  const { races } = turn.shard;
  if (isWaiting(turn.site.protocols, turn.packet)) return null;
  if (races.carrier[race] === route)
    return races.state[race] === RACE.COMMITTING ? verdict.passBehind(turn, race) : verdict.passForGood(turn);
  if (turn.packet.acknowledgement !== 0) turn.wire.cancel(race, route, turn.packet.acknowledgement);
  countIgnored(turn.shard, 'late-answer');
  return verdict.drop(turn);
}

function stray(turn: Turn): Verdict {
  countIgnored(turn.shard, 'not-ours');
  return verdict.drop(turn);
}

const says = createSaying();
