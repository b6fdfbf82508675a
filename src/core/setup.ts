/** The stages that a packet of a new connection passes, from what it is to who carries it. */
import type { SingleReason } from '../model/reasons.js';
import { type Packet, PROTOCOL } from '../wire/packet.js';
import { pinPacket } from './affinity/pin.js';
import { fillRacers, fillRescuers, maskOf } from './choose/candidates.js';
import { chooseRoute, takeTrials } from './choose/choose.js';
import { countSession } from './choose/sessions.js';
import { whyNotRaced } from './classify/setup.js';
import { tellChosen } from './commit/remember.js';
import { type ActiveService, type Context, countSingle } from './context.js';
import type { EffectSink, Input, Micros, RouteNumber, ServiceNumber } from './engine-types.js';
import { repeatOrReplace, startRace } from './race/start.js';
import { RACE } from './race/states.js';

/** A packet of a new connection. `everything`: the service of what the kernel has put into none. */
export function handleSetup(
  context: Context,
  everything: ActiveService,
  { packet, service: number, tried, pinned = 0 }: Input & { kind: 'setup' },
  now: Micros,
  out: EffectSink,
): void {
  const notRaced = whyNotRaced(packet);
  if (notRaced !== null && packet.protocol === PROTOCOL.TCP) {
    return tried !== 0 ? out.resume() : release(context, packet, 0, notRaced, 0, now, out);
  }
  const raceable = notRaced === null;
  let repeat: ReturnType<typeof repeatOrReplace> = 'start-anew';
  if (raceable) {
    const race = context.races.findFlow(
      packet.source,
      packet.sourcePort,
      packet.destination,
      packet.destinationPort,
    );
    repeat = race < 0 ? 'start-anew' : repeatOrReplace(context, race, packet, now, out);
    if (repeat === 'handled') {
      // What another connection has taught the kernel meanwhile made it decide the repeat: the race has it back.
      if (tried !== 0 && context.races.state[race] === RACE.RACING) out.unbind();
      return;
    }
  } else {
    const route = context.recent.find(packet, now);
    if (route !== 0) return release(context, packet, route, 'same-flow', number, now, out);
  }
  const service = context.services[number] ?? everything;
  if (service.criterion === 'rest') return release(context, packet, 0, 'criterion', number, now, out);
  if (tried !== 0) return rescue(context, packet, service, tried, now, out);
  if (repeat === 'race-anew') return race(context, packet, service, true, now, out);
  const { kind, route, reason } = chooseRoute(context, service, packet, raceable, pinned, now);
  if (kind === 'none') return release(context, packet, 0, reason, number, now, out);
  if (kind === 'race') return race(context, packet, service, false, now, out);
  if (reason === 'remembered') tellChosen(context, packet, now, out);
  const trials = raceable ? takeTrials(context, service, packet, now) : 0;
  if (trials !== 0) {
    const { racers } = context;
    racers.routes[0] = route;
    racers.count = 1;
    const plan = { service: service.number, racers, trials: trials & ~(1 << route), tried: 0, atOnce: true };
    if (startRace(context, packet, plan, now, out) === null) return;
  }
  choose(context, packet, service, route, reason, now, out);
}

/** `waited`: the client repeats its SYN already. */
function race(
  context: Context,
  packet: Packet,
  service: ActiveService,
  waited: boolean,
  now: Micros,
  out: EffectSink,
): void {
  const { racers } = context;
  if (waited) fillRescuers(context, service.routes, packet.family, racers);
  else fillRacers(context, service.routes, packet.family, racers);
  const trials = takeTrials(context, service, packet, now) & ~maskOf(racers);
  if (racers.count === 1 && trials === 0)
    return choose(context, packet, service, racers.routes[0], 'only-route', now, out);
  const plan = { service: service.number, racers, trials, tried: 0, atOnce: waited };
  const refused = startRace(context, packet, plan, now, out);
  if (refused !== null) release(context, packet, 0, refused, service.number, now, out);
}

/** The route that the client's SYN went by is silent: all routes are asked now. */
function rescue(
  context: Context,
  packet: Packet,
  service: ActiveService,
  tried: RouteNumber,
  now: Micros,
  out: EffectSink,
): void {
  const { racers } = context;
  fillRescuers(context, service.routes, packet.family, racers);
  const alone = racers.count === 0 || (racers.count === 1 && racers.routes[0] === tried);
  const plan = { service: service.number, racers, trials: 0, tried, atOnce: true };
  if (alone || startRace(context, packet, plan, now, out) !== null) out.resume();
}

/** The packet in hand goes by one route of its service, and its group with it. */
function choose(
  context: Context,
  packet: Packet,
  service: ActiveService,
  route: RouteNumber,
  reason: SingleReason,
  now: Micros,
  out: EffectSink,
): void {
  if (packet.protocol !== PROTOCOL.TCP) context.recent.set(packet, route, now);
  context.facts.assigned[route]++;
  pinPacket(context, service, packet, route, now, out);
  release(context, packet, route, reason, service.number, now, out);
}

function release(
  context: Context,
  packet: Packet,
  route: RouteNumber,
  reason: SingleReason,
  service: ServiceNumber,
  now: Micros,
  out: EffectSink,
): void {
  countSingle(context, reason);
  if (reason !== 'not-a-set-up' && reason !== 'same-flow')
    context.decisions.noteSingle(packet, route, reason, service, now);
  const counted = context.countsSessions && route !== 0 && reason !== 'same-flow';
  if (counted) countSession(context, route, service, 1);
  out.release(route, reason, service, counted);
}
