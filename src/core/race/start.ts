/** Stage 4: a new race, and the repeats of its SYN. */
import type { Family } from '../../model/address.js';
import type { SingleReason } from '../../model/reasons.js';
import { MAX_SETUP_LENGTH, storeSetup } from '../../wire/build.js';
import type { Packet } from '../../wire/packet.js';
import { countUsable } from '../choose/candidates.js';
import { sourceIndex } from '../choose/source.js';
import { type Context, countIgnored } from '../context.js';
import type { EffectSink, EngineRoute, Micros, RaceId } from '../engine-types.js';
import { cancelOpenAttempts, endRace } from './end.js';
import { ATTEMPT, RACE } from './states.js';

/** A SYN of a flow that has a race already: a repeat of the same, or a new connection on the same tuple. */
export function repeatOrReplace(
  context: Context,
  race: RaceId,
  packet: Packet,
  now: Micros,
  out: EffectSink,
): 'handled' | 'start-anew' {
  const { races } = context;
  if (races.isn[race] !== packet.sequence && races.state[race] !== RACE.COMMITTING) {
    cancelOpenAttempts(context, race, out);
    endRace(context, race, 0, 'replaced-by-new-connection', now);
    return 'start-anew';
  }
  if (races.state[race] !== RACE.RACING) {
    countIgnored(context, 'syn-repeat-after-decision');
    out.drop();
    return 'handled';
  }
  if (countUsable(context.routes, packet.family) === 0) {
    cancelOpenAttempts(context, race, out);
    endRace(context, race, 0, 'all-routes-silent', now);
    return 'start-anew';
  }
  countIgnored(context, 'syn-repeat');
  // A repeat may carry fewer options than the first SYN: copies follow what the client sends now.
  keepSetup(context, race, packet);
  races.lastSynAt[race] = now;
  leaveTakenPort(context, race, packet, now, out);
  for (const route of context.routes)
    if (route.usable[packet.family]) repeatOn(context, race, route, now, out);
  out.drop();
  return 'handled';
}

/** Nobody has answered: does a living flow own the port of the copies on one of the routes? Then another port is taken. */
function leaveTakenPort(context: Context, race: RaceId, packet: Packet, now: Micros, out: EffectSink): void {
  const { races } = context;
  for (const { number, translate } of context.routes) {
    if (!translate || !races.hasAttempt(race, number)) continue;
    if (races.attemptState[races.attempt(race, number)] !== ATTEMPT.SENT) return;
  }
  const taken = context.routes.some(
    ({ number, translate }) => translate && races.hasAttempt(race, number) && out.isTaken(race, number),
  );
  if (!taken) return;
  const { source, sourcePort, destination, destinationPort } = packet;
  context.ports.taken(destination, 0, destinationPort, races.natPort[race], now);
  const port = context.ports.pick(source, sourcePort, destination, destinationPort, now);
  if (port !== 0 && port !== races.natPort[race]) races.movePort(race, port);
}

/** Sends the copy again on a route without an answer; a route that has come up since takes part from now on. */
function repeatOn(context: Context, race: RaceId, route: EngineRoute, now: Micros, out: EffectSink): void {
  const { races } = context;
  if (!races.hasAttempt(race, route.number)) return enterRoute(context, race, route, now, out);
  const at = races.attempt(race, route.number);
  const state = races.attemptState[at];
  if (state !== ATTEMPT.SENT && state !== ATTEMPT.NOT_SENT) return;
  takeSource(context, race, route);
  sendAttempt(context, race, route, now, out);
}

/** Starts a race over all usable routes; a reason when a bound forbids it. The packet in hand is dropped then. */
export function startRace(
  context: Context,
  packet: Packet,
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
  races.isn[race] = packet.sequence;
  races.startedAt[race] = now;
  races.lastSynAt[race] = now;
  keepSetup(context, race, packet);
  counters.started++;
  context.deadlines.set(race, now + context.settings.raceTimeoutMicros);
  for (const route of context.routes)
    if (route.usable[packet.family]) enterRoute(context, race, route, now, out);
  out.drop();
  return null;
}

function enterRoute(context: Context, race: RaceId, route: EngineRoute, now: Micros, out: EffectSink): void {
  context.races.routes[race] |= 1 << route.number;
  takeSource(context, race, route);
  sendAttempt(context, race, route, now, out);
}

/** Sends (again) the copy of one route. */
export function sendAttempt(
  context: Context,
  race: RaceId,
  route: EngineRoute,
  now: Micros,
  out: EffectSink,
): void {
  const { races, counters } = context;
  const at = races.attempt(race, route.number);
  races.setAttempt(at, ATTEMPT.SENT);
  races.attemptSentAt[at] = now;
  if (races.attemptSends[at] < 255) races.attemptSends[at]++;
  counters.attempts[route.number]++;
  out.attempt(race, route.number);
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

function takeSource(context: Context, race: RaceId, route: EngineRoute): void {
  const { races } = context;
  const family = races.family[race] as Family;
  const to = races.attempt(race, route.number) * 4;
  if (!route.translate) {
    for (let i = 0; i < 4; i++) races.attemptAddress[to + i] = races.client[race * 4 + i];
    return;
  }
  const pool = route.addresses[family];
  const from = sourceIndex(races.client, race * 4, family, pool.length / 4) * 4;
  for (let i = 0; i < 4; i++) races.attemptAddress[to + i] = pool[from + i];
}
