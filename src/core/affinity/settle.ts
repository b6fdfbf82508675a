/**
 * What a race that is over says of its group's route. A group keeps its route, since servers know the client by it; it yields only to one
 * that was away, and is better by far. One that keeps silent is asked again, soon and increasingly rarely.
 */
import type { Family } from '../../model/address.js';
import { makesCopies } from '../../model/config.js';
import { isOpen, lastingRoutes } from '../choose/candidates.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import { isMissed } from '../health/missed.js';
import { ATTEMPT } from '../race/life.js';
import { knownSlot, surelyTakes } from '../race/patience.js';
import type { Turn } from '../turn.js';
import { doubtsOf, groupRouteOf, pinChosen, pinRace } from './pin.js';

/** Who has not answered for so long when a client repeats its set-up was silent: others have been heard meanwhile. */
const UNHEARD_MICROS = 500_000;

/** Less is no reason to give the client another address. */
const FAR = { times: 2, plusMicros: 20_000 } as const;

/** The winner of a race that has just been decided. */
export function pinWinner(turn: Turn, race: RaceId): void {
  const { races } = turn.shard;
  // A rescue is for one connection, and a flow that was tried has its group already, or had it when it began. A question is not answered
  // yet, and what a route that is back might have carried is chosen anew.
  if (races.tried[race] !== 0 || races.settles[race] === 1 || isOutdated(turn, race)) return;
  const service = turn.site.services[races.service[race]];
  if (service !== undefined && !makesCopies(service.criterion)) pinChosen(turn, race, races.carrier[race]);
  else if (turn.shard.joins.inVain[race] === 0 && !isInDoubt(turn, race))
    pinRace(turn, race, races.carrier[race], 0);
}

/** Its group has this route already and is in doubt: to have carried one connection more is no answer to that. */
function isInDoubt(turn: Turn, race: RaceId): boolean {
  return groupRouteOf(turn, race) === turn.shard.races.carrier[race] && doubtsOf(turn, race) > 0;
}

/**
 * A decided race ends. `odd`: a route whose answer came from something on the way; 0: none. `silentAfter`: when a route that has not
 * answered was silent.
 */
export function settleGroup(turn: Turn, race: RaceId, odd: RouteNumber, silentAfter: Micros): void {
  const { site, shard } = turn;
  const { races } = shard;
  const service = site.services[races.service[race]];
  if (service === undefined || !makesCopies(service.criterion) || races.tried[race] !== 0) return;
  const family = races.family[race] as Family;
  const carrier = races.carrier[race];
  // Without the route that is back it gives the group no route; but one that it has given before is in doubt all the same.
  const isLate = isOutdated(turn, race);
  const groupRoute = groupRouteOf(turn, race);
  if (isLate && groupRoute !== carrier) return;
  // Who has helped out with one connection is not the route of a group that has another.
  if (shard.joins.inVain[race] === 1 && groupRoute !== 0 && groupRoute !== carrier) return;
  const lasting = lastingRoutes(site, service.mask, family);
  let best = carrier;
  let honest = 0;
  let isUnsure = false;
  let isAway = false;
  for (let route = 1; route <= races.routeCount; route++) {
    if (route === carrier || (service.mask & (1 << route)) === 0) continue;
    const at = races.attempt(race, route);
    const hasNoTime = saysNoTime(turn, race, route, silentAfter) || isLeftOut(turn, race, route);
    // It was open when the race began.
    isAway = isAway || (hasNoTime && isMissed(site, route, family));
    if ((lasting & (1 << route)) === 0 || !isOpen(site, route, family)) continue;
    isUnsure = isUnsure || (hasNoTime && route !== odd);
    if (races.attemptState[at] !== ATTEMPT.ANSWERED || races.attemptRtt[at] < 0 || route === odd) continue;
    if (isFarBetter(turn, race, route, best)) best = route;
    if (honest === 0 || races.attemptRtt[at] < races.attemptRtt[races.attempt(race, honest)]) honest = route;
  }
  // A portal that answers for everybody holds nobody's clients.
  if (odd === carrier && honest !== 0) return pinRace(turn, race, honest, isLate ? 1 : 0);
  const asks = races.settles[race] === 1 && !isLate;
  if (asks && best !== carrier) pinRace(turn, race, best, isUnsure ? 1 : 0);
  else if (isUnsure || (isLate && isAway))
    pinRace(turn, race, carrier, 1 + Math.max(0, doubtsOf(turn, race)));
  else if (asks || isAway) pinRace(turn, race, carrier, 0);
}

