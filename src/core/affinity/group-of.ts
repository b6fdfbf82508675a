/** The group of a connection, with what is known of its web site. */
import type { AffinityGroup } from '../engine-types.js';
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
