/** A set-up of a flow that has a race already: the same once more, or that of a new connection with the same ends. */
import { admitTrials, endWait, helpsOut } from '../affinity/join.js';
import { settleUnanswered } from '../affinity/settle.js';
import { fillRescuers, isAvailable, maskOf } from '../choose/candidates.js';
import type { Candidates } from '../choose/criterion.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import type { Protocol } from '../protocols/protocol.js';
import { countIgnored } from '../shard.js';
import type { Turn } from '../turn.js';
import { COPIES, enterRoute, sendAttempt } from './attempt.js';
import { takesFurther } from './datagrams.js';
import { cancelOpenAttempts, endRace, giveUp } from './end.js';
import { ENDS } from './ends.js';
import { continueFlow, patientUntil } from './flow.js';
import { ATTEMPT, RACE } from './life.js';
import { overdueAfter } from './patience.js';
import { dropWaiting, sendLater } from './schedule.js';
import { keepSetup } from './start.js';
import { isStillOurs, takeEnds } from './translation.js';

/**
 * `race-anew`: the race is over because it left out a route that works. `handled`: the packet in hand ends here, unless `turn.goesOn`.
 * `tried`: the route of the flow that the packet belongs to by now; 0: of none.
 */
export function repeatOrReplace(
  turn: Turn,
  race: RaceId,
  protocol: Protocol,
  tried: RouteNumber,
): 'handled' | 'start-anew' | 'race-anew' {
  const { site, shard, packet, now } = turn;
  const { races } = shard;
  const { racers } = shard.plan;
  turn.race = race;
  if (takesFurther(turn, race, protocol)) return 'handled';
  if (
    protocol.datagrams === null &&
    races.token[race] !== protocol.token(packet) &&
    races.state[race] !== RACE.COMMITTING
  ) {
    cancelOpenAttempts(turn, race);
    endRace(turn, race, 'replaced-by-new-connection');
    return 'start-anew';
  }
  if (races.state[race] !== RACE.RACING) {
    countIgnored(shard, 'syn-repeat-after-decision');
    return 'handled';
  }
  const service = site.services[races.service[race]] ?? site.everything;
  fillRescuers(turn, service.routes, racers);
  if (turn.isSingle) keepOnly(racers, races.routes[race] | races.waiting[race]);
  if (racers.count === 0) {
    giveUp(turn, race);
    return 'start-anew';
  }
  if (trialAnswered(turn, race)) {
    // The same set-up again: a reset would only have to overtake it.
    endRace(turn, race, 'all-routes-silent');
    return 'race-anew';
  }
  countIgnored(shard, 'syn-repeat');
  endWait(turn, race);
  settleUnanswered(turn, race);
  const othersUntil = awaitedUntil(turn, race);
  admitTrials(turn, race);
  helpsOut(turn, race);
  // A repeat may carry fewer options than the first: copies follow what the client sends now.
  keepSetup(turn, race, protocol);
  races.lastSetupAt[race] = now;
  // Others take part from now on: whoever carries it has won.
  if (!turn.isSingle) races.chosen[race] = 0;
  if (races.copies[race] === COPIES.REFUSED) races.copies[race] = COPIES.ONE;
  leaveTakenPort(turn, race);
  // The client waits: what was to leave later leaves now, and so do copies over routes that have come up since. But a route that is known to
  // be slow, and whose answer is not overdue yet, is not passed over because the client does not know that.
  const isPatient =
    races.waiting[race] !== 0 && isAvailable(site.routes[races.tried[race] - 1], packet.family);
  const asked = maskOf(racers);
  const joining = isPatient ? 0 : asked | races.waiting[race];
  if (!isPatient) dropWaiting(turn, race);
  for (const route of site.routes) {
    if (!isAvailable(route, packet.family)) continue;
    if (races.hasAttempt(race, route.number)) {
      // A flow of which the service knows nothing any more is not begun anew.
      const isKnown = (asked & (1 << route.number)) !== 0 || route.number === tried;
      if (isKnown || !races.isFlow(race, route.number)) repeatOn(turn, race, route.number, tried);
    } else if ((joining & (1 << route.number)) !== 0) {
      if (route.lastResort && othersUntil > now) sendLater(turn, race, route.number, othersUntil);
      else enterRoute(turn, race, route.number);
    }
  }
  // The kernel has decided the repeat by itself: what that is answered is an answer as well.
  if (tried !== 0 && tried !== races.tried[race])
    turn.goesOn = isAvailable(site.routes[tried - 1], packet.family);
  return 'handled';
}

