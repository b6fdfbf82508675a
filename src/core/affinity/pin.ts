/** Later connections of a group follow the first: in the kernel, and here until the kernel has it. */
import { makesCopies } from '../../model/config.js';
import { canCarry, isOpen, lastingRoutes, silentRoutes } from '../choose/candidates.js';
import type { AffinityGroup, Micros, RaceId, RouteNumber } from '../engine-types.js';
import { isInterim } from '../health/missed.js';
import { TIMES } from '../memory/times.js';
import { lifeOfSilence, VERDICT } from '../memory/verdicts.js';
import { countIgnored } from '../shard.js';
import type { ActiveService } from '../site.js';
import type { Turn } from '../turn.js';
import { type GroupMembers, membersOfRace } from './group.js';
import { fillGroupOf, serviceOf } from './group-of.js';
import { joinGroup } from './join.js';
import type { Pin } from './table.js';

/** What `findPin` says. One value, reused. */
export interface FoundPin {
  /** 0: the group is free. */
  route: RouteNumber;
  /** Whether it is still the best for the group shall be found out with this connection (affinity/settle.ts). */
  isQuestioned: boolean;
}

const found: FoundPin = { route: 0, isQuestioned: false };

/** The route that the group of the packet in hand is pinned to. `inKernel`: what the kernel's maps say of it. */
export function findPin(turn: Turn, service: ActiveService, inKernel: RouteNumber): FoundPin {
  found.route = 0;
  found.isQuestioned = false;
  if (service.affinity === 'none' || turn.isGroupless) return found;
  const { site, packet, now } = turn;
  turn.hasGroup = inKernel !== 0;
  const at = site.affinity.find(service.number, groupOf(turn, service, ofPacket(turn)), now, site.health);
  const route = at < 0 ? 0 : site.affinity.routeAt(at);
  // A route may have come back since the kernel was asked.
  const isOld =
    route === inKernel && route !== 0 && site.affinity.isQuestioned(at, packet.family, now, site.health);
  // Nor need it be one of the service's any more.
  const isOurs = (service.mask & (1 << inKernel)) !== 0;
  if (inKernel !== 0 && isOurs && !isOld && isAble(turn, inKernel)) {
    found.route = inKernel;
    return found;
  }
  if (at < 0) return found;
  const lasting = lastingRoutes(site, service.mask, packet.family);
  if ((lasting & (1 << route)) === 0 || !isAble(turn, route)) return found;
  // What others measure is the answer where routes are not measured: the criterion chooses anew.
  found.isQuestioned = site.affinity.isQuestioned(at, packet.family, now, site.health);
  if (!found.isQuestioned || makesCopies(service.criterion)) found.route = route;
  return found;
}

function isAble(turn: Turn, route: RouteNumber): boolean {
  const { site, packet } = turn;
  if (!isOpen(site, route, packet.family) || !canCarry(turn, site.routes[route - 1])) return false;
  return (silentRoutes(turn) & (1 << route)) === 0 && !isIntercepted(turn, route);
}

/** Something else answers for the destination by this route: a portal, say. */
function isIntercepted(turn: Turn, route: RouteNumber): boolean {
  const { site, shard, packet, now } = turn;
  const { memory } = shard;
  const slot = memory.find(packet.destination, 0, turn.times);
  const { trustMicros } = site.memorySettings;
  return slot >= 0 && memory.verdicts.live(slot, route, now, trustMicros) === VERDICT.INTERCEPTED;
}

/**
 * The route of the packet in hand becomes that of its group; unless it only helps out since a better one is silent for this
 * destination: then the group is asked about until that one is asked again.
 */
export function pinPacket(turn: Turn, service: ActiveService, route: RouteNumber): void {
  if (service.affinity === 'none' || turn.isGroupless) return;
  if (keepsQuestion(turn, service, route)) return;
  const until = askedAgainAt(turn, service, ofPacket(turn), route);
  if (until === Number.POSITIVE_INFINITY) return pin(turn, service, ofPacket(turn), route, 0);
  const group = groupOf(turn, service, ofPacket(turn));
  turn.notes.ask(service.number, group, Math.min(until - turn.now, service.affinityMicros));
}

