/** The stages that a packet of a new connection passes, from what it is to who carries it. */
import { makesCopies } from '../model/config.js';
import type { SingleReason } from '../model/reasons.js';
import { PROTOCOL } from '../wire/packet.js';
import { pinPacket } from './affinity/pin.js';
import { keepBest, keepPlaces } from './choose/at-most.js';
import {
  canCarry,
  carriersIn,
  fillCandidates,
  fillRacers,
  fillRescuers,
  lastingRoutes,
  maskOf,
} from './choose/candidates.js';
import { bestGuess, chooseRoute, takeTrials } from './choose/choose.js';
import { countSession } from './choose/sessions.js';
import { noteSingle } from './choose/standing.js';
import { tellChosen } from './commit/tell-kernel.js';
import type { Input, Verdict } from './contract.js';
import type { RouteNumber, ServiceNumber } from './engine-types.js';
import { HEALTH } from './health/health.js';
import { hostOfAddress } from './limit/hosts.js';
import { TIMES } from './memory/times.js';
import { isDatagram } from './protocols/datagram.js';
import type { Protocol } from './protocols/protocol.js';
import { leaveToOthers } from './race/datagrams.js';
import { findFlow } from './race/flow.js';
import { FLOW } from './race/plan.js';
import { repeatOrReplace } from './race/repeat.js';
import { startRace } from './race/start.js';
import { NO_RACE } from './race/table.js';
import { countSingle } from './shard.js';
import type { ActiveService, Site } from './site.js';
import type { Turn } from './turn.js';
import * as verdict from './verdict.js';

/** The packet in hand is of a new connection. */
export function handleSetup(turn: Turn, input: Input & { kind: 'setup' }): Verdict {
  const { site, shard, packet, now } = turn;
  const { service: number, tried, pinned = 0, mayCopy = true, stays = false, hasWay = false } = input;
  turn.routed = input.routed ?? 0;
  turn.host = input.host || hostOfAddress(packet.source, 0, packet.family);
  const service = site.services[number] ?? site.everything;
  turn.isLocal = input.isLocal ?? false;
  turn.keepsSource = service.translate === false && !turn.isLocal;
  const protocol = protocolThatStarts(turn, service, mayCopy);
  const isNever = site.never.has(packet.destination);
  turn.isSingle ||= isNever;
  if (stays) turn.verdict.reason = 'entry-kept';
  else if (hasWay) turn.verdict.reason = 'way-given';
  if (protocol === 'must-not-be-copied' || stays || hasWay) {
    return tried !== 0 ? verdict.pass(turn) : release(turn, 0, turn.verdict.reason, 0);
  }
  let repeat: ReturnType<typeof repeatOrReplace> = 'start-anew';
  let known = NO_RACE;
  if (protocol !== null) {
    const awaitsPayload = service.win === 'first-payload' && protocol.opening !== null && !turn.isLocal;
    turn.times = awaitsPayload ? TIMES.PAYLOAD : protocol.times;
    turn.isGroupless = !protocol.groups;
    known = shard.races.findFlow(packet);
    if (known !== NO_RACE) repeat = repeatOrReplace(turn, known, protocol, tried);
    if (repeat === 'handled') return raced(turn);
  }
  if (known === NO_RACE && tried === 0 && hasFurther(protocol)) {
    const route = shard.recent.find(packet, now);
    const canGo = turn.routed === 0 || turn.routed === route;
    if (route !== 0 && canGo) return release(turn, route, 'same-flow', number);
  }
  if (service.criterion === 'rest') return release(turn, 0, 'criterion', number);
  if (tried !== 0) return rescue(turn, protocol, service, tried);
  if (repeat === 'race-anew' && !isNever) return race(turn, protocol!, service, true);
  const copies = protocol !== null && mayCopy && !turn.isSingle;
  const { kind, route, reason } = chooseRoute(turn, service, copies, pinned);
  if (kind === 'none') return release(turn, 0, reason, number);
  if (kind === 'race') return race(turn, protocol!, service, false);
  if (reason === 'remembered') tellChosen(turn);
  // Whoever asks again does so by another port, so that nobody would notice that the remembered route is silent.
  if (copies && protocol.datagrams !== null && reason === 'remembered')
    return race(turn, protocol, service, false, route);
  if (protocol === null) return choose(turn, service, route, reason, true);
  // Asked about before the operator's rules: another criterion would copy nothing.
  if (!mayCopy) {
    const isInstead = reason === 'criterion' && makesCopies(service.criterion);
    return choose(turn, service, route, isInstead ? 'operator-rule' : reason, false);
  }
  if (turn.isSingle) {
    const isInstead = isNever && reason === 'criterion' && makesCopies(service.criterion);
    return send(turn, protocol, service, route, isInstead ? 'never-raced' : reason);
  }
  const asked = kind === 'question' ? carriersIn(turn, lastingRoutes(site, service.mask, packet.family)) : 0;
  if (tryOthers(turn, protocol, service, route, asked)) return verdict.raced(turn);
  return send(turn, protocol, service, route, reason);
}

