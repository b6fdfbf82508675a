/**
 * The engine. A packet of a new connection passes these stages, in this order:
 *
 *   classify  may it be copied at all?                       classify/setup.ts
 *   repeat    does a race for its flow exist?                race/start.ts
 *   choose    how many routes can carry it?                  choose/candidates.ts
 *   limit     table, client and port bounds                  limit/
 *   race      one attempt per usable route                   race/start.ts
 *
 * and an answer of a provider these:
 *
 *   find      which attempt is it about?                     race/find.ts
 *   judge     positive, negative, challenge, too late        race/answer.ts, race/icmp.ts
 *   commit    bind the flow to the route, or reject          commit/
 *
 * No I/O, no clock, no randomness of its own: `now` and the secret come in, effects go out.
 */

import type { AddressWords } from '../model/address.js';
import type { SingleReason } from '../model/reasons.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { countUsable, onlyUsable } from './choose/candidates.js';
import { whyNotRaced } from './classify/setup.js';
import { settleNegative } from './commit/negative.js';
import { handleCommitted } from './commit/outcome.js';
import { type Context, countIgnored, countSingle, createContext } from './context.js';
import type { DecisionRecord } from './decisions.js';
import type {
  EffectSink,
  EngineCounters,
  EngineRoute,
  EngineSettings,
  Input,
  LivingFlow,
  Micros,
  RaceId,
  RouteNumber,
} from './engine-types.js';
import { handleAnswer } from './race/answer.js';
import { expire } from './race/expire.js';
import { findAnswered, findQuoted } from './race/find.js';
import { handleIcmpError } from './race/icmp.js';
import { repeatOrReplace, startRace } from './race/start.js';
import { ATTEMPT, RACE } from './race/states.js';
import type { RaceTable } from './race/table.js';

export class Engine {
  private readonly context: Context;

  constructor(settings: EngineSettings) {
    this.context = createContext(settings);
  }

  /** Takes one input; its effects go to `out` before this returns. */
  handle(input: Input, now: Micros, out: EffectSink): void {
    switch (input.kind) {
      case 'setup':
        return this.handleSetup(input.packet, now, out);
      case 'answer':
        return this.handleAnswer(input.packet, input.interfaceIndex, input.known, now, out);
      case 'committed':
        return handleCommitted(this.context, input.race, input.ok, now, out);
      case 'not-sent':
        return this.handleNotSent(input.race, input.route, now, out);
      case 'tick':
        return expire(this.context, now, out);
    }
  }

  /** When `tick` is due; Infinity when nothing waits. */
  nextDeadline(): Micros {
    return this.context.deadlines.next();
  }

  /** Replaces what is known of the routes; races that run go on with the copies that are out. */
  setRoutes(routes: readonly EngineRoute[]): void {
    this.context.routes = routes;
  }

  /** Tells of a flow that lives already, made by an engine before this one: its port is not given to another client. */
  adopt(flow: LivingFlow, now: Micros): void {
    const { client, clientPort, destination, destinationPort, port } = flow;
    this.context.ports.adopt(client, clientPort, destination, destinationPort, port, now);
  }

  get routes(): readonly EngineRoute[] {
    return this.context.routes;
  }

  get counters(): Readonly<EngineCounters> {
    return this.context.counters;
  }

  /** For front ends: what a copy is made of. */
  get races(): RaceTable {
    return this.context.races;
  }

  /** Largest packet for a destination on a route. */
  mtuOf(route: EngineRoute, destination: AddressWords, at: number): number {
    return this.context.pathMtu.of(route.number, route.mtu, destination, at);
  }

  decisionsFor(address: AddressWords, port: number | null, limit: number): DecisionRecord[] {
    return this.context.decisions.find(address, port, limit);
  }

  latestDecisions(limit: number): DecisionRecord[] {
    return this.context.decisions.latest(limit);
  }

  private handleSetup(packet: Packet, now: Micros, out: EffectSink): void {
    const { context } = this;
    const notRaced = whyNotRaced(packet);
    if (notRaced !== null) return this.release(packet, 0, notRaced, now, out);
    const race = context.races.findFlow(
      packet.source,
      packet.sourcePort,
      packet.destination,
      packet.destinationPort,
    );
    if (race >= 0 && repeatOrReplace(context, race, packet, now, out) === 'handled') return;
    const usable = countUsable(context.routes, packet.family);
    if (usable === 0) return this.release(packet, 0, 'no-route', now, out);
    if (usable === 1) {
      return this.release(packet, onlyUsable(context.routes, packet.family), 'only-route', now, out);
    }
    const refused = startRace(context, packet, now, out);
    if (refused !== null) this.release(packet, 0, refused, now, out);
  }

  private release(
    packet: Packet,
    route: RouteNumber,
    reason: SingleReason,
    now: Micros,
    out: EffectSink,
  ): void {
    const { context } = this;
    countSingle(context, reason);
    const { source, sourcePort, destination, destinationPort } = packet;
    if (reason !== 'not-a-set-up') {
      context.decisions.noteSingle(source, sourcePort, destination, destinationPort, route, reason, now);
    }
    out.release(route, reason);
  }

  private handleAnswer(
    packet: Packet,
    interfaceIndex: number,
    known: boolean,
    now: Micros,
    out: EffectSink,
  ): void {
    const { context } = this;
    const isTcp = packet.protocol === PROTOCOL.TCP;
    for (const route of context.routes) {
      if (route.interfaceIndex !== interfaceIndex) continue;
      const race = isTcp ? findAnswered(context, route, packet) : findQuoted(context, route, packet);
      if (race < 0) continue;
      if (isTcp) handleAnswer(context, race, route, packet, now, out);
      else handleIcmpError(context, race, route, packet, now, out);
      return;
    }
    if (!isTcp) {
      countIgnored(context, 'icmp-not-ours');
      return out.accept();
    }
    const synAck = (packet.flags & (FLAG.SYN | FLAG.ACK)) === (FLAG.SYN | FLAG.ACK);
    if (synAck && !known) {
      // Of a race that is over, or of none: half-open at its server until it is told (RFC 9293 section 3.5.2).
      countIgnored(context, 'late-syn-ack');
      out.refuse();
      return out.drop();
    }
    countIgnored(context, 'not-ours');
    out.accept();
  }

  private handleNotSent(race: RaceId, route: RouteNumber, now: Micros, out: EffectSink): void {
    const { races } = this.context;
    if (races.state[race] === RACE.FREE || !races.hasAttempt(race, route)) return;
    const at = races.attempt(race, route);
    // An earlier copy has left and may still be answered; its time cannot be told any more.
    if (races.attemptState[at] !== ATTEMPT.SENT || races.attemptSends[at] > 1) return;
    races.setAttempt(at, ATTEMPT.NOT_SENT);
    races.attemptSends[at] = 0;
    if (races.state[race] === RACE.RACING) settleNegative(this.context, race, now, out);
  }
}
