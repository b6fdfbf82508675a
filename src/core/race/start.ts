/** Stage 4: a new race, and the repeats of its SYN. */
import type { SingleReason } from '../../model/reasons.js';
import { MAX_SETUP_LENGTH, storeSetup } from '../../wire/build.js';
import type { Packet } from '../../wire/packet.js';
import { fillRescuers, isAvailable, maskOf } from '../choose/candidates.js';
import type { Candidates } from '../choose/criterion.js';
import { type Context, countIgnored } from '../context.js';
import type { EffectSink, EngineRoute, Micros, RaceId, RouteNumber, ServiceNumber } from '../engine-types.js';
import { enterRoute, sendAttempt, takeSource } from './attempt.js';
import { setDeadline } from './deadline.js';
import { cancelOpenAttempts, endRace } from './end.js';
import { dropWaiting, sendCopies } from './schedule.js';
import { ATTEMPT, RACE } from './states.js';
import { hasRacePort, isTranslated, translateOf } from './translated.js';

/**
 * A SYN of a flow that has a race already: a repeat of the same, or a new connection on the same tuple. `race-anew`: the
 * race is over because it left out a route that works.
 */
export function repeatOrReplace(
  context: Context,
  race: RaceId,
  packet: Packet,
  now: Micros,
  out: EffectSink,
): 'handled' | 'start-anew' | 'race-anew' {
  const { races, racers } = context;
  if (races.isn[race] !== packet.sequence && races.state[race] !== RACE.COMMITTING) {
    cancelOpenAttempts(context, race, out);
    endRace(context, race, 0, 'replaced-by-new-connection', now, out);
    return 'start-anew';
  }
  if (races.state[race] !== RACE.RACING) {
    countIgnored(context, 'syn-repeat-after-decision');
    out.drop();
    return 'handled';
  }
  fillRescuers(context, serviceRoutes(context, race), packet.family, racers);
  if (racers.count === 0) {
    cancelOpenAttempts(context, race, out);
    endRace(context, race, 0, 'all-routes-silent', now, out);
    return 'start-anew';
  }
  if (trialAnswered(context, race)) {
    // The same SYN again: a reset would only have to overtake it.
    endRace(context, race, 0, 'all-routes-silent', now, out);
    return 'race-anew';
  }
  countIgnored(context, 'syn-repeat');
  // A repeat may carry fewer options than the first SYN: copies follow what the client sends now.
  keepSetup(context, race, packet);
  races.lastSynAt[race] = now;
  leaveTakenPort(context, race, packet, now, out);
  // The client waits: what was to leave later leaves now, and so do copies over routes that have come up since.
  const joining = maskOf(racers) | races.waiting[race];
  dropWaiting(context, race);
  for (const route of context.routes)
    if (isAvailable(route, packet.family)) repeatOn(context, race, route, joining, now, out);
  out.drop();
  return 'handled';
}

/** Nobody has answered: does a living flow own the port of the copies on one of the routes? Then another port is taken. */
function leaveTakenPort(context: Context, race: RaceId, packet: Packet, now: Micros, out: EffectSink): void {
  const { races } = context;
  for (const { number } of context.routes) {
    if (!hasRacePort(context, race, number) || !races.hasAttempt(race, number)) continue;
    if (races.attemptState[races.attempt(race, number)] !== ATTEMPT.SENT) return;
  }
  const taken = context.routes.some(
    ({ number }) =>
      hasRacePort(context, race, number) && races.hasAttempt(race, number) && out.isTaken(race, number),
  );
  if (!taken) return;
  const { source, sourcePort, destination, destinationPort } = packet;
  context.ports.taken(destination, 0, destinationPort, races.natPort[race], now);
  const port = context.ports.pick(source, sourcePort, destination, destinationPort, now);
  if (port !== 0 && port !== races.natPort[race]) races.movePort(race, port);
}