/** What is not raced goes on by the route that it has. */
function keepOnly(racers: Candidates, mask: number): void {
  let count = 0;
  for (let i = 0; i < racers.count; i++)
    if ((mask & (1 << racers.routes[i])) !== 0) racers.routes[count++] = racers.routes[i];
  racers.count = count;
}

/**
 * Until when a route that is no last resort may still answer, as far as is known: it takes longer than its client's patience, or has answered
 * already and is asked for that once more. Now: nobody is awaited.
 */
function awaitedUntil(turn: Turn, race: RaceId): Micros {
  const { site, shard, now } = turn;
  const { races, joins } = shard;
  const held = joins.held[race] & races.trials[race];
  let until = now;
  for (const { number, lastResort } of site.routes) {
    if (lastResort || !races.hasAttempt(race, number) || races.stateOf(race, number) !== ATTEMPT.SENT)
      continue;
    const time = races.attemptRtt[races.attempt(race, number)];
    const hasAnswered = (held & (1 << number)) !== 0 && time >= 0;
    until = Math.max(until, hasAnswered ? now + overdueAfter(time) : patientUntil(turn, race, number));
  }
  return until;
}

/** Nobody has answered: does a living flow own the port of the copies on one of the routes? Then another port is taken. */
function leaveTakenPort(turn: Turn, race: RaceId): void {
  const { shard, packet, now, flows } = turn;
  const { races, ports } = shard;
  if (flows === null) return;
  let taken = false;
  for (let route = 1; route <= races.routeCount; route++) {
    if (!hasRacePort(turn, race, route)) continue;
    if (races.stateOf(race, route) !== ATTEMPT.SENT) return;
    taken = taken || flows.isTaken(race, route);
  }
  if (!taken) return;
  ports.taken(race, now);
  const port = ports.pick(packet, now);
  if (port !== 0 && port !== races.natPort[race]) races.movePort(race, port);
}

/** Whether the copies on a route leave with the port of the race. */
function hasRacePort({ shard: { races } }: Turn, race: RaceId, route: RouteNumber): boolean {
  return races.hasAttempt(race, route) && races.attemptEnds[races.attempt(race, route)] === ENDS.POOL;
}

/** Sends the copy again on a route without an answer; with other ends only when those that it has are no use any more. */
function repeatOn(turn: Turn, race: RaceId, route: RouteNumber, tried: RouteNumber): void {
  const { races } = turn.shard;
  const at = races.attempt(race, route);
  const state = races.attemptState[at];
  if (state !== ATTEMPT.SENT && state !== ATTEMPT.NOT_SENT) return;
  const isMoved = races.attemptEnds[at] === ENDS.POOL && races.attemptPort[at] !== races.natPort[race];
  const keeps = state === ATTEMPT.SENT && !isMoved && isStillOurs(turn, race, route);
  if (keeps && route === tried && races.isFlow(race, route)) return continueFlow(turn, race, route);
  if (keeps || takeEnds(turn, race, turn.site.routes[route - 1])) sendAttempt(turn, race, route);
}

/** The same where an answer cannot be asked for again: the race begins anew. */
function trialAnswered({ shard: { races } }: Turn, race: RaceId): boolean {
  for (let route = 1; races.trials[race] !== 0 && route <= races.routeCount; route++) {
    if ((races.trials[race] & (1 << route)) === 0) continue;
    if (races.stateOf(race, route) === ATTEMPT.ANSWERED) return true;
  }
  return false;
}
