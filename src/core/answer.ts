/** The stages that a packet of a provider passes: which attempt it is about, what it says, and what follows from that. */
import { OUTCOME_REASONS } from '../model/reasons.js';
import type { Packet } from '../wire/packet.js';
import { FLAG, PROTOCOL } from '../wire/packet.js';
import { keepsBack, keepsTrial, settleHeld } from './affinity/join.js';
import { pinWinner } from './affinity/settle.js';
import { handleCommitted } from './commit/outcome.js';
import type { Input, Verdict } from './contract.js';
import type { RaceId, RouteNumber } from './engine-types.js';
import { noteLife } from './health/evidence.js';
import { countNegative } from './judge/losses.js';
import { holdNegative, settleNegative } from './judge/negative.js';
import type { Times } from './memory/times.js';
import { fromServer, openToo } from './payload/server.js';
import { show } from './payload/show.js';
import { isWaiting } from './protocols/index.js';
import { JUDGEMENT } from './protocols/judgement.js';
import { MOST_QUESTIONS } from './protocols/protocol.js';
import { measure, measureAgain } from './race/attempt.js';
import { answerChallenge } from './race/challenge.js';
import { loserAnswered } from './race/end.js';
import type { AttemptEnds } from './race/ends.js';
import { EVIDENCE } from './race/evidence.js';
import { handleIcmpError } from './race/icmp.js';
import { ATTEMPT, ATTEMPT_EVENT, RACE, RACE_EVENT } from './race/life.js';
import { dropWaiting } from './race/schedule.js';
import { NO_RACE } from './race/table.js';
import { isStillOurs, shareEnds } from './race/translation.js';
import { countIgnored } from './shard.js';
import type { Turn } from './turn.js';
import * as verdict from './verdict.js';

/** The packet in hand came in by a provider. */
export function handleAnswer(turn: Turn, { interfaceIndex, known }: Input & { kind: 'answer' }): Verdict {
  const { site, shard, packet, ends } = turn;
  const isError = packet.protocol === PROTOCOL.ICMP || packet.protocol === PROTOCOL.ICMPV6;
  if (isError) fillFromQuote(ends, packet);
  else fillFromPacket(ends, packet);
  for (const route of site.routes) {
    if (route.interfaceIndex !== interfaceIndex) continue;
    const race = shard.races.findAttempt(route.number, ends);
    if (race === NO_RACE) continue;
    turn.race = race;
    if (isError) return handleIcmpError(turn, race, route.number);
    const ofServer = shard.openings.has(race) ? fromServer(turn, race, route.number) : null;
    if (ofServer !== null) return ofServer;
    const protocol = site.protocols[shard.races.protocol[race]];
    turn.times = shard.races.times[race] as Times;
    protocol.judge(packet, shard.races.token[race], turn.judgement, shard.setups.askedOf(race));
    return follow(turn, race, route.number);
  }
  return isError ? ignore(turn, 'icmp-not-ours') : handleStray(turn, known);
}

/** A front end in user space says what became of an attempt. What comes after its race is over says nothing. */
export function handleOutcome(turn: Turn, input: Input & { kind: 'outcome' }): Verdict {
  const { judgement, shard } = turn;
  const { race, route, outcome } = input;
  if (!isOpened(turn, race, route)) {
    countIgnored(shard, 'not-ours');
    return verdict.drop(turn);
  }
  turn.race = race;
  turn.seenAt = Math.min(turn.now, input.at);
  judgement.kind = outcome === 'answered' ? JUDGEMENT.ANSWER : JUDGEMENT.REFUSAL;
  judgement.proven = true;
  judgement.outcome = 'first-reply';
  judgement.shape = 0;
  judgement.proof = 0;
  if (outcome !== 'failed') return follow(turn, race, route);
  holdNegative(turn, race, route, EVIDENCE.FAILED);
  return verdict.drop(turn);
}

/** Whether an attempt has left that is a connection of the front end's own, not a packet. */
function isOpened({ site, shard: { races } }: Turn, race: RaceId, route: RouteNumber): boolean {
  if (!(race >= 0 && race < races.slots && route <= races.routeCount) || races.isFree(race)) return false;
  if (!races.hasAttempt(race, route) || races.attemptPort[races.attempt(race, route)] === 0) return false;
  return site.protocols[races.protocol[race]].packets === null;
}

