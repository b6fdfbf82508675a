/**
 * The engine. A packet of a new connection passes these stages, in this order (setup.ts):
 *
 *   classify  may it be copied at all?                       classify/setup.ts
 *   repeat    does a race for its flow exist?                race/start.ts
 *   choose    affinity, memory, criterion; or a race         choose/choose.ts
 *   limit     table, client and port bounds                  limit/
 *   race      one attempt per route, at once or staggered    race/start.ts, race/schedule.ts
 *
 * and an answer of a provider these:
 *
 *   find      which attempt is it about?                     race/find.ts
 *   judge     positive, negative, challenge, too late        race/answer.ts, race/icmp.ts
 *   commit    bind the flow to the route, or reject          commit/
 *   remember  what was measured, here and in the kernel      commit/remember.ts
 *
 * No I/O, no clock, no randomness of its own: `now` and the secret come in, effects go out.
 */

import type { AddressWords, Family } from '../model/address.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { isOpen, openRoutes } from './choose/candidates.js';
import type { RouteFacts } from './choose/criterion.js';
import { activate } from './choose/services.js';
import { countSession } from './choose/sessions.js';
import { settleNegative } from './commit/negative.js';
import { handleCommitted } from './commit/outcome.js';
import { sweep, tellKernel } from './commit/remember.js';
import { type ActiveService, type Context, countIgnored, createContext } from './context.js';
import type { DecisionRecord } from './decisions.js';
import type {
  EffectSink,
  EngineCounters,
  EngineRoute,
  EngineService,
  EngineSettings,
  Input,
  LivingFlow,
  MemorySettings,
  Micros,
  RaceId,
  RouteNumber,
  ServiceNumber,
} from './engine-types.js';
import { tellChange } from './health/evidence.js';
import type { Health } from './health/health.js';
import type { MemoryTable } from './memory/table.js';
import { handleAnswer } from './race/answer.js';
import { expire } from './race/expire.js';
import { findAnswered, findQuoted } from './race/find.js';
import { handleIcmpError } from './race/icmp.js';
import { sendNext } from './race/schedule.js';
import { ATTEMPT, RACE } from './race/states.js';
import type { RaceTable } from './race/table.js';
import { hasRacePort, isTranslated } from './race/translated.js';
import { handleSetup } from './setup.js';

export class Engine {
  private readonly context: Context;
  private everything: ActiveService;

  constructor(settings: EngineSettings) {
    this.context = createContext(settings);
    this.everything = activate(EVERYTHING);
  }

  /** Takes one input; its effects go to `out` before this returns. */
  handle(input: Input, now: Micros, out: EffectSink): void {
    switch (input.kind) {
      case 'setup':
        return handleSetup(this.context, this.everything, input, now, out);
      case 'answer':
        return this.handleAnswer(input.packet, input.interfaceIndex, input.known, now, out);
      case 'committed':
        return handleCommitted(this.context, input.race, input.ok, now, out);
      case 'not-sent':
        return this.handleNotSent(input.race, input.route, now, out);
      case 'checked':
        return this.handleChecked(input.route, input.family, input.answered, now, out);
      case 'session':
        return this.count(input);
      case 'tick':
        return expire(this.context, now, out);
    }
  }

  /** A session of the connection table has begun or ended: the same as a `session` input, which has no effects. */
  count(input: Input & { kind: 'session' }): void {
    if (input.begins && input.counted) return;
    countSession(this.context, input.route, input.service, input.begins ? 1 : -1);
  }

  /** When `tick` is due; Infinity when nothing waits. */
  nextDeadline(): Micros {
    return this.context.deadlines.next();
  }

  /** Replaces what is known of the routes; races that run go on with the copies that are out. */
  setRoutes(routes: readonly EngineRoute[], now: Micros, out: EffectSink): void {
    const { context } = this;
    context.routes = routes;
    const numbers = routes.filter((route) => route.configured).map((route) => route.number);
    this.everything = activate({ ...EVERYTHING, routes: numbers });
    for (const route of routes) {
      for (const family of FAMILIES) {
        if (context.health.link(route.number, family, route.usable[family], now))
          tellChange(context, route.number, family, now, out);
      }
    }
  }

  /**
   * Replaces the services. `masks`: the sets of routes that the kernel has a memory for (services.ts). What memory and affinity hold stays, but
   * for the groups of a service that is gone, or groups otherwise.
   */
  setServices(services: readonly EngineService[], memory: MemorySettings, masks: readonly number[]): void {
    const { context } = this;
    context.memorySettings = memory;
    const before = context.services;
    context.services = [];
    for (const service of services) context.services[service.number] = activate(service, before);
    for (const old of before)
      if (old !== undefined && context.services[old.number]?.affinity !== old.affinity)
        context.affinity.clear(old.number);
    context.told.setMasks(masks);
    context.masks = masks;
    context.keepsSources = services.some((service) => service.translate === false);
    context.countsSessions = services.some((service) => COUNTING.includes(service.criterion));
  }

  /** Replaces what is measured outside: all columns that are given. Traffic given anew takes over from `assigned`. */
  setFacts(facts: Partial<RouteFacts>, historyPeriod: Micros | null): void {
    const { context } = this;
    if (historyPeriod !== null) context.history.periodMicros = historyPeriod;
    for (const name of FACTS) {
      const column = facts[name];
      if (column !== undefined) context.facts[name].set(column.subarray(0, context.facts[name].length));
    }
    if (facts.traffic !== undefined) context.facts.assigned.fill(0);
  }

