/**
 * What keeps new connections together, as the kernel's maps have it at this moment: the call or stream that one belongs to, the tunnel of two
 * ends, a group.
 */
import { createGroup, fillGroup } from '../core/affinity/group.js';
import {
  affinityMap,
  MAP_FOLLOW,
  MAP_SITE,
  MAP_SITE_ASKED,
  MAP_TUNNEL,
  SET_OPEN,
} from '../kernel/constants.js';
import type { DesiredService } from '../kernel/desired.js';
import { type FoundElement, lookUpElement } from '../kernel/element-lookup.js';
import { groupKey, tunnelKey } from '../kernel/group-key.js';
import { readNeighbours } from '../kernel/where.js';
import { type AddressWords, type Family, familyOf, formatAddress } from '../model/address.js';
import {
  addAddress,
  addMark,
  addPort,
  addProtocol,
  createKey,
  type ElementKey,
  keyOf,
  keyOfHardware,
} from '../wire/netlink/nft-elements.js';

export interface Ends {
  readonly client: AddressWords;
  readonly destination: AddressWords;
}

/** The neighbours of the gateway, read for the first who asks, and once for an answer. */
export class Neighbours {
  private all: Promise<ReadonlyMap<string, string>> | null = null;

  /** Begins a key with the Ethernet address of a client; null: nobody knows one, or it is the gateway itself. */
  async keyOf(client: AddressWords): Promise<ElementKey | null> {
    this.all ??= readNeighbours();
    const hardware = (await this.all).get(formatAddress(client));
    const bytes = hardware?.split(':').map((part) => Number.parseInt(part, 16)) ?? [];
    if (bytes.length !== 6) return null;
    const [a, b, c, d, e, f] = bytes;
    return keyOfHardware(createKey(), ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, (e << 24) | (f << 16));
  }
}

/** The route on which the group of a connection is; null: it has none, or none yet. */
export async function findGroup(
  { number, config: { affinity } }: Pick<DesiredService, 'number' | 'config'>,
  ends: Ends,
  neighbours: Neighbours,
): Promise<FoundElement | null> {
  if (affinity === 'none') return null;
  const family = familyOf(ends.destination);
  const site = affinity === 'client+site' ? await siteOf(ends, family, neighbours) : 0;
  const group = createGroup();
  fillGroup(group, affinity, { family, ...ends, at: 0 }, site);
  return lookUpElement(affinityMap(family, number, affinity), groupKey(createKey(), group));
}

/** The route that the last flow of a tunnel between the two has had. */
export function findTunnel({ client, destination }: Ends): FoundElement | null {
  return lookUpElement(MAP_TUNNEL[familyOf(destination)], tunnelKey(createKey(), client, destination));
}

/** The route of the call or stream that has announced such a flow. `protocol`: the number of IP. */
export function findFollowed(
  { client, destination }: Ends,
  protocol: number,
  port: number,
): FoundElement | null {
  const family = familyOf(destination);
  const key = addAddress(keyOf(createKey(), family, client), family, destination);
  return lookUpElement(MAP_FOLLOW[family], addPort(addProtocol(key, protocol), port));
}

/** Whether the kernel may use by itself what a map says: the route is open, and the one that it was. */
export function isOpen(family: Family, value: number): boolean {
  return lookUpElement(SET_OPEN[family], addMark(createKey(), value)) !== null;
}

/** What is known for all comes before what the client's own host was told; 0: no name is known for the destination. */
async function siteOf(
  { client, destination }: Ends,
  family: Family,
  neighbours: Neighbours,
): Promise<number> {
  const all = lookUpElement(MAP_SITE[family], keyOf(createKey(), family, destination))?.value;
  if (all !== undefined && all !== null) return all;
  const own = await neighbours.keyOf(client);
  if (own === null) return 0;
  return lookUpElement(MAP_SITE_ASKED[family], addAddress(own, family, destination))?.value ?? 0;
}