/**
 * When another route of the service is asked again that may be the better one for a destination, since it is open and was silent there, or
 * its time is not known where that counts; infinity: there is none.
 */
function askedAgainAt(
  { site, shard: { memory }, now }: Turn,
  { routes, criterion }: ActiveService,
  { destination, at, family, times }: GroupMembers,
  route: RouteNumber,
): Micros {
  const { trustMicros } = site.memorySettings;
  const slot = trustMicros === 0 ? -1 : memory.find(destination, at, times);
  let until = Number.POSITIVE_INFINITY;
  for (const number of routes) {
    if (slot < 0 || number === route || !isOpen(site, number, family)) continue;
    const end = makesCopies(criterion)
      ? memory.openUntil(slot, number, trustMicros)
      : memory.silentUntil(slot, number, now, trustMicros);
    if (end > now) until = Math.min(until, end);
  }
  return until;
}

/** The group has this route already, and whether it is the best is still to be asked. */
function keepsQuestion(turn: Turn, service: ActiveService, route: RouteNumber): boolean {
  const { site, packet, now } = turn;
  if (!makesCopies(service.criterion)) return false;
  const group = groupOf(turn, service, ofPacket(turn));
  const { affinity, health } = site;
  const at = affinity.find(service.number, group, now, health);
  if (at < 0 || affinity.routeAt(at) !== route) return false;
  if (!affinity.isInDoubt(at) && !affinity.isQuestioned(at, packet.family, now, health)) return false;
  affinity.renew(at, now + service.affinityMicros);
  if (affinity.isInDoubt(at)) turn.notes.ask(service.number, group, service.affinityMicros);
  return true;
}

/** A race is won by the route that the criterion has chosen: it becomes that of the group, as if it had been given at once. */
export function pinChosen(turn: Turn, race: RaceId, route: RouteNumber): void {
  const service = serviceOf(turn, race);
  if (service === undefined) return;
  const until = askedAgainAt(turn, service, membersOfRace(turn.shard.races, race), route);
  if (until !== Number.POSITIVE_INFINITY) askRace(turn, race, until - turn.now);
  else if (turn.shard.joins.inVain[race] === 0) pinRace(turn, race, route, 0);
}

/**
 * A race begins for the route that a criterion has chosen. When that is because a better one is silent there it helps out, and says
 * nothing of the group, also when the silence has run out by the time it wins.
 */
export function noteStandIn(turn: Turn, race: RaceId, route: RouteNumber): void {
  const service = serviceOf(turn, race);
  if (service === undefined || makesCopies(service.criterion)) return;
  const isStandIn = askedAgainAt(turn, service, ofPacket(turn), route) !== Number.POSITIVE_INFINITY;
  if (isStandIn) turn.shard.joins.inVain[race] = 1;
}

/**
 * The carrier of a race becomes the route of its group. `doubts`: how often in a row another route, which may be the better one,
 * has been silent; then the group is asked about, and that route with it, soon and increasingly rarely.
 */
export function pinRace(turn: Turn, race: RaceId, route: RouteNumber, doubts: number): void {
  const service = serviceOf(turn, race);
  if (service === undefined) return;
  turn.host = turn.shard.races.host[race];
  pin(turn, service, membersOfRace(turn.shard.races, race), route, doubts);
}

/** How often in a row the group of a race has been in doubt about its route; -1: it has no route. */
export function doubtsOf(turn: Turn, race: RaceId): number {
  const at = placeOf(turn, race);
  return at < 0 ? -1 : turn.site.affinity.doubtsAt(at);
}

