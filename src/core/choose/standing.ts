/** How the routes stand when a connection is decided: for who asks later why it was decided so. */
import type { Family } from '../../model/address.js';
import type { OutcomeReason, SingleReason } from '../../model/reasons.js';
import { STANDING } from '../decisions.js';
import type { RaceId, RouteNumber, ServiceNumber } from '../engine-types.js';
import { countOutcome } from '../shard.js';
import type { Site } from '../site.js';
import type { Turn } from '../turn.js';

/** One of STANDING. */
export function standingOf({ routes, health }: Site, number: RouteNumber, family: Family): number {
  const route = routes[number - 1];
  if (!route.configured) return STANDING.ABSENT;
  if (route.admin === 'draining') return STANDING.DRAINING;
  if (route.admin === 'disabled') return STANDING.DISABLED;
  // The states of health have the same numbers.
  return route.usable[family] ? health.of(number, family) : STANDING.DOWN;
}

/** Notes and counts the outcome of a race; returns its number in the ring. */
export function noteOutcome(
  { site, shard, now }: Turn,
  race: RaceId,
  route: RouteNumber,
  reason: OutcomeReason | SingleReason,
): number {
  const { decisions, races } = shard;
  countOutcome(shard, reason);
  const number = decisions.noteRace(races, race, route, reason, now);
  const family = races.family[race] as Family;
  decisions.noteStandings((other) => standingOf(site, other, family), -1);
  return number;
}

/** Notes a connection that goes by one route without a race. */
export function noteSingle(
  turn: Turn,
  route: RouteNumber,
  reason: SingleReason,
  service: ServiceNumber,
): void {
  const { site, shard, packet, now } = turn;
  shard.decisions.noteSingle(packet, route, reason, service, now);
  const age = reason === 'remembered' ? ageOfMemory(turn, route) : -1;
  shard.decisions.noteStandings((other) => standingOf(site, other, packet.family), age);
}

/** How old what memory knows of a route is, for the destination of the packet in hand; -1: it knows nothing. */
function ageOfMemory({ shard: { memory }, packet, times, now }: Turn, route: RouteNumber): number {
  const slot = memory.find(packet.destination, 0, times);
  if (slot < 0) return -1;
  const heardAt = memory.verdicts.heardAt(slot, route);
  return heardAt === Number.NEGATIVE_INFINITY ? -1 : now - heardAt;
}
