/** What the copies of a race leave with on a route: an address of the route, one by prefix, or the client's own. */
import { type AddressWords, sameAddress } from '../../model/address.js';
import type { EngineRoute, RaceId, RouteNumber } from '../engine-types.js';
import { isInPool, sourceIndex } from '../pool.js';
import type { Turn } from '../turn.js';
import { ENDS } from './ends.js';
import { mapOut } from './prefix.js';

/** What a race's service says of it. */
export const TRANSLATE = { AS_ROUTE: 0, NEVER: 1, ALWAYS: 2 } as const;

export function translateOf(says: boolean | null | undefined): number {
  if (says === true) return TRANSLATE.ALWAYS;
  return says === false ? TRANSLATE.NEVER : TRANSLATE.AS_ROUTE;
}

/** Writes down the ends that the copies on a route leave with from now on; false when the route has no address for the client. */
export function takeEnds(turn: Turn, race: RaceId, route: EngineRoute): boolean {
  const { races } = turn.shard;
  const { number } = route;
  if (!translates(turn, race, route)) {
    races.leave(race, number, ENDS.OWN, races.client, race * 4);
    return true;
  }
  const six = races.family[race] === 6;
  if (six && mapOut(route.prefixes, races.client, race * 4, mapped, 0)) {
    races.leave(race, number, ENDS.PREFIX, mapped, 0);
    return true;
  }
  const pool = route.addresses[six ? 6 : 4];
  if (pool.length === 0) return false;
  const from = sourceIndex(races.client, race * 4, six ? 6 : 4, pool.length / 4) * 4;
  races.leave(race, number, ENDS.POOL, pool, from);
  return true;
}

/** Whether new copies on a route get another address than the client's, as service and route say now. */
export function translates({ shard: { races } }: Turn, race: RaceId, route: EngineRoute): boolean {
  const says = races.translate[race];
  if (says === TRANSLATE.NEVER) return false;
  // A route that keeps inside addresses may have none of its own.
  const pool = route.addresses[races.family[race] === 6 ? 6 : 4];
  return route.translate || (says === TRANSLATE.ALWAYS && pool.length > 0);
}

/** Whether a flow of a race's client can leave by a route with an address: its own, one by prefix, or the route's. */
export function isOurs(
  { site, shard: { races } }: Turn,
  race: RaceId,
  number: RouteNumber,
  words: AddressWords,
  from: number,
): boolean {
  const { prefixes, addresses } = site.routes[number - 1];
  if (sameAddress(words, from, races.client, race * 4)) return true;
  if (mapOut(prefixes, races.client, race * 4, mapped, 0) && sameAddress(words, from, mapped, 0)) return true;
  return isInPool(addresses[races.family[race] === 6 ? 6 : 4], words, from);
}

/** Whether the address that an attempt left with is still ours: a flow with another one could not live. */
export function isStillOurs(turn: Turn, race: RaceId, number: RouteNumber): boolean {
  const { site, shard } = turn;
  const { races } = shard;
  const route = site.routes[number - 1];
  const at = races.attempt(race, number);
  switch (races.attemptEnds[at]) {
    case ENDS.OWN:
      return true;
    case ENDS.PREFIX:
      return (
        mapOut(route.prefixes, races.client, race * 4, mapped, 0) &&
        sameAddress(races.attemptAddress, at * 4, mapped, 0)
      );
    case ENDS.FLOW:
      return isOurs(turn, race, number, races.attemptAddress, at * 4);
    default:
      return isInPool(route.addresses[races.family[race] === 6 ? 6 : 4], races.attemptAddress, at * 4);
  }
}

/** Whether two attempts are one connection to the server, because both left with the same ends: a reset would end both. */
export function shareEnds(
  { shard: { races } }: Turn,
  race: RaceId,
  one: RouteNumber,
  other: RouteNumber,
): boolean {
  const { attemptAddress, attemptPort } = races;
  const a = races.attempt(race, one);
  const b = races.attempt(race, other);
  return attemptPort[a] === attemptPort[b] && sameAddress(attemptAddress, a * 4, attemptAddress, b * 4);
}

const mapped = new Int32Array(4);