/** What follows from the judgement on the packet in hand, which is about the attempt of a race on a route. */
function follow(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { judgement, shard } = turn;
  const { races } = shard;
  // Of a decided flow the connection table knows what to do with everything but a yes, which may be a loser's.
  const isCarried = races.state[race] !== RACE.RACING && races.shown[race] === route;
  switch (judgement.kind) {
    case JUDGEMENT.ANSWER:
      return judgement.proven ? answered(turn, race, route) : answeredUnproven(turn, race, route);
    case JUDGEMENT.REFUSAL:
      if (isCarried) return verdict.pass(turn);
      noteLife(turn, race, route);
      if (keepsRefusals(turn, race)) return refusedQuestion(turn, race, route);
      holdNegative(turn, race, route, EVIDENCE.REFUSED);
      return verdict.drop(turn);
    case JUDGEMENT.CHALLENGE:
      if (isCarried) return verdict.pass(turn);
      countIgnored(shard, judgement.counted);
      answerChallenge(turn, race, route);
      return verdict.drop(turn);
    default:
      if (isCarried && !judgement.isWaiting) return verdict.pass(turn);
      countIgnored(shard, judgement.counted);
      if (judgement.isWaiting) turn.wire.cancel(race, route, judgement.proof);
      return verdict.drop(turn);
  }
}

/** A yes that is about this very set-up: the first decides the race, the others are measured and told. */
function answered(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { judgement, shard, packet } = turn;
  const { races, counters } = shard;
  const at = races.attempt(race, route);
  const before = races.attemptState[at];
  if (before !== ATTEMPT.ANSWERED) races.attemptShape[at] = judgement.shape;
  noteLife(turn, race, route);
  if (races.state[race] === RACE.RACING && !isOnTrial(turn, race, route)) {
    if (keepsBack(turn, race, route)) return verdict.drop(turn);
    // A group that has its route needs no payload to choose one.
    const opens = shard.openings.has(race) && shard.joins.route[race] === 0;
    return opens ? show(turn, race, route) : win(turn, race, route);
  }
  if (shard.openings.isShown(race) && races.shown[race] !== route && !isOnTrial(turn, race, route))
    return openToo(turn, race, route);
  if (keepsTrial(turn, race, route)) {
    settleNegative(turn, race);
    return verdict.drop(turn);
  }
  if (races.stepAttempt(race, route, ATTEMPT_EVENT.ANSWER)) measure(turn, race, route);
  if (races.shown[race] === route) {
    // Its first answer was lost behind us, or the client's repeat is answered as well: the connection table knows the flow.
    countIgnored(shard, 'winner-repeat');
    if (races.state[race] === RACE.DECIDED && measureAgain(turn, race, route))
      loserAnswered(turn, race, route);
    return verdict.pass(turn);
  }
  if (before === ATTEMPT.SENT) counters.losses[route]++;
  countIgnored(shard, packet.protocol === PROTOCOL.UDP ? 'late-answer' : 'late-syn-ack');
  const { carrier } = races;
  if (carrier[race] === 0 || !shareEnds(turn, race, route, carrier[race]))
    turn.wire.cancel(race, route, judgement.proof);
  if (before === ATTEMPT.ANSWERED) measureAgain(turn, race, route);
  loserAnswered(turn, race, route);
  return verdict.drop(turn);
}

/** A yes that anybody could have sent may carry the flow, but never on a route that must prove itself; and it teaches nothing. */
function answeredUnproven(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { races } = turn.shard;
  if (races.state[race] === RACE.RACING && !isOnTrial(turn, race, route))
    return keepsBack(turn, race, route) ? verdict.drop(turn) : win(turn, race, route);
  if (races.shown[race] === route) return verdict.pass(turn);
  countIgnored(turn.shard, 'not-ours');
  return verdict.drop(turn);
}

function keepsRefusals({ site, shard: { races } }: Turn, race: RaceId): boolean {
  return races.state[race] === RACE.RACING && site.protocols[races.protocol[race]].datagrams !== null;
}

