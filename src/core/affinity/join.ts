/**
 * Connections of one group that begin at the same moment are raced each for itself, and stay together all the same: as soon as the group
 * has a route, those that are still undecided wait for the answer of that one. All copies have left meanwhile, so that nobody waits for a
 * round trip; what other routes answer is kept back, and asked for again should the group's route say no, or nothing.
 */
import { type Family, sameAddress } from '../../model/address.js';
import { makesCopies } from '../../model/config.js';
import { ROUTE_OF_GROUP } from '../../model/reasons.js';
import { isAvailable } from '../choose/candidates.js';
import type { AffinityGroup, Micros, RaceId, RouteNumber } from '../engine-types.js';
import { measure, sendAttempt } from '../race/attempt.js';
import { bringDeadline } from '../race/deadline.js';
import { ATTEMPT, ATTEMPT_EVENT, RACE } from '../race/life.js';
import { sendAtOnce } from '../race/schedule.js';
import { isStillOurs } from '../race/translation.js';
import { countIgnored } from '../shard.js';
import type { ActiveService } from '../site.js';
import type { Turn } from '../turn.js';
import { membersOfRace } from './group.js';
import { fillGroupOf, serviceOf } from './group-of.js';

/** How long a connection waits for the route of its group: half of what a client waits before it repeats its SYN. */
export const JOIN_MICROS: Micros = 500_000;

/** The race in hand may be one of several of its group. */
export function enterGroup(turn: Turn, race: RaceId): void {
  const { joins, races } = turn.shard;
  joins.begin(race);
  if (serviceOf(turn, race) !== undefined) joins.enter(race, races.client, race * 4);
}

/** A group has a route from now on. */
export function joinGroup(
  turn: Turn,
  service: ActiveService,
  group: AffinityGroup,
  route: RouteNumber,
): void {
  const { joins, races, otherGroup } = turn.shard;
  for (let race = joins.first(group.client, 0); race >= 0; race = joins.next(race)) {
    if (races.state[race] !== RACE.RACING || races.service[race] !== service.number) continue;
    if (joins.inVain[race] === 1 || joins.route[race] === route || hasWaited(turn, race)) continue;
    fillGroupOf(turn, service, membersOfRace(races, race), races.host[race], otherGroup);
    if (isSame(otherGroup, group)) waitFor(turn, race, route);
  }
}

/** Whether the yes of a route is kept back, since the race waits for another one: it is then noted, and the packet in hand ends here. */
export function keepsBack(turn: Turn, race: RaceId, route: RouteNumber): boolean {
  const { joins } = turn.shard;
  if (joins.route[race] === 0 || joins.route[race] === route) return false;
  if (!hold(turn, race, route)) return false;
  countIgnored(turn.shard, 'kept-for-group');
  return true;
}

/**
 * The same for a route that is asked to prove itself: as long as nobody carries the connection it may still have to, and a reset could
 * meet the client's next set-up at the server.
 */
export function keepsTrial(turn: Turn, race: RaceId, route: RouteNumber): boolean {
  if (turn.shard.races.state[race] !== RACE.RACING || !hold(turn, race, route)) return false;
  countIgnored(turn.shard, 'late-syn-ack');
  return true;
}

function hold(turn: Turn, race: RaceId, route: RouteNumber): boolean {
  const { joins, races } = turn.shard;
  // An attempt that is no packet cannot be asked for its answer again.
  if (turn.site.protocols[races.protocol[race]].packets === null) return false;
  if ((joins.held[race] & (1 << route)) === 0) measure(turn, race, route);
  joins.held[race] |= 1 << route;
  return true;
}

/**
 * The client repeats its set-up: routes that could only be measured have proved that they work, and none of the others has. They take part
 * from now on, and the repeat asks them for their answer again. Who helps out like this says nothing of the group.
 */
export function admitTrials({ shard: { joins, races } }: Turn, race: RaceId): void {
  const proven = joins.held[race] & races.trials[race];
  if (proven === 0) return;
  races.trials[race] &= ~proven;
  races.settles[race] = 0;
  joins.held[race] &= ~proven;
  joins.inVain[race] = 1;
}

/** A race is won: those that were kept back are told, and count as answered. */
export function settleHeld(turn: Turn, race: RaceId): void {
  const { site, shard } = turn;
  const { joins, races, counters } = shard;
  const held = joins.held[race];
  if (joins.route[race] !== 0) races.outcome[race] = ROUTE_OF_GROUP;
  joins.route[race] = 0;
  joins.held[race] = 0;
  if (held === 0) return;
  const proof = site.protocols[races.protocol[race]].proof(races.token[race]);
  for (let route = 1; route <= races.routeCount; route++) {
    if ((held & (1 << route)) === 0 || !races.stepAttempt(race, route, ATTEMPT_EVENT.ANSWER)) continue;
    counters.losses[route]++;
    turn.wire.cancel(race, route, proof);
  }
}

/** The client repeats its set-up: whoever answers has won. */
export function endWait({ shard: { joins, races } }: Turn, race: RaceId): void {
  if (joins.route[race] === 0) return;
  joins.inVain[race] = 1;
  joins.route[race] = 0;
  joins.held[race] &= races.trials[race];
}

/**
 * The client repeats its set-up, so that others than the route that the criterion has chosen may carry it: they help out with this
 * connection, and that says nothing of its group. Where races are the criterion, whoever wins is the choice.
 */
export function helpsOut({ site, shard: { joins, races } }: Turn, race: RaceId): void {
  const service = site.services[races.service[race]];
  if (service !== undefined && !makesCopies(service.criterion)) joins.inVain[race] = 1;
}

/** The group's route has said no, or has kept silent for too long: the others are asked again for what they have said. */
export function goOnWithout(turn: Turn, race: RaceId): void {
  const { joins, races } = turn.shard;
  const held = joins.held[race] & ~races.trials[race];
  endWait(turn, race);
  for (let route = 1; route <= races.routeCount; route++)
    if ((held & (1 << route)) !== 0) askAgain(turn, race, route);
}

/** Asks a route for the yes that was kept back; false when it has said no since, has lost its link, or the address that the copy left with. */
export function askAgain(turn: Turn, race: RaceId, route: RouteNumber): boolean {
  const { races } = turn.shard;
  const family = races.family[race] as Family;
  if (races.stateOf(race, route) !== ATTEMPT.SENT) return false;
  if (!isAvailable(turn.site.routes[route - 1], family) || !isStillOurs(turn, race, route)) return false;
  sendAttempt(turn, race, route);
  return true;
}

function waitFor(turn: Turn, race: RaceId, route: RouteNumber): void {
  const { joins, races } = turn.shard;
  if ((races.trials[race] & (1 << route)) !== 0) return;
  if (races.stateOf(race, route) === ATTEMPT.WAITING) sendAtOnce(turn, race, route);
  if (races.stateOf(race, route) !== ATTEMPT.SENT) return;
  const until = turn.now + JOIN_MICROS;
  joins.wait(race, route, until);
  bringDeadline(turn.shard, race, until);
}

/** A client that has waited already waits for nobody. */
function hasWaited({ shard: { races } }: Turn, race: RaceId): boolean {
  return races.tried[race] !== 0 || races.lastSetupAt[race] !== races.startedAt[race];
}

function isSame(a: AffinityGroup, b: AffinityGroup): boolean {
  return (
    a.family === b.family &&
    a.kind === b.kind &&
    a.number === b.number &&
    sameAddress(a.client, 0, b.client, 0) &&
    (a.kind !== 'address' || sameAddress(a.destination, 0, b.destination, 0))
  );
}
