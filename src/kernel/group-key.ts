/** The keys of groups and tunnels in the kernel's maps, as render-affinity.ts and render-tunnels.ts make them. */
import { createGroup, fillGroup, groupNumber } from '../core/affinity/group.js';
import type { AffinityGroup } from '../core/engine-types.js';
import { type AddressWords, familyOf } from '../model/address.js';
import { addAddress, addMark, type ElementKey, keyOf } from '../wire/netlink/nft-elements.js';

/** Writes it into `key`, and returns that. */
export function groupKey(key: ElementKey, group: AffinityGroup): ElementKey {
  if (group.family === 6 && group.kind !== 'none') {
    key.length = 0;
    return addMark(key, groupNumber(group) >>> 0);
  }
  keyOf(key, group.family, group.client);
  if (group.kind === 'address') addAddress(key, group.family, group.destination);
  if (group.kind === 'number') addMark(key, group.number >>> 0);
  return key;
}

/** The two ends of a tunnel are noted as the group of a client and a server would be. */
export function tunnelKey(key: ElementKey, client: AddressWords, destination: AddressWords): ElementKey {
  const group = createGroup();
  fillGroup(group, 'client+destination', { family: familyOf(destination), client, destination, at: 0 }, 0);
  return groupKey(key, group);
}