/** A no to one question of a flow; the route has said no when it has to all of them. */
function refusedQuestion(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { judgement, packet, shard, site } = turn;
  const { setups, races } = shard;
  const { rank, question } = judgement;
  // Without room to keep it, it is the answer.
  if (!setups.keepRefusal(race, packet, { question, rank, route }))
    return answeredUnproven(turn, race, route);
  const { datagrams } = site.protocols[races.protocol[race]];
  const count = datagrams?.questions(setups.askedOf(race)) ?? 1;
  for (let i = 0; i < count; i++)
    if ((setups.refusersOf(race, i) & (1 << route)) === 0) return verdict.drop(turn);
  holdNegative(turn, race, route, EVIDENCE.REFUSED);
  return verdict.drop(turn);
}

/** The winner has refused another question of the flow before: that is what the client gets. */
function tellRefusals(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { judgement, shard } = turn;
  const { setups } = shard;
  for (let question = 0; question < MOST_QUESTIONS; question++)
    if (question !== judgement.question && (setups.refusersOf(race, question) & (1 << route)) !== 0)
      turn.wire.reject(race, route, question);
}

function win(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { races } = turn.shard;
  // The address may have left us since the copy was sent.
  if (!isStillOurs(turn, race, route) || !races.stepAttempt(race, route, ATTEMPT_EVENT.ANSWER)) {
    countIgnored(turn.shard, 'not-ours');
    return verdict.drop(turn);
  }
  if (turn.judgement.proven) measure(turn, race, route);
  else races.attemptAnsweredAt[races.attempt(race, route)] = turn.seenAt;
  races.proven[race] = turn.judgement.proven ? 1 : 0;
  races.stepRace(race, RACE_EVENT.WIN);
  races.shown[race] = route;
  races.carrier[race] = route;
  races.outcome[race] = OUTCOME_REASONS.indexOf(turn.judgement.outcome);
  dropWaiting(turn, race);
  tellRefusals(turn, race, route);
  settleHeld(turn, race);
  countNegative(turn, race);
  // Before it is bound: who begins meanwhile, and whoever races already, belongs to its group.
  if (turn.judgement.proven) pinWinner(turn, race);
  if (turn.flows === null) handleCommitted(turn, race, true);
  else turn.flows.commit(race, route);
  return verdict.commit(turn, race, route);
}

function isOnTrial({ shard: { races } }: Turn, race: RaceId, route: RouteNumber): boolean {
  return (races.trials[race] & (1 << route)) !== 0;
}

/** Which route it was is of no interest. */
const ANY_ROUTE = 1;

/** Of a race that is over, or of none. */
function handleStray(turn: Turn, known: boolean): Verdict {
  const { site, shard, packet } = turn;
  const waits = isWaiting(site.protocols, packet);
  // Of a flow whose repeat is on its way to us, which was queued before this: then that needs nobody else.
  if (known && waits) shard.answered.set(packet, ANY_ROUTE, turn.now, packet.acknowledgement);
  if (known && packet.protocol === PROTOCOL.TCP && (packet.flags & FLAG.SYN) === 0) return strayPayload(turn);
  if (known || !waits) return ignore(turn, 'not-ours');
  countIgnored(shard, 'late-syn-ack');
  turn.wire.refuse();
  return verdict.drop(turn);
}

/** Of a connection whose first payload was awaited. Who has lost, and has not heard of it, is told once more. */
function strayPayload(turn: Turn): Verdict {
  const { shard, packet } = turn;
  countIgnored(shard, 'not-ours');
  if (turn.flows?.knowsAnswer?.() !== false) return verdict.passForGood(turn);
  if ((packet.flags & (FLAG.RST | FLAG.ACK)) === FLAG.ACK) turn.wire.refuse();
  return verdict.drop(turn);
}

function ignore(turn: Turn, reason: 'not-ours' | 'icmp-not-ours'): Verdict {
  countIgnored(turn.shard, reason);
  return verdict.pass(turn);
}

function fillFromPacket(ends: AttemptEnds, packet: Packet): void {
  ends.protocol = packet.protocol;
  ends.local = packet.destination;
  ends.localPort = packet.destinationPort;
  ends.remote = packet.source;
  ends.remotePort = packet.sourcePort;
}

/** An error quotes what we have sent. */
function fillFromQuote(ends: AttemptEnds, { quote }: Packet): void {
  ends.protocol = quote.protocol;
  ends.local = quote.source;
  ends.localPort = quote.sourcePort;
  ends.remote = quote.destination;
  ends.remotePort = quote.destinationPort;
}