/** The route that the group of a race has; 0: none. */
export function groupRouteOf(turn: Turn, race: RaceId): RouteNumber {
  const at = placeOf(turn, race);
  return at < 0 ? 0 : turn.site.affinity.routeAt(at);
}

function placeOf(turn: Turn, race: RaceId): number {
  const { site, now } = turn;
  const service = serviceOf(turn, race);
  if (service === undefined) return -1;
  return site.affinity.find(service.number, groupOfRace(turn, service, race), now, site.health);
}

/** The group of a race is asked about for so long: the route that it would have is silent for this destination. Not when that is over. */
export function askRace(turn: Turn, race: RaceId, micros: Micros): void {
  const service = serviceOf(turn, race);
  if (service === undefined || micros <= 0) return;
  const group = groupOfRace(turn, service, race);
  turn.notes.ask(service.number, group, Math.min(micros, service.affinityMicros));
}

function groupOfRace(turn: Turn, service: ActiveService, race: RaceId): AffinityGroup {
  const { races } = turn.shard;
  turn.host = races.host[race];
  return groupOf(turn, service, membersOfRace(races, race));
}

function pin(
  turn: Turn,
  service: ActiveService,
  members: GroupMembers,
  route: RouteNumber,
  doubts: number,
): void {
  const { site, now } = turn;
  const { family } = members;
  const group = groupOf(turn, service, members);
  // A last resort that has helped once is not for everything that follows. What the group has already may be in doubt all the same.
  const isLasting = (lastingRoutes(site, service.mask, family) & (1 << route)) !== 0;
  if (!isLasting && !hasRoute(turn, service, group, route)) return;
  if (!mayHave(turn, service, group)) return countIgnored(turn.shard, 'host-groups');
  made.route = route;
  made.isInterim = isInterim(site, service, route, family);
  made.doubts = doubts;
  made.askAt = doubts === 0 ? Number.POSITIVE_INFINITY : now + lifeOfSilence(doubts);
  made.expiresAt = now + service.affinityMicros;
  site.affinity.set(service.number, group, made, site.health);
  if (doubts > 0) turn.notes.ask(service.number, group, service.affinityMicros);
  else turn.notes.pin(service.number, group, route, made.isInterim, service.affinityMicros);
  // Others of the group that are being raced follow.
  if (doubts === 0 && isLasting) joinGroup(turn, service, group, route);
}

/** The group has a route already that is still one of its service's. */
function hasRoute(
  { site, now }: Turn,
  { number, mask }: ActiveService,
  group: AffinityGroup,
  route: RouteNumber,
): boolean {
  if ((mask & (1 << route)) === 0) return false;
  const at = site.affinity.find(number, group, now, site.health);
  return at >= 0 && site.affinity.routeAt(at) === route;
}

/** A group that nobody knows yet takes a share of its host's. */
function mayHave({ site, host, hasGroup, now }: Turn, service: ActiveService, group: AffinityGroup): boolean {
  const { number, affinityMicros } = service;
  if (hasGroup || site.affinity.find(number, group, now, site.health) >= 0) return true;
  return site.hostGroups.take(host, number, affinityMicros, now);
}

function groupOf(turn: Turn, service: ActiveService, members: GroupMembers): AffinityGroup {
  const { group } = turn.shard;
  fillGroupOf(turn, service, members, turn.host, group);
  return group;
}

function ofPacket({ packet, times }: Turn): GroupMembers {
  members.family = packet.family;
  members.client = packet.source;
  members.destination = packet.destination;
  members.at = 0;
  members.times = times;
  return members;
}

/** Values that are reused. */
const members: { -readonly [K in keyof GroupMembers]: GroupMembers[K] } = {
  family: 4,
  client: new Int32Array(4),
  destination: new Int32Array(4),
  at: 0,
  times: TIMES.CONNECT,
};
const made: { -readonly [K in keyof Pin]: Pin[K] } = {
  route: 0,
  isInterim: false,
  doubts: 0,
  askAt: 0,
  expiresAt: 0,
};