  /** The sessions as they are: after events of the connection table have been lost. */
  recount(sessions: readonly { route: RouteNumber; service: ServiceNumber; count: number }[]): void {
    const { facts, services } = this.context;
    facts.sessions.fill(0);
    facts.weightedSessions.fill(0);
    for (const { route, service, count } of sessions) {
      if (route === 0 || route >= facts.sessions.length) continue;
      facts.sessions[route] += count;
      facts.weightedSessions[route] += count * (services[service]?.sessionWeight ?? 1);
    }
  }

  /** What the kernel may do with a route by itself: its generation; 0: ask for each connection. */
  openGeneration(route: RouteNumber, family: Family): number {
    return isOpen(this.context, route, family) ? this.context.health.generationOf(route, family) : 0;
  }

  /** The kernel's memories have been emptied: `refill` tells it everything again. */
  memoryEmptied(): void {
    this.context.told.forgetAll();
  }

  /** Tells the kernel of everything that memory trusts and it has not heard. In parts of `count` slots. */
  refill(from: number, count: number, now: Micros, out: EffectSink): void {
    const { context } = this;
    const { memory } = context;
    for (let slot = from; slot < Math.min(from + count, memory.size); slot++) {
      if (memory.isUsed(slot))
        tellKernel(context, slot, memory.address, slot * 4, memory.familyOf(slot), now, out);
    }
  }

  /** Forgets destinations that nobody has used for long. In parts of `count` slots. */
  sweep(from: number, count: number, now: Micros, out: EffectSink): void {
    sweep(this.context, from, count, now, out);
  }

  /** The site that an address belongs to, as a DNS answer has said. */
  learnSite(words: AddressWords, at: number, site: number, expiresAt: Micros): void {
    this.context.sites.learn(words, at, site, expiresAt);
  }

  /** Groups of a service are free again (0: of all). */
  unpin(service: ServiceNumber): void {
    this.context.affinity.clear(service);
  }

  /** Tells of a flow that lives already, made by an engine before this one: its port is not given to another client. */
  adopt(flow: LivingFlow, now: Micros): void {
    const { client, clientPort, destination, destinationPort, port } = flow;
    this.context.ports.adopt(client, clientPort, destination, destinationPort, port, now);
  }

  /** Whether a race's copies get an address of a route. */
  translates(race: RaceId, route: RouteNumber): boolean {
    return isTranslated(this.context, race, route);
  }

  /** Source port of a race's copies on a route. */
  portOf(race: RaceId, route: RouteNumber): number {
    const { races } = this.context;
    return hasRacePort(this.context, race, route) ? races.natPort[race] : races.clientPort[race];
  }

  get facts(): RouteFacts {
    return this.context.facts;
  }

  /** Means for `fastest-history`, as of now. */
  measureHistory(now: Micros): Float64Array {
    this.context.history.means(this.context.facts.history, now);
    return this.context.facts.history;
  }

  get health(): Health {
    return this.context.health;
  }

  get memory(): MemoryTable {
    return this.context.memory;
  }

  /** Of `count` slots from `from` on, entries in the kernel's memory, and those that may decide alone. */
  countMemory(from: number, count: number, now: Micros): { inKernel: number; trusted: number } {
    const { memory, told, memorySettings } = this.context;
    const open = { 4: this.openMask(4), 6: this.openMask(6) };
    return {
      inKernel: told.living(from, count, now),
      trusted: memory.countTrusted(from, count, open, now, memorySettings.trustMicros),
    };
  }

  /** Bits of the routes that the kernel may use by itself. */
  openMask(family: Family): number {
    return openRoutes(this.context, -1, family);
  }

  get memorySettings(): MemorySettings {
    return this.context.memorySettings;
  }

  get countsSessions(): boolean {
    return this.context.countsSessions;
  }

  get masks(): readonly number[] {
    return this.context.masks;
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

  private handleChecked(
    route: RouteNumber,
    family: Family,
    answered: boolean,
    now: Micros,
    out: EffectSink,
  ): void {
    const { context } = this;
    const { checkFails: fail = 0, checkRecovers: recover = 3 } = context.routes[route - 1] ?? {};
    if (!answered && fail === 0) return;
    if (context.health.checked(route, family, answered, { fail, recover }, now))
      tellChange(context, route, family, now, out);
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
    if (races.state[race] !== RACE.RACING) return;
    sendNext(this.context, race, now, out);
    settleNegative(this.context, race, now, out);
  }
}

const FAMILIES = [4, 6] as const;
const COUNTING: readonly string[] = ['least-connections', 'least-weighted-load', 'least-traffic'];
const FACTS = ['weight', 'cost', 'capacity', 'traffic', 'used', 'quota', 'probe', 'history'] as const;

/** What no service names, when it is asked about all the same: raced over all routes. */
const EVERYTHING: EngineService = {
  number: 0,
  criterion: 'race',
  routes: [],
  affinity: 'none',
  affinityMicros: 0,
  translate: null,
  sessionWeight: 1,
  threshold: 0,
  by: 'client+destination',
  costDelayMicros: 0,
};
