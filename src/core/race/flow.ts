/**
 * The flow that the client's first set-up went by alone. The client repeats that, but it is still in the connection table: it lives on as an
 * attempt of the race, with the ends that it has, and the client's further set-ups go by it as well. Whatever it is answered is an answer to
 * this connection.
 */
import type { Family } from '../../model/address.js';
import { isOpen } from '../choose/candidates.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import type { Protocol } from '../protocols/protocol.js';
import type { Turn } from '../turn.js';
import { UNKNOWN_GAP } from './attempt.js';
import type { FlowEnds, LocalEnds } from './ends.js';
import { ATTEMPT_EVENT } from './life.js';
import { overdueAfter, surelyTakes } from './patience.js';
import { FLOW, type FlowState } from './plan.js';
import { isOurs } from './translation.js';

/** When a client sends its set-up again for the first time (RFC 6298 section 2.1). */
const FIRST_REPEAT_MICROS = 1_000_000;
/** However slow a route is known to be, the others are asked this long after the client's first set-up. */
const MOST_PATIENCE_MICROS = 4_000_000;

/** What became of the flow of the packet in hand, which went by a route. Its ends are asked for once: `adoptFlow` has them from here. */
export function findFlow(turn: Turn, protocol: Protocol, route: RouteNumber): FlowState {
  const { site, shard, flows, packet, now } = turn;
  // A command keeps new connections from a route: what has left by it lives on.
  if (site.routes[route - 1]?.usable[packet.family] !== true) return FLOW.GONE;
  if (flows === null || !flows.endsOf(found)) return FLOW.GONE;
  answer.family = packet.family;
  answer.protocol = packet.protocol;
  answer.source = packet.destination;
  answer.sourcePort = packet.destinationPort;
  answer.destination = found.local;
  answer.destinationPort = found.localPort;
  return shard.answered.find(answer, now, protocol.proof(protocol.token(packet))) === 0
    ? FLOW.WAITS
    : FLOW.ANSWERED;
}

/** Makes the flow that has just been found an attempt of its race; false when no answer to it can be taken any more. */
export function adoptFlow(turn: Turn, race: RaceId, route: RouteNumber): boolean {
  const { shard, now } = turn;
  const { races } = shard;
  if (shard.plan.flow !== FLOW.WAITS || !isOurs(turn, race, route, found.local, 0)) return false;
  races.adopt(race, route, found);
  races.stepAttempt(race, route, ATTEMPT_EVENT.SEND);
  const at = races.attempt(race, route);
  races.attemptFirstSentAt[at] = now - FIRST_REPEAT_MICROS;
  races.attemptGap[at] = shard.repeated.find(turn.packet, now) === 0 ? FIRST_REPEAT_MICROS : UNKNOWN_GAP;
  // Another race of this flow does not begin with its first repeat.
  shard.repeated.set(turn.packet, route, now);
  races.attemptSentAt[at] = now;
  races.attemptSends[at] = 2;
  turn.goesOn = true;
  return true;
}

/** The packet in hand goes by the flow again. */
export function continueFlow(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { races } = turn.shard;
  const at = races.attempt(race, route);
  races.attemptSentAt[at] = turn.now;
  if (races.attemptSends[at] < 255) races.attemptSends[at]++;
  turn.goesOn = true;
}

/**
 * Until when the flow is left alone, as its answer is not overdue yet: a route that is known to be slow is not silent. Now, when it is
 * overdue, nothing is known, or the route is in doubt.
 */
export function patientUntil(turn: Turn, race: RaceId, route: RouteNumber): Micros {
  const { site, shard, now } = turn;
  const { races } = shard;
  const family = races.family[race] as Family;
  const expected = surelyTakes(turn, race, route);
  if (expected < 0 || !isOpen(site, route, family)) return now;
  const first = races.attemptFirstSentAt[races.attempt(race, route)];
  return Math.max(now, first + Math.min(MOST_PATIENCE_MICROS, overdueAfter(expected)));
}

/** Two values, reused. */
const found: LocalEnds = { local: new Int32Array(4), localPort: 0 };
const answer: { -readonly [K in keyof FlowEnds]: FlowEnds[K] } = {
  family: 4,
  protocol: 0,
  source: found.local,
  sourcePort: 0,
  destination: found.local,
  destinationPort: 0,
};