/**
 * The client of a question repeats its set-up, and the group's route has not answered yet. Where that is known to take so long it yields to
 * one that was measured meanwhile and is better by far; else a packet may have been lost.
 */
export function settleUnanswered(turn: Turn, race: RaceId): void {
  const { site, shard } = turn;
  const { races } = shard;
  const service = site.services[races.service[race]];
  if (service === undefined || races.settles[race] === 0 || isOutdated(turn, race)) return;
  const family = races.family[race] as Family;
  const lasting = lastingRoutes(site, service.mask, family);
  let best = 0;
  let isUnsure = false;
  const asked = routeOfAsked(turn, race);
  const takes = asked === 0 ? -1 : surelyTakes(turn, race, asked);
  let least = (takes - FAR.plusMicros) / FAR.times;
  for (let route = 1; route <= races.routeCount; route++) {
    if (route === asked || (lasting & (1 << route)) === 0) continue;
    const rtt = races.attemptRtt[races.attempt(race, route)];
    const hasTime = (shard.joins.held[race] & (1 << route)) !== 0 && rtt >= 0;
    isUnsure = isUnsure || (isOpen(site, route, family) && saysNoTime(turn, race, route, UNHEARD_MICROS));
    if (!hasTime || rtt >= least) continue;
    best = route;
    least = rtt;
  }
  if (best !== 0) pinRace(turn, race, best, isUnsure ? 1 : 0);
}

/** The route that carries a question; 0: none does. */
function routeOfAsked({ shard: { races } }: Turn, race: RaceId): RouteNumber {
  for (let route = 1; route <= races.routeCount; route++)
    if (races.hasAttempt(race, route) && (races.trials[race] & (1 << route)) === 0) return route;
  return 0;
}

/** A route was asked, and may be the better one all the same: it has kept silent, said no, or lost a packet, so that its time is not known. */
function saysNoTime(
  { shard: { races }, now }: Turn,
  race: RaceId,
  route: RouteNumber,
  silentAfter: Micros,
): boolean {
  const at = races.attempt(race, route);
  switch (races.stateOf(race, route)) {
    case ATTEMPT.SENT:
      return now - races.attemptSentAt[at] >= silentAfter;
    case ATTEMPT.ANSWERED:
      return races.attemptRtt[at] < 0;
    case ATTEMPT.NEGATIVE:
      return true;
    default:
      return false;
  }
}

/** A route was not asked, since what it last said of the destination does not tell whether it is the better one: it was silent, or said no. */
function isLeftOut(turn: Turn, race: RaceId, route: RouteNumber): boolean {
  const { races, memory } = turn.shard;
  if (races.hasAttempt(race, route)) return false;
  const slot = knownSlot(turn, race);
  return slot >= 0 && memory.verdicts.isOpen(slot, route);
}

/** A route has come back since the race began. */
function isOutdated({ site, shard: { races } }: Turn, race: RaceId): boolean {
  return races.returns[race] !== site.health.returnsOf(races.family[race] as Family);
}

function isFarBetter(
  { shard: { races } }: Turn,
  race: RaceId,
  route: RouteNumber,
  than: RouteNumber,
): boolean {
  const rtt = races.attemptRtt[races.attempt(race, route)];
  const other = races.attemptRtt[races.attempt(race, than)];
  return rtt >= 0 && other > rtt * FAR.times + FAR.plusMicros;
}
