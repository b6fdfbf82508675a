/** Which group a connection belongs to: what must be equal for later connections to use the route of the first. */
import { type AddressWords, type Family, maskAddress } from '../../model/address.js';
import type { Affinity } from '../../model/config.js';
import type { AffinityGroup, RaceId } from '../engine-types.js';
import { keyHash, markWord, wordsHash } from '../jhash.js';
import { TIMES, type Times } from '../memory/times.js';
import type { RaceTable } from '../race/table.js';

/** Prefixes that one operator of servers is likely to have for one service. */
export const AFFINITY_PREFIX = { 4: 24, 6: 48 } as const;

export function createGroup(): AffinityGroup {
  return { family: 4, client: new Int32Array(4), kind: 'none', destination: new Int32Array(4), number: 0 };
}

/** Client and destination of a connection: four words each, both at `at`. */
export interface GroupMembers {
  readonly family: Family;
  readonly client: AddressWords;
  readonly destination: AddressWords;
  readonly at: number;
  /** Which times of memory its connection is about. */
  readonly times: Times;
}

/** Those of the connection that is raced; one value, reused. */
export function membersOfRace(races: RaceTable, race: RaceId): GroupMembers {
  members.family = races.family[race] as Family;
  members.client = races.client;
  members.destination = races.destination;
  members.at = race * 4;
  members.times = races.times[race] as Times;
  return members;
}

const members: { -readonly [K in keyof GroupMembers]: GroupMembers[K] } = {
  family: 4,
  client: new Int32Array(4),
  destination: new Int32Array(4),
  at: 0,
  times: TIMES.CONNECT,
};

/** Fills `group`. `site`: the number of the destination's web site; 0 when no name is known for it. */
export function fillGroup(
  group: AffinityGroup,
  affinity: Affinity,
  members: Omit<GroupMembers, 'times'>,
  site: number,
): void {
  const { family, client, destination, at } = members;
  group.family = family;
  for (let i = 0; i < 4; i++) group.client[i] = client[at + i];
  group.number = 0;
  if (affinity === 'client+site') {
    group.kind = 'number';
    group.number = site !== 0 ? site : keyHash(destination, at, family);
    return;
  }
  group.kind = affinity === 'client' || affinity === 'none' ? 'none' : 'address';
  for (let i = 0; i < 4; i++) group.destination[i] = destination[at + i];
  if (affinity === 'client+prefix') maskAddress(group.destination, 0, family, AFFINITY_PREFIX[family]);
}

/** A group of IPv6 as the kernel's maps know it, where it has more to it than its client. */
export function groupNumber({ client, kind, destination, number }: AffinityGroup): number {
  for (let i = 0; i < 4; i++) pair[i] = client[i];
  if (kind === 'number') {
    pair[4] = markWord(number);
    return wordsHash(pair, 5);
  }
  for (let i = 0; i < 4; i++) pair[4 + i] = destination[i];
  return wordsHash(pair, 8);
}

const pair = new Int32Array(8);