/**
 * The protocol that the packet in hand starts a connection of; null: none that is raced, a criterion chooses for it. When it must
 * not be copied the reason is in the turn's verdict.
 */
function protocolThatStarts(
  turn: Turn,
  { speaks }: ActiveService,
  mayCopy: boolean,
): Protocol | null | 'must-not-be-copied' {
  const { site, packet, verdict } = turn;
  // Of datagrams the kernel has found out which may be copied: it asks about those behind the operator's rules.
  if (packet.protocol === PROTOCOL.UDP && !mayCopy) return null;
  const { protocols } = site;
  // What the service says comes before what ports and content say.
  const spoken = speaks === null ? -1 : protocols.findIndex(({ name }) => name === speaks);
  for (let i = spoken < 0 ? 0 : -1; i < protocols.length; i++) {
    const protocol = protocols[i < 0 ? spoken : i];
    const start = protocol.start(packet, i < 0);
    if (start === 'not-mine') continue;
    if (start === 'copy') return protocol;
    turn.isSingle = start === 'single';
    // Whatever comes back is its answer.
    if (turn.isSingle) return restOf(site) ?? protocol;
    verdict.reason = start as SingleReason;
    return 'must-not-be-copied';
  }
  // It has been given a way already, so that it can go by another one as a copy alone.
  turn.isSingle = turn.routed !== 0 && isDatagram(packet);
  return turn.isSingle ? restOf(site) : null;
}

function restOf({ protocols }: Site): Protocol | null {
  return protocols.find(({ takesRest }) => takesRest) ?? null;
}

/** Whether more than one packet of its flow may come before its choice is in the connection table. */
function hasFurther(protocol: Protocol | null): boolean {
  return protocol === null || protocol.datagrams !== null;
}

/** Copies leave in place of the packet in hand; or besides it, where its flow may still be answered. */
function raced(turn: Turn): Verdict {
  return turn.goesOn ? verdict.racedBeside(turn) : verdict.raced(turn);
}

/** `waited`: the client repeats its set-up already. `leader`: the route that is remembered; 0: none. */
function race(
  turn: Turn,
  protocol: Protocol,
  service: ActiveService,
  waited: boolean,
  leader: RouteNumber = 0,
): Verdict {
  const { plan } = turn.shard;
  const { racers } = plan;
  if (waited) fillRescuers(turn, service.routes, racers);
  else fillRacers(turn, service.routes, racers);
  // What is asked one route after the other mostly asks one alone: it counts when it asks the second.
  if (leader === 0 && racers.count > 1 && !hasRoom(turn)) return sendOne(turn, protocol, service);
  if (!waited) keepBest(turn, service, racers);
  const proving = takeTrials(turn, service) & ~maskOf(racers);
  const trials = waited ? proving : keepPlaces(service, racers, proving);
  if (racers.count === 1 && trials === 0)
    return send(turn, protocol, service, racers.routes[0], 'only-route');
  plan.service = service.number;
  plan.trials = trials;
  plan.tried = 0;
  plan.atOnce = waited;
  plan.leader = leader;
  const refused = startRace(turn, protocol);
  plan.leader = 0;
  return refused === null ? verdict.raced(turn) : release(turn, 0, refused, service.number);
}

/** Whether the destination of the packet in hand has not had its share of races. */
function hasRoom({ site, packet, now }: Turn): boolean {
  return site.destinations.hasRoom(packet.destination, 0, now);
}

/** Nothing more is to be found out at this destination now. */
function sendOne(turn: Turn, protocol: Protocol, service: ActiveService): Verdict {
  const reason = 'destination-race-rate';
  fillCandidates(turn, service.routes, turn.shard.candidates);
  return send(turn, protocol, service, bestGuess(turn), reason);
}

