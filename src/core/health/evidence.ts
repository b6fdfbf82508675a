/** What races show about routes, and what follows when a route's health changes. */
import { type Family, maskAddress } from '../../model/address.js';
import type { HealthReason } from '../../model/reasons.js';
import { AFFINITY_PREFIX } from '../affinity/group.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { addressHash } from '../jhash.js';
import type { Turn } from '../turn.js';
import { HEALTH, type HealthStep, type SilentTarget } from './health.js';
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
  for (let i = 0; i < 4; i++) network[i] = races.destination[race * 4 + i];
  maskAddress(network, 0, family, AFFINITY_PREFIX[family]);
  target.destination = addressHash(races.destination, race * 4, family);
  target.network = addressHash(network, 0, family);
  target.port = races.destinationPort[race];
  follow(turn, route, family, turn.site.health.silent(route, family, target, reason, turn.now));
}

/** A round of a route's own checks has ended. */
export function noteCheck(turn: Turn, route: RouteNumber, family: Family, answered: boolean): void {
  const { site } = turn;
  const checked = site.routes[route - 1];
  if (checked === undefined) return;
  const { checkFails: fail, checkRecovers: recover = 3 } = checked;
  if (!answered && fail === 0) return;
  follow(turn, route, family, site.health.checked(route, family, answered, { fail, recover }, turn.now));
}

/** A route has been asked itself. */
export function noteAsked(turn: Turn, route: RouteNumber, family: Family, alive: boolean | null): void {
  if (turn.site.routes[route - 1]?.configured !== true) return;
  if (turn.site.health.asked(route, family, alive, turn.now)) tellChange(turn, route, family);
}

/** The next hop of a route has answered. */
export function noteProbe(turn: Turn, route: RouteNumber, family: Family): void {
  if (turn.site.routes[route - 1]?.configured !== true) return;
  if (turn.site.health.probed(route, family, turn.now)) tellChange(turn, route, family);
}

function follow(turn: Turn, route: RouteNumber, family: Family, step: HealthStep): void {
  if (step === 'changed' || step === 'doubted') tellChange(turn, route, family);
  if (step === 'ask' || step === 'doubted') turn.notes.askRoute?.(route, family);
}

/** Values that are reused. */
const network = new Int32Array(4);
const target: SilentTarget = { destination: 0, network: 0, port: 0 };

/** What was kept of a route that is down is void: its memory here, and the kernel's by the route's new generation. */
export function tellChange(turn: Turn, route: RouteNumber, family: Family): void {
  const { health, shards, roundTrips } = turn.site;
  if (health.of(route, family) === HEALTH.DOWN) {
    roundTrips.forget(route, family);
    for (const { memory, kernelCopy } of shards) {
      memory.forgetRoute(route, turn.now, family);
      kernelCopy.forgetRoute(route, (slot) => memory.familyOf(slot) === family);
    }
  }
  turn.notes.routeChanged(route, health.reasonOf(route, family));
  followAbsence(turn);
}
