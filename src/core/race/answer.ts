/** What a route answers: SYN+ACK, SYN, RST or a challenge ACK. The rules are H1, H8-H10, T2, P1-P4 of the field. */

import { type Family, sameAddress } from '../../model/address.js';
import { FLAG, type Packet } from '../../wire/packet.js';
import { isInPool } from '../choose/source.js';
import { countNegative, rankOf, settleNegative } from '../commit/negative.js';
import { rememberLoser } from '../commit/remember.js';
import { type Context, countIgnored } from '../context.js';
import type { EffectSink, EngineRoute, Micros, RaceId, RouteNumber } from '../engine-types.js';
import { noteLife } from '../health/evidence.js';
import { sendAttempt } from './attempt.js';
import { allAnswered, endRace } from './end.js';
import { mapOut } from './prefix.js';
import { dropWaiting, sendNext } from './schedule.js';
import { ATTEMPT, RACE, RACE_EDGES, to } from './states.js';
import { EVIDENCE_RST } from './table.js';
import { isTranslated } from './translated.js';

/** A TCP packet that came in by an attempt's route to the attempt's address and port. */
export function handleAnswer(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  packet: Packet,
  now: Micros,
  out: EffectSink,
): void {
  const flags = packet.flags & (FLAG.SYN | FLAG.ACK | FLAG.RST | FLAG.FIN);
  if (flags === (FLAG.SYN | FLAG.ACK)) return handleSynAck(context, race, route, packet, now, out);
  if (flags === FLAG.SYN) return handleSyn(context, race, route, now, out);
  if ((flags & FLAG.RST) !== 0) return handleReset(context, race, route, packet, now, out);
  handleChallenge(context, race, route, packet, now, out);
}

function handleSynAck(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  packet: Packet,
  now: Micros,
  out: EffectSink,
): void {
  if (packet.acknowledgement !== ((context.races.isn[race] + 1) | 0)) {
    // An old duplicate: the client in SYN-SENT would reset it with SEQ = SEG.ACK (RFC 9293 section 3.10.7.3).
    countIgnored(context, 'syn-ack-wrong-ack');
    out.cancel(race, route.number, packet.acknowledgement);
    out.drop();
    return;
  }
  const { races, counters } = context;
  const at = races.attempt(race, route.number);
  const before = races.attemptState[at];
  if (before !== ATTEMPT.ANSWERED) races.attemptShape[at] = shapeOf(packet);
  noteLife(context, route.number, packet.family, now, out);
  const onTrial = (races.trials[race] & (1 << route.number)) !== 0;
  if (races.state[race] === RACE.RACING && !onTrial) return win(context, race, route.number, now, out);
  if (before !== ATTEMPT.ANSWERED) {
    races.setAttempt(at, ATTEMPT.ANSWERED);
    measure(context, at, now);
  }
  if (races.winner[race] === route.number) {
    // Its first SYN+ACK was lost behind us: the kernel knows the flow.
    countIgnored(context, 'winner-repeat');
    out.accept();
    return;
  }
  if (before === ATTEMPT.SENT) counters.losses[route.number]++;
  countIgnored(context, 'late-syn-ack');
  if (!sharesTuple(context, race, route.number)) out.cancel(race, route.number, packet.acknowledgement);
  out.drop();
  loserAnswered(context, race, route.number, now, out);
}

/** What a server's answers have in common: the options that it sends and its window. */
function shapeOf(packet: Packet): number {
  return (packet.options << 16) | packet.view.getUint16(packet.transport + 14);
}

/** Simultaneous open: the server's own SYN is as good as an answer (RFC 5382 REQ-2). */
function handleSyn(context: Context, race: RaceId, route: EngineRoute, now: Micros, out: EffectSink): void {
  const { races } = context;
  if (races.state[race] === RACE.RACING) {
    races.simultaneous[race] = 1;
    return win(context, race, route.number, now, out);
  }
  if (races.winner[race] === route.number) return out.accept();
  countIgnored(context, 'not-ours');
  out.drop();
}

function win(context: Context, race: RaceId, route: RouteNumber, now: Micros, out: EffectSink): void {
  const { races } = context;
  const at = races.attempt(race, route);
  if (!stillOurs(context, race, route)) {
    // The address has left us since the copy was sent: a flow with it could not live.
    countIgnored(context, 'not-ours');
    out.drop();
    return;
  }
  races.setAttempt(at, ATTEMPT.ANSWERED);
  measure(context, at, now);
  to(races.state, race, RACE.COMMITTING, RACE_EDGES);
  races.winner[race] = route;
  dropWaiting(context, race);
  countNegative(context, race);
  out.commit(race, route);
}

function stillOurs(context: Context, race: RaceId, route: RouteNumber): boolean {
  const { races } = context;
  const pool = context.routes[route - 1].addresses[races.family[race] as Family];
  return (
    !isTranslated(context, race, route) ||
    isMapped(context, race, route) ||
    isInPool(pool, races.attemptAddress, races.attempt(race, route) * 4)
  );
}

function isMapped({ routes, races }: Context, race: RaceId, route: RouteNumber): boolean {
  return (
    mapOut(routes[route - 1].prefixes, races.client, race * 4, mapped, 0) &&
    sameAddress(races.attemptAddress, races.attempt(race, route) * 4, mapped, 0)
  );
}

