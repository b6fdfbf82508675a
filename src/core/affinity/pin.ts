/** Later connections of a group follow the first: in the kernel, and here until the kernel has it. */
import type { Family } from '../../model/address.js';
import type { Packet } from '../../wire/packet.js';
import { isOpen, lastingRoutes } from '../choose/candidates.js';
import { type ActiveService, type Context, generationOf } from '../context.js';
import type { EffectSink, Micros, RaceId, RouteNumber } from '../engine-types.js';
import { fillGroup } from './group.js';

/** The route that a packet's group is pinned to; 0 when it is free. `inKernel`: what the kernel's maps say of it. */
export function pinnedRoute(
  context: Context,
  service: ActiveService,
  packet: Packet,
  inKernel: RouteNumber,
  now: Micros,
): RouteNumber {
  if (service.affinity === 'none') return 0;
  if (inKernel !== 0 && isOpen(context, inKernel, packet.family)) return inKernel;
  const { group } = context;
  const site = service.affinity === 'client+site' ? context.sites.of(packet.destination, 0, now) : 0;
  fillGroup(group, service.affinity, packet.family, packet.source, 0, packet.destination, 0, site);
  const route = context.affinity.find(service.number, group, now, (number) =>
    generationOf(context, number, packet.family),
  );
  const known = route !== 0 && (service.mask & (1 << route)) !== 0;
  return known && isOpen(context, route, packet.family) ? route : 0;
}

/** The route of a packet's connection becomes that of its group. */
export function pinPacket(
  context: Context,
  service: ActiveService,
  packet: Packet,
  route: RouteNumber,
  now: Micros,
  out: EffectSink,
): void {
  if (service.affinity === 'none') return;
  const { group } = context;
  const site = service.affinity === 'client+site' ? context.sites.of(packet.destination, 0, now) : 0;
  fillGroup(group, service.affinity, packet.family, packet.source, 0, packet.destination, 0, site);
  pin(context, service, packet.family, route, now, out);
}

/** The winner of a race becomes the route of its group. */
export function pinWinner(
  context: Context,
  race: RaceId,
  route: RouteNumber,
  now: Micros,
  out: EffectSink,
): void {
  const { races, group } = context;
  const service = context.services[races.service[race]];
  if (service === undefined || service.affinity === 'none') return;
  const family = races.family[race] as Family;
  const at = race * 4;
  const site = service.affinity === 'client+site' ? context.sites.of(races.destination, at, now) : 0;
  fillGroup(group, service.affinity, family, races.client, at, races.destination, at, site);
  pin(context, service, family, route, now, out);
}

function pin(
  context: Context,
  service: ActiveService,
  family: Family,
  route: RouteNumber,
  now: Micros,
  out: EffectSink,
): void {
  const { affinity, group } = context;
  // A last resort that has helped once is not for everything that follows.
  if ((lastingRoutes(context, service.mask, family) & (1 << route)) === 0) return;
  const generation = generationOf(context, route, family);
  affinity.set(service.number, group, route, generation, now + service.affinityMicros);
  out.pin(service.number, group, route, service.affinityMicros);
}