/** The route that the client's set-up went by has not answered yet: the others are asked besides. */
function rescue(turn: Turn, protocol: Protocol | null, service: ActiveService, tried: RouteNumber): Verdict {
  const { plan } = turn.shard;
  const { racers } = plan;
  fillRescuers(turn, service.routes, racers);
  const alone =
    turn.isSingle ||
    !hasRoom(turn) ||
    racers.count === 0 ||
    (racers.count === 1 && racers.routes[0] === tried);
  const staysBeside = protocol !== null && protocol.datagrams !== null;
  if (staysBeside) leaveToOthers(turn, tried);
  plan.service = service.number;
  plan.trials = 0;
  plan.tried = tried;
  plan.atOnce = true;
  plan.flow = protocol === null || alone || staysBeside ? FLOW.GONE : findFlow(turn, protocol, tried);
  const isAnswered = plan.flow === FLOW.ANSWERED;
  if (protocol === null || alone || isAnswered || startRace(turn, protocol) !== null) {
    turn.shard.repeated.set(turn.packet, tried, turn.now);
    return verdict.pass(turn);
  }
  turn.goesOn = turn.goesOn || staysBeside;
  return raced(turn);
}

/** By one route: as it is, or as a copy, in a race of one, when it has been given another way already. */
function send(
  turn: Turn,
  protocol: Protocol,
  service: ActiveService,
  route: RouteNumber,
  reason: SingleReason,
): Verdict {
  const { plan } = turn.shard;
  // A question that its route's own resolver is asked leaves as a copy, which is where it is turned to that.
  const isTurned = service.resolvers.length > 0 && protocol.times === TIMES.DNS;
  if (turn.routed === 0 || (turn.routed === route && !isTurned))
    return choose(turn, service, route, reason, protocol.datagrams !== null);
  plan.racers.routes[0] = route;
  plan.racers.count = 1;
  plan.service = service.number;
  plan.trials = 0;
  plan.tried = 0;
  plan.atOnce = true;
  plan.chosen = reason;
  countSingle(turn.shard, reason);
  const refused = startRace(turn, protocol);
  plan.chosen = null;
  return refused === null ? verdict.raced(turn) : release(turn, 0, refused, service.number);
}

/**
 * With the route that has been chosen for this connection others are asked: those that are not up, to prove themselves, and it is one of
 * those when there is no better one; those of `asked`, to be measured; last resorts, while it is merely suspect. False: there is nothing to
 * find out.
 */
function tryOthers(
  turn: Turn,
  protocol: Protocol,
  service: ActiveService,
  route: RouteNumber,
  asked: number,
): boolean {
  const { plan } = turn.shard;
  const { racers } = plan;
  racers.routes[0] = route;
  racers.count = 1;
  addBackups(turn, service, route);
  const proving = takeTrials(turn, service);
  const trials = keepPlaces(service, racers, (proving | asked) & ~maskOf(racers));
  // Nor does it prove itself by what the kernel alone sees of its answers.
  const provesItself = (proving & (1 << route)) !== 0;
  if (trials === 0 && racers.count === 1 && !provesItself) return false;
  plan.service = service.number;
  plan.trials = trials;
  plan.tried = 0;
  plan.atOnce = racers.count === 1;
  plan.settles = asked !== 0;
  const refused = startRace(turn, protocol);
  plan.settles = false;
  return refused === null;
}

/** Last resorts answer for a route that is suspect, if it keeps silent. */
function addBackups(turn: Turn, service: ActiveService, route: RouteNumber): void {
  const { site, shard, packet } = turn;
  const { racers } = shard.plan;
  const { health, routes } = site;
  if (routes[route - 1].lastResort || health.of(route, packet.family) === HEALTH.UP) return;
  for (const number of service.routes) {
    const backup = routes[number - 1];
    if (backup?.lastResort !== true || health.of(number, packet.family) === HEALTH.DOWN) continue;
    if (canCarry(turn, backup)) racers.routes[racers.count++] = number;
  }
}

/** The packet in hand goes by one route of its service, and its group with it. `isFirst`: more of its flow may be on their way to us. */
function choose(
  turn: Turn,
  service: ActiveService,
  route: RouteNumber,
  reason: SingleReason,
  isFirst: boolean,
): Verdict {
  const { site, shard, packet, now } = turn;
  if (isFirst) shard.recent.set(packet, route, now);
  site.facts.assigned[route]++;
  // What is held is let go at its time: its group is not to stay behind.
  if (reason !== 'held') pinPacket(turn, service, route);
  return release(turn, route, reason, service.number);
}

function release(turn: Turn, route: RouteNumber, reason: SingleReason, service: ServiceNumber): Verdict {
  const { site, shard } = turn;
  countSingle(shard, reason);
  if (reason !== 'not-a-set-up' && reason !== 'same-flow') noteSingle(turn, route, reason, service);
  const counted = site.countsSessions && route !== 0 && reason !== 'same-flow';
  if (counted) countSession(site, route, service, 1);
  const value = verdict.release(turn, route, reason, service);
  value.counted = counted;
  return value;
}
