/**
 * What a race that is over says of its group's route. A group keeps its route, since servers know the client by it; it yields only to one
 * that was away, and is better by far. One that keeps silent is asked again, soon and increasingly rarely.
 */

import type { Family } from '../../model/address.js';
import { makesCopies } from '../../model/config.js';
import { isOpen, lastingRoutes } from '../choose/candidates.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import { ATTEMPT } from '../race/life.js';

import type { Turn } from '../turn.js';
import { doubtsOf, pinRace } from './pin.js';

/** Less is no reason to give the client another address. */
const FAR = { times: 2, plusMicros: 20_000 } as const;

/** The winner of a race that has just been decided. */
export function pinWinner(turn: Turn, race: RaceId): void {
  const { races } = turn.shard;
  const carrier = races.carrier[race];
  const tried = races.tried[race];
  // A rescue is for one connection, a question is not answered yet, and what a route that is back might have carried is chosen anew.
  if (turn.shard.joins.inVain[race] === 1) return;
  if (races.settles[race] === 1 || (tried !== 0 && tried !== carrier) || isOutdated(turn, race)) return;
  pinRace(turn, race, carrier, 0);
}

/**
 * A decided race ends. `odd`: a route whose answer came from something on the way; 0: none. `silentAfter`: when a route that has not
 * answered was silent.
 */
export function settleGroup(turn: Turn, race: RaceId, odd: RouteNumber, silentAfter: Micros): void {
  const { site, shard, now } = turn;
  const { races } = shard;
  const service = site.services[races.service[race]];
  if (
    service === undefined ||
    !makesCopies(service.criterion) ||
    races.tried[race] !== 0 ||
    isOutdated(turn, race)
  )
    return;
  const family = races.family[race] as Family;
  const carrier = races.carrier[race];
  const lasting = lastingRoutes(site, service.mask, family);
  let best = carrier;
  let honest = 0;
  let isSilent = false;
  for (let route = 1; route <= races.routeCount; route++) {
    if (route === carrier || (lasting & (1 << route)) === 0 || !isOpen(site, route, family)) continue;
    const at = races.attempt(race, route);
    if (races.attemptState[at] === ATTEMPT.SENT && now - races.attemptSentAt[at] >= silentAfter)
      isSilent = true;
    if (races.attemptState[at] !== ATTEMPT.ANSWERED || races.attemptRtt[at] < 0 || route === odd) continue;
    if (isFarBetter(turn, race, route, best)) best = route;
    if (honest === 0 || races.attemptRtt[at] < races.attemptRtt[races.attempt(race, honest)]) honest = route;
  }
  // A portal that answers for everybody holds nobody's clients.
  if (odd === carrier && honest !== 0) return pinRace(turn, race, honest, 0);
  const asks = races.settles[race] === 1;
  if (asks && best !== carrier) pinRace(turn, race, best, 0);
  else if (isSilent) pinRace(turn, race, carrier, 1 + Math.max(0, doubtsOf(turn, race)));
  else if (asks) pinRace(turn, race, carrier, 0);
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
