/** Servers whose handshake is complete are told that nobody will use it. */
import type { RaceId, RouteNumber } from '../engine-types.js';
import type { Opening } from '../protocols/opening.js';
import type { Turn } from '../turn.js';
import { SIDE } from './openings.js';

/** What its protocol says of the time between first reply and first payload; null: nothing. */
export function openingOf({ site, shard: { races } }: Turn, race: RaceId): Opening | null {
  return site.protocols[races.protocol[race]].opening;
}

/** Tells every server of a race but the carrier's, whose handshake is complete, that nobody will use its connection. */
export function cancelSides(turn: Turn, race: RaceId, except: RouteNumber): void {
  const { openings, races } = turn.shard;
  if (!openings.has(race)) return;
  for (let route = 1; route <= races.routeCount; route++) {
    const side = openings.sideOf(race, route);
    if (route === except || side === SIDE.NONE || side === SIDE.OUT) continue;
    cancelSide(turn, race, route);
    openings.setSide(race, route, SIDE.OUT);
  }
}

/**
 * Its server has acknowledged so much, and more may be on its way: one of the resets has the number that it expects next (RFC 5961 section
 * 3.2); it ignores the other or asks about it.
 */
export function cancelSide(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { openings, races } = turn.shard;
  const opening = openingOf(turn, race);
  if (opening === null) return;
  const acknowledged = openings.acknowledgedOf(race, route);
  const length = openings.lengthOf(race);
  turn.wire.cancel(race, route, opening.proof(races.token[race], acknowledged));
  const hasMore = openings.sideOf(race, route) !== SIDE.OPEN || races.shown[race] === route;
  if (hasMore && length > acknowledged)
    turn.wire.cancel(race, route, opening.proof(races.token[race], length));
}
