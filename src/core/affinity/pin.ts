/** Later connections of a group follow the first: in the kernel, and here until the kernel has it. */
import { canCarry, isOpen, lastingRoutes } from '../choose/candidates.js';
import type { AffinityGroup, RaceId, RouteNumber } from '../engine-types.js';
import { countIgnored } from '../shard.js';
import type { ActiveService } from '../site.js';
import type { Turn } from '../turn.js';
import { fillGroup, type GroupMembers, membersOfRace } from './group.js';
import { joinGroup } from './join.js';

/** The route that the group of the packet in hand is pinned to; 0 when it is free. `inKernel`: what the kernel's maps say of it. */
export function pinnedRoute(turn: Turn, service: ActiveService, inKernel: RouteNumber): RouteNumber {
  if (service.affinity === 'none') return 0;
  const { site, now } = turn;
  turn.hasGroup = inKernel !== 0;
  if (inKernel !== 0 && isAble(turn, inKernel)) return inKernel;
  const group = groupOf(turn, service, ofPacket(turn));
  const route = site.affinity.find(service.number, group, now, site.health);
  const known = route !== 0 && (service.mask & (1 << route)) !== 0;
  return known && isAble(turn, route) ? route : 0;
}

function isAble(turn: Turn, route: RouteNumber): boolean {
  const { site, packet } = turn;
  return isOpen(site, route, packet.family) && canCarry(turn, site.routes[route - 1]);
}

/** The route of the packet in hand becomes that of its group. */
export function pinPacket(turn: Turn, service: ActiveService, route: RouteNumber): void {
  if (service.affinity !== 'none') pin(turn, service, ofPacket(turn), route, true);
}

/** The carrier of a race becomes the route of its group. */
export function pinWinner(turn: Turn, race: RaceId): void {
  const { races, joins } = turn.shard;
  const service = turn.site.services[races.service[race]];
  if (service === undefined || service.affinity === 'none' || joins.inVain[race] === 1) return;
  turn.host = races.host[race];
  pin(turn, service, membersOfRace(races, race), races.carrier[race], races.tried[race] === 0);
}

/** `forAll`: others of the group that are being raced follow. */
function pin(
  turn: Turn,
  service: ActiveService,
  members: GroupMembers,
  route: RouteNumber,
  forAll: boolean,
): void {
  const { site, now } = turn;
  const { family } = members;
  // A last resort that has helped once is not for everything that follows.
  if ((lastingRoutes(site, service.mask, family) & (1 << route)) === 0) return;
  const group = groupOf(turn, service, members);
  if (!mayHave(turn, service, group)) return countIgnored(turn.shard, 'host-groups');
  site.affinity.set(service.number, group, {
    route,
    generation: site.health.generationOf(route, family),
    expiresAt: now + service.affinityMicros,
  });
  turn.notes.pin(service.number, group, route, service.affinityMicros);
  if (forAll) joinGroup(turn, service, group, route);
}

/** A group that nobody knows yet takes a share of its host's. */
function mayHave({ site, host, hasGroup, now }: Turn, service: ActiveService, group: AffinityGroup): boolean {
  const { number, affinityMicros } = service;
  if (hasGroup || site.affinity.find(number, group, now, site.health) !== 0) return true;
  return site.hostGroups.take(host, number, affinityMicros, now);
}

function groupOf(
  { site, shard, host, now }: Turn,
  { affinity }: ActiveService,
  members: GroupMembers,
): AffinityGroup {
  const { group } = shard;
  const webSite =
    affinity === 'client+site' ? site.webSites.of(host, members.destination, members.at, now) : 0;
  fillGroup(group, affinity, members, webSite);
  return group;
}

function ofPacket({ packet }: Turn): GroupMembers {
  members.family = packet.family;
  members.client = packet.source;
  members.destination = packet.destination;
  members.at = 0;
  return members;
}

/** One value, reused. */
const members: { -readonly [K in keyof GroupMembers]: GroupMembers[K] } = {
  family: 4,
  client: new Int32Array(4),
  destination: new Int32Array(4),
  at: 0,
};
