/** The first yes of a race of which the first payload decides: the client is shown it, and the handshake goes on by all routes. */
import { includes } from '../../model/ports.js';
import { OUTCOME_REASONS } from '../../model/reasons.js';
import { countSession } from '../choose/sessions.js';
import type { Verdict } from '../contract.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import type { Protocol } from '../protocols/protocol.js';
import { measure } from '../race/attempt.js';
import { setDeadline } from '../race/deadline.js';
import { ATTEMPT_EVENT, RACE_EVENT } from '../race/life.js';
import { isStillOurs, translates } from '../race/translation.js';
import { countIgnored } from '../shard.js';
import type { Turn } from '../turn.js';
import * as verdict from '../verdict.js';
import { keep, settleOpening } from './decide.js';
import { PHASE, SIDE } from './openings.js';
import { noteAnswer } from './server.js';

/** A client that says nothing for so long waits for its server, or for its user. */
const CLIENT_MICROS = 3_000_000;
/** Whoever has everything and says nothing for so long is no faster than another one. */
const SERVER_MICROS = 30_000_000;

/** Whether the first payload decides the race of the set-up in hand, by the shard's plan; it is noted then. */
export function beginOpening(turn: Turn, race: RaceId, protocol: Protocol): boolean {
  const { site, shard, packet } = turn;
  const { plan, openings } = shard;
  const { opening } = protocol;
  const service = site.services[plan.service];
  if (opening === null || service?.win !== 'first-payload') return false;
  if (turn.wire.advance === undefined || turn.flows === null) return false;
  // The flow that the client's first set-up went by has options that no other has; nor is anything found out where one is asked alone.
  if (plan.tried !== 0 || plan.settles || plan.chosen !== null || plan.racers.count < 2) return false;
  // Copies with the client's own address are one connection to their server.
  for (const route of site.routes)
    if (service.routes.includes(route.number) && route.configured && !translates(turn, race, route))
      return false;
  return openings.take(race, opening.window(packet), opening.offer(packet));
}

/** The packet in hand is the first yes. */
export function show(turn: Turn, race: RaceId, route: RouteNumber): Verdict {
  const { races, openings } = turn.shard;
  if (!isStillOurs(turn, race, route) || !races.stepAttempt(race, route, ATTEMPT_EVENT.ANSWER)) {
    countIgnored(turn.shard, 'not-ours');
    return verdict.drop(turn);
  }
  measure(turn, race, route);
  races.proven[race] = 1;
  races.stepRace(race, RACE_EVENT.WIN);
  races.shown[race] = route;
  races.carrier[race] = route;
  races.outcome[race] = OUTCOME_REASONS.indexOf('first-reply');
  noteAnswer(turn, race, route);
  openings.setSide(race, route, SIDE.OPEN);
  openings.enter(race, PHASE.SHOWN);
  turn.flows?.commit(race, route);
  return verdict.commit(turn, race, route);
}

/** The flow is bound to the route that the client is shown; another one may take it over. */
export function handleShown(turn: Turn, race: RaceId): void {
  const { site, shard, now } = turn;
  const { races } = shard;
  const route = races.carrier[race];
  races.stepRace(race, RACE_EVENT.OPEN);
  site.facts.assigned[route]++;
  if (site.countsSessions) countSession(site, route, races.service[race], 1);
  setDeadline(shard, race, now + patienceOf(turn, race));
  settleOpening(turn, race, 0);
}

/** The time of a connection has come whose first payload is awaited. */
export function expireOpening(turn: Turn, race: RaceId): void {
  const { shard, now } = turn;
  const until = shard.races.startedAt[race] + SERVER_MICROS;
  if (shard.openings.isSafe(race) && until > now) return setDeadline(shard, race, until);
  keep(turn, race, 'no-payload');
}

/** Where the server speaks first its words are awaited. */
function patienceOf({ site, shard: { races } }: Turn, race: RaceId): Micros {
  const ports = site.services[races.service[race]]?.serverFirst ?? [];
  const isServerFirst = ports.some((range) => includes(range, races.destinationPort[race]));
  return isServerFirst ? SERVER_MICROS : CLIENT_MICROS;
}
