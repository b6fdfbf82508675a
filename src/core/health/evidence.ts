/** What races show about routes, and what follows when a route's health changes. */
import type { Family } from '../../model/address.js';
import type { HealthReason } from '../../model/reasons.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { addressHash } from '../jhash.js';
import type { Turn } from '../turn.js';
import { HEALTH } from './health.js';
import { followAbsence } from './missed.js';

/** Somebody beyond the next hop has answered an attempt of a race by a route. */
export function noteLife(turn: Turn, race: RaceId, route: RouteNumber): void {
  const family = turn.shard.races.family[race] as Family;
  if (turn.site.health.answered(route, family, turn.now)) tellChange(turn, route, family);
}

/** The destination of a race, which another route reaches, was silent on this one. */
export function noteSilence(turn: Turn, race: RaceId, route: RouteNumber, reason: HealthReason): void {
  const { races } = turn.shard;
  const family = races.family[race] as Family;
  const target = addressHash(races.destination, race * 4, family);
  if (turn.site.health.silent(route, family, target, reason, turn.now)) tellChange(turn, route, family);
}

/** What was kept of a route that is down is void: its memory here, and the kernel's by the route's new generation. */
export function tellChange(turn: Turn, route: RouteNumber, family: Family): void {
  const { health, shards } = turn.site;
  if (health.of(route, family) === HEALTH.DOWN) {
    for (const { memory, kernelCopy } of shards) {
      memory.forgetRoute(route, turn.now, family);
      kernelCopy.forgetRoute(route, (slot) => memory.familyOf(slot) === family);
    }
  }
  turn.notes.routeChanged(route, health.reasonOf(route, family));
  followAbsence(turn);
}