/** Sends the copy again on a route without an answer; the routes of `joining` take part from now on. */
function repeatOn(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  joining: number,
  now: Micros,
  out: EffectSink,
): void {
  const { races } = context;
  if (!races.hasAttempt(race, route.number)) {
    if ((joining & (1 << route.number)) !== 0) enterRoute(context, race, route, now, out);
    return;
  }
  const at = races.attempt(race, route.number);
  const state = races.attemptState[at];
  if (state !== ATTEMPT.SENT && state !== ATTEMPT.NOT_SENT) return;
  if (takeSource(context, race, route)) sendAttempt(context, race, route, now, out);
}

/** What is to be raced how. */
export interface RacePlan {
  readonly service: ServiceNumber;
  /** The routes that may win, in the order of the service. */
  readonly racers: Candidates;
  /** Bits of further routes that are asked to prove themselves. */
  readonly trials: number;
  /** The route that the client's first SYN went by alone; 0: none. */
  readonly tried: RouteNumber;
  /** No copy waits for the answer to another one: the client has waited already, or there is nobody to wait for. */
  readonly atOnce: boolean;
}

/** Starts a race; a reason when a bound forbids it. Otherwise the packet in hand is dropped. */
export function startRace(
  context: Context,
  packet: Packet,
  plan: RacePlan,
  now: Micros,
  out: EffectSink,
): SingleReason | null {
  const { races, counters } = context;
  if (races.active >= races.slots && !giveUpOldest(context)) return 'race-table-full';
  const refused = context.clients.admit(packet.source, now);
  if (refused !== null) return refused;
  const port = context.ports.pick(
    packet.source,
    packet.sourcePort,
    packet.destination,
    packet.destinationPort,
    now,
  );
  if (port === 0) {
    context.clients.done(packet.source, 0);
    return 'ports-exhausted';
  }
  const race = races.take(
    packet.family,
    packet.source,
    packet.sourcePort,
    packet.destination,
    packet.destinationPort,
    port,
  );
  races.service[race] = plan.service;
  races.translate[race] = translateOf(context.services[plan.service]?.translate);
  races.tried[race] = plan.tried;
  races.trials[race] = measuredOnly(context, race, plan.trials);
  races.isn[race] = packet.sequence;
  races.startedAt[race] = now;
  races.lastSynAt[race] = now;
  keepSetup(context, race, packet);
  counters.started++;
  setDeadline(context, race, now + context.settings.raceTimeoutMicros);
  if (plan.tried !== 0) out.unbind();
  sendCopies(context, race, plan.racers, plan.atOnce, now, out);
  for (const route of context.routes)
    if ((plan.trials & (1 << route.number)) !== 0) enterRoute(context, race, route, now, out);
  out.drop();
  return null;
}

/**
 * Which routes of `trials` must not win. A copy with the client's own address is to the server the same as every other such
 * copy: by which route it answers does not depend on the route that it was asked by, and a reset would be for all of them.
 */
function measuredOnly(context: Context, race: RaceId, trials: number): number {
  let mask = trials;
  for (const { number } of context.routes) if (!isTranslated(context, race, number)) mask &= ~(1 << number);
  return mask;
}

/** The routes of a race's service; all of them when no service names it. */
function serviceRoutes(context: Context, race: RaceId): readonly RouteNumber[] {
  const service = context.services[context.races.service[race]];
  return service?.routes ?? context.routes.map(({ number }) => number);
}

/** A route that could only be measured has proved that it works, and none of the others has. */
function trialAnswered({ races }: Context, race: RaceId): boolean {
  for (let route = 1; races.trials[race] !== 0 && route <= races.routeCount; route++) {
    if ((races.trials[race] & (1 << route)) === 0) continue;
    if (races.attemptState[races.attempt(race, route)] === ATTEMPT.ANSWERED) return true;
  }
  return false;
}

/** The table is full: the race that has only losers to wait for gives way. False when every race is undecided. */
function giveUpOldest(context: Context): boolean {
  const oldest = context.races.oldestLingering();
  if (oldest < 0) return false;
  context.deadlines.remove(oldest);
  context.races.release(oldest);
  return true;
}

function keepSetup(context: Context, race: RaceId, packet: Packet): void {
  const { races } = context;
  races.setupLength[race] = storeSetup(packet, races.setup, race * MAX_SETUP_LENGTH);
}