const mapped = new Int32Array(4);

/** RFC 9293 section 3.10.7.3: a reset in SYN-SENT counts only if it acknowledges the SYN. */
function handleReset(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  packet: Packet,
  now: Micros,
  out: EffectSink,
): void {
  const { races } = context;
  if (races.state[race] !== RACE.RACING && races.winner[race] === route.number) {
    out.accept();
    return;
  }
  const acknowledges =
    (packet.flags & FLAG.ACK) !== 0 && packet.acknowledgement === ((races.isn[race] + 1) | 0);
  if (!acknowledges) {
    countIgnored(context, 'rst-not-acceptable');
    out.drop();
    return;
  }
  noteLife(context, route.number, packet.family, now, out);
  resetWords[0] = packet.sequence;
  resetWords[1] = packet.acknowledgement;
  holdNegative(context, race, route.number, EVIDENCE_RST, resetWords, now, out);
}

const resetWords = new Int32Array(4);

/**
 * An ACK instead of a SYN+ACK: the server still holds an old connection on this tuple (RFC 5961 section 4). Answer as
 * the client would, SEQ = its ACK, and try once more at once: the client's own repeat would come a second later.
 */
function handleChallenge(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  packet: Packet,
  now: Micros,
  out: EffectSink,
): void {
  const { races } = context;
  if (races.state[race] !== RACE.RACING && races.winner[race] === route.number) {
    out.accept();
    return;
  }
  countIgnored(context, 'challenge-ack');
  out.drop();
  // Only an unacceptable ACK is a challenge; any other segment is dropped in SYN-SENT (RFC 9293 section 3.10.7.3).
  const unacceptable =
    (packet.flags & FLAG.ACK) !== 0 && packet.acknowledgement !== ((races.isn[race] + 1) | 0);
  const at = races.attempt(race, route.number);
  const sends = races.attemptSends[at];
  // Once per copy: a path that answers every reset with another ACK is left alone (RFC 5961 section 9.1).
  if (!unacceptable || races.attemptState[at] !== ATTEMPT.SENT || races.attemptChallenges[at] >= sends)
    return;
  if (sends > MAX_CHALLENGED_SENDS || sharesTuple(context, race, route.number)) return;
  races.attemptChallenges[at]++;
  out.cancel(race, route.number, packet.acknowledgement);
  if (races.state[race] === RACE.RACING) sendAttempt(context, race, route, now, out);
}

const MAX_CHALLENGED_SENDS = 7;

/** To the server this copy and the winner's are one connection: both carry the same source. A reset would end it. */
function sharesTuple(context: Context, race: RaceId, route: RouteNumber): boolean {
  const { races } = context;
  const winner = races.winner[race];
  if (winner === 0 || isTranslated(context, race, route) !== isTranslated(context, race, winner))
    return false;
  const { attemptAddress } = races;
  return sameAddress(
    attemptAddress,
    races.attempt(race, route) * 4,
    attemptAddress,
    races.attempt(race, winner) * 4,
  );
}

/** Keeps a negative answer back while another route may still say yes. The packet in hand ends here. */
export function holdNegative(
  context: Context,
  race: RaceId,
  route: RouteNumber,
  evidence: number,
  words: Int32Array,
  now: Micros,
  out: EffectSink,
): void {
  const { races, counters } = context;
  const at = races.attempt(race, route);
  const state = races.attemptState[at];
  countIgnored(context, 'held-error');
  out.drop();
  if (state !== ATTEMPT.SENT && state !== ATTEMPT.NEGATIVE) return;
  const ipv4 = races.family[race] === 4;
  // Of several errors on one route the one that says most is kept.
  if (state === ATTEMPT.NEGATIVE && rankOf(races.attemptEvidence[at], ipv4) <= rankOf(evidence, ipv4)) return;
  races.attemptEvidence[at] = evidence;
  for (let i = 0; i < 4; i++) races.attemptEvidenceWords[at * 4 + i] = words[i];
  if (state === ATTEMPT.SENT) measure(context, at, now);
  races.setAttempt(at, ATTEMPT.NEGATIVE);
  if (races.state[race] === RACE.RACING) {
    sendNext(context, race, now, out);
    return settleNegative(context, race, now, out);
  }
  if (state === ATTEMPT.SENT) counters.losses[route]++;
  loserAnswered(context, race, route, now, out);
}

/** A time is known only when one copy was sent: which of several was answered cannot be told (Karn). */
function measure(context: Context, at: number, now: Micros): void {
  const { races } = context;
  if (races.attemptSends[at] === 1)
    races.attemptRtt[at] = Math.min(now - races.attemptSentAt[at], 0x7fffffff);
}

function loserAnswered(
  context: Context,
  race: RaceId,
  route: RouteNumber,
  now: Micros,
  out: EffectSink,
): void {
  const { races } = context;
  if (races.state[race] !== RACE.DECIDED) return;
  context.decisions.update(races.decision[race], races, race, route);
  rememberLoser(context, race, route, now, out);
  if (allAnswered(context, race)) endRace(context, race, route, 'first-reply', now, out);
}
