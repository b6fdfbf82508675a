/** The group of a connection, with what is known of its web site. */
import type { AffinityGroup, RaceId } from '../engine-types.js';
import type { ActiveService } from '../site.js';
import type { Turn } from '../turn.js';
import { fillGroup, type GroupMembers } from './group.js';

/** Fills `group` with that of a connection of a service, which `host` has begun. */
export function fillGroupOf(
  { site, now }: Turn,
  { affinity }: ActiveService,
  members: GroupMembers,
  host: number,
  group: AffinityGroup,
): void {
  const webSite =
    affinity === 'client+site' ? site.webSites.of(host, members.destination, members.at, now) : 0;
  fillGroup(group, affinity, members, webSite);
}

/** The service of a race, if its connection belongs to a group. */
export function serviceOf({ site, shard }: Turn, race: RaceId): ActiveService | undefined {
  const service = site.services[shard.races.service[race]];
  const { groups } = site.protocols[shard.races.protocol[race]];
  return service === undefined || service.affinity === 'none' || !groups ? undefined : service;
}
