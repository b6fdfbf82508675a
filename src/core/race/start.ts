/** A new race: bounds, slot, and the copies that leave now. */
import { SINGLE_REASONS, type SingleReason } from '../../model/reasons.js';
import { enterGroup } from '../affinity/join.js';
import { noteStandIn } from '../affinity/pin.js';
import type { RaceId } from '../engine-types.js';
import { settleNegative } from '../judge/negative.js';
import { takeSample } from '../judge/sample.js';
import { TIMES } from '../memory/times.js';
import { beginOpening } from '../payload/show.js';
import type { Protocol } from '../protocols/protocol.js';
import type { Turn } from '../turn.js';
import { COPIES, enterRoute } from './attempt.js';
import { setDeadline } from './deadline.js';
import { abandonRace, allAnswered, cancelOpenAttempts } from './end.js';
import { adoptFlow, patientUntil } from './flow.js';
import { sendCopies } from './schedule.js';
import { NO_RACE } from './table.js';
import { TRANSLATE, translateOf, translates } from './translation.js';

/** Races the packet in hand by the shard's plan; a reason when a bound forbids it. */
export function startRace(turn: Turn, protocol: Protocol): SingleReason | null {
  const { site, shard, packet, now } = turn;
  const { races, counters, plan, ports } = shard;
  if (races.active >= races.slots && !giveUpOldest(turn)) return 'race-table-full';
  const refused = site.clients.admit(packet.source, now);
  if (refused !== null) return refused;
  if (!site.hosts.admit(turn.host, now)) {
    site.clients.done(packet.source, 0);
    return 'host-race-limit';
  }
  const port = ports.pick(packet, now);
  const race = port === 0 ? NO_RACE : races.take(packet, port);
  if (race === NO_RACE) {
    site.clients.done(packet.source, 0);
    site.hosts.done(turn.host);
    return 'ports-exhausted';
  }
  turn.race = race;
  races.host[race] = turn.host;
  races.returns[race] = site.health.returnsOf(packet.family);
  races.settles[race] = plan.settles ? 1 : 0;
  counters.started++;
  counters.startedBy[plan.service]++;
  if (plan.chosen !== null) counters.alone++;
  races.protocol[race] = site.protocols.indexOf(protocol);
  races.token[race] = protocol.token(packet);
  races.service[race] = plan.service;
  races.translate[race] = turn.isLocal
    ? TRANSLATE.ALWAYS
    : translateOf(site.services[plan.service]?.translate);
  races.tried[race] = plan.tried;
  races.chosen[race] = plan.chosen === null ? 0 : 1 + SINGLE_REASONS.indexOf(plan.chosen);
  races.copies[race] = plan.tried === 0 ? COPIES.NONE : COPIES.ONE;
  races.trials[race] = measuredOnly(turn, race, plan.trials);
  races.times[race] = beginOpening(turn, race, protocol) ? TIMES.PAYLOAD : protocol.times;
  takeSample(turn, race, protocol);
  races.startedAt[race] = now;
  races.lastSetupAt[race] = now;
  enterGroup(turn, race);
  noteStandIn(turn, race, plan.racers.routes[0]);
  if (!keepFirst(turn, race, protocol)) {
    abandonRace(turn, race);
    return 'set-ups-full';
  }
  setDeadline(shard, race, now + site.settings.raceTimeoutMicros);
  const livesOn = plan.tried !== 0 && adoptFlow(turn, race, plan.tried);
  plan.notBefore = livesOn ? patientUntil(turn, race, plan.tried) : 0;
  sendCopies(turn, race);
  for (let route = 1; route <= races.routeCount; route++)
    if ((plan.trials & (1 << route)) !== 0) enterRoute(turn, race, route);
  // No route had an address for this client: nobody will ever answer.
  if (races.waiting[race] === 0 && allAnswered(turn, race)) settleNegative(turn, race);
  return null;
}

/** Keeps what the copies are made of; false: there is no room. */
export function keepSetup({ shard: { setups }, packet }: Turn, race: RaceId, protocol: Protocol): boolean {
  return protocol.packets === null || setups.keep(race, protocol.packets, packet);
}

/** The same for the first of a race. */
function keepFirst(turn: Turn, race: RaceId, protocol: Protocol): boolean {
  const { setups } = turn.shard;
  if (protocol.datagrams !== null) {
    if (!setups.openFlight(race)) return false;
    protocol.datagrams.note(turn.packet, setups.askedOf(race), true);
  }
  return keepSetup(turn, race, protocol);
}

/**
 * Which routes of `trials` must not win. A copy with the client's own address is to the server the same as every other such
 * copy: by which route it answers does not depend on the route that it was asked by, and a reset would be for all of them.
 */
function measuredOnly(turn: Turn, race: RaceId, trials: number): number {
  let mask = trials;
  for (const route of turn.site.routes) if (!translates(turn, race, route)) mask &= ~(1 << route.number);
  return mask;
}

/** The table is full: the race that has only losers to wait for gives way. False when every race is undecided. */
function giveUpOldest(turn: Turn): boolean {
  const oldest = turn.shard.races.oldestLingering();
  if (oldest === NO_RACE) return false;
  const { cancelsSilent } = turn.site.protocols[turn.shard.races.protocol[oldest]];
  if (cancelsSilent) cancelOpenAttempts(turn, oldest);
  abandonRace(turn, oldest);
  return true;
}
