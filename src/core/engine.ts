/**
 * The engine. A packet of a new connection passes these stages, in this order (setup.ts):
 *
 *   classify  does it start a connection, may it be copied?  protocols/
 *   repeat    does a race for its flow exist?                race/repeat.ts
 *   choose    affinity, memory, criterion; or a race         choose/choose.ts
 *   limit     table, client and port bounds                  limit/
 *   race      one attempt per route, at once or staggered    race/start.ts, race/schedule.ts
 *
 * and an answer of a provider these (answer.ts):
 *
 *   find      which attempt is it about?                     race/table.ts
 *   judge     positive, negative, challenge, stray           protocols/, judge/
 *   commit    bind the flow to the route, or reject          commit/outcome.ts, judge/negative.ts
 *   remember  what was measured, here and in the kernel      commit/remember.ts, commit/tell-kernel.ts
 *
 * No I/O, no clock, no randomness of its own: `now` and the secret come in, a verdict and effects go out.
 */
import type { AddressWords, Family } from '../model/address.js';
import type { CallKind } from '../model/calls.js';
import { FOR_ALL } from './affinity/web-sites.js';
import { handleAnswer, handleOutcome } from './answer.js';
import { countCall, recount, setCallWeights } from './calls/facts.js';
import type { CallWeights } from './calls/load.js';
import { isOpen, openRoutes } from './choose/candidates.js';
import type { RouteFacts } from './choose/criterion.js';
import { activate } from './choose/services.js';
import { countSession } from './choose/sessions.js';
import { recalledRoute, recalling } from './choose/would-recall.js';
import { handleCommitted } from './commit/outcome.js';
import { forget, sweep } from './commit/remember.js';
import { tellKernel } from './commit/tell-kernel.js';
import type { Effects, Event, Input, Verdict } from './contract.js';
import type { DecisionRecord } from './decision-columns.js';
import type { DecisionFilter, DecisionRing } from './decisions.js';
import {
  type EngineCounters,
  type EngineRoute,
  type EngineService,
  type LivingFlow,
  type MemorySettings,
  type Micros,
  NO_RULES,
  type RaceId,
  type RaceRules,
  type RouteNumber,
  type ServiceNumber,
} from './engine-types.js';
import { noteAsked, noteCheck, noteProbe, tellChange } from './health/evidence.js';
import type { Health } from './health/health.js';
import { followAbsence, isMissed } from './health/missed.js';
import { noteWords } from './judge/sample.js';
import type { MemoryTable } from './memory/table.js';
import { handleClient } from './payload/client.js';
import { plainVerdict } from './plain.js';
import { abandonRace } from './race/end.js';
import { expireRace } from './race/expire.js';
import { handleNotSent } from './race/not-sent.js';
import type { RaceTable } from './race/table.js';
import { handleSetup } from './setup.js';
import { countSingle, type Shard } from './shard.js';
import { EVERYTHING, placeRoutes, type Site } from './site.js';
import { beginTurn, createTurn, type Turn } from './turn.js';
import * as verdict from './verdict.js';
import { type Foreseen, WhatIf } from './what-if.js';

/**
 * Told of an error that broke out while an input was handled: a promise of ours is broken. The input has its verdict all the same,
 * and the race in hand is abandoned.
 */
export type BrokenPromise = (error: unknown) => void;

export class Engine {
  private readonly turn: Turn;
  /** Made for the first who asks. */
  private foresight: WhatIf | null = null;

  /** Without `onBroken` an error goes to the caller, as tests want it. Several engines may share a site. */
  constructor(
    readonly site: Site,
    readonly shard: Shard,
    effects: Effects,
    private readonly onBroken: BrokenPromise | null = null,
  ) {
    site.shards.push(shard);
    site.health.canAsk = effects.notes?.askRoute !== undefined;
    this.turn = createTurn(site, shard, effects);
  }

  /** Takes one input; its effects go to the sinks before this returns. What is returned is reused. */
  handle(input: Input, now: Micros): Verdict {
    const { turn } = this;
    try {
      switch (input.kind) {
        case 'setup':
          beginTurn(turn, now, input.packet);
          return handleSetup(turn, input);
        case 'answer':
          beginTurn(turn, now, input.packet);
          return handleAnswer(turn, input);
        case 'client':
          beginTurn(turn, now, input.packet);
          return handleClient(turn);
        case 'outcome':
          beginTurn(turn, now);
          return handleOutcome(turn, input);
      }
    } catch (error) {
      this.broken(error);
      return plainVerdict(turn, input);
    }
  }

  /**
   * A copy could not be sent: no route in the kernel, interface down, a filter. True: so its race is over, and no copy of the set-up has
   * left.
   */
  notSent(race: RaceId, route: RouteNumber, now: Micros): boolean {
    const { turn } = this;
    beginTurn(turn, now);
    try {
      return handleNotSent(turn, race, route);
    } catch (error) {
      this.broken(error);
      return false;
    }
  }

  /** Such a set-up goes on by itself, as if it had never been raced. */
  letGo(): Verdict {
    countSingle(this.shard, 'copies-refused');
    return verdict.release(this.turn, 0, 'copies-refused', 0);
  }

  /** Takes notice of what else happens. */
  note(event: Event, now: Micros): void {
    const { turn } = this;
    beginTurn(turn, now);
    try {
      switch (event.kind) {
        case 'committed':
          return handleCommitted(turn, event.race, event.ok);
        case 'checked':
          return noteCheck(turn, event.route, event.family, event.answered);
        case 'asked':
          return noteAsked(turn, event.route, event.family, event.alive);
        case 'probed':
          return noteProbe(turn, event.route, event.family);
        case 'words':
          return noteWords(turn, event.flow, event.isServer, event.at);
        case 'session':
          return this.count(event);
        case 'tick':
          return this.expire();
      }
    } catch (error) {
      this.broken(error);
    }
  }

  /** A session of the connection table has begun or ended: the same as a `session` event, which has no effects. */
  count({ begins, counted, route, service }: Event & { kind: 'session' }): void {
    if (begins && counted) return;
    countSession(this.site, route, service, begins ? 1 : -1);
  }

  /** A call or stream has begun or ended on a route, whatever connections it has. */
  countCall(kind: CallKind, route: RouteNumber, change: 1 | -1): void {
    countCall(this.site, kind, route, change);
  }

  /** What a call of each kind adds to the load of its route. */
  setCallWeights(weights: CallWeights): void {
    setCallWeights(this.site, weights);
  }

  /** When `tick` is due; Infinity when nothing waits. */
  nextDeadline(): Micros {
    return this.shard.deadlines.next();
  }

  /** Replaces what is known of the routes; races that run go on with the copies that are out. */
  setRoutes(given: readonly EngineRoute[], now: Micros): void {
    const { site, turn } = this;
    beginTurn(turn, now);
    const known = site.routes.map(({ configured }) => configured);
    placeRoutes(site, given);
    const { routes } = site;
    const numbers = routes.filter(({ configured }) => configured).map(({ number }) => number);
    site.everything = activate({ ...EVERYTHING, routes: numbers });
    for (const { number, usable, configured } of routes) {
      if (!configured && !known[number - 1]) continue;
      for (const family of FAMILIES)
        if (site.health.link(number, family, usable[family], now)) tellChange(turn, number, family);
    }
    // By command: nothing else tells of it.
    const back = followAbsence(turn);
    if (back !== 0) turn.notes.routeChanged(back, 'by-command');
  }

  /**
   * Replaces the services. `masks`: the sets of routes that the kernel has a memory for (services.ts). What memory and affinity hold stays, but
   * for the groups of a service that is gone, or groups otherwise.
   */
  setServices(
    services: readonly EngineService[],
    memory: MemorySettings,
    masks: readonly number[],
    { never, perDestination, held = [] }: RaceRules = NO_RULES,
  ): void {
    const { site } = this;
    site.memorySettings = memory;
    site.never.set(never);
    site.held.set(held);
    site.destinations.perSecond = perDestination;
    const before = site.services;
    site.services = [];
    for (const service of services) site.services[service.number] = activate(service, before);
    for (const old of before)
      if (old !== undefined && site.services[old.number]?.affinity !== old.affinity)
        site.affinity.clear(old.number);
    for (const { kernelCopy } of site.shards) kernelCopy.setMasks(masks);
    site.masks = masks;
    site.countsSessions = services.some((service) => COUNTING.includes(service.criterion));
  }

  /** Replaces what is measured outside: all columns that are given. Traffic given anew takes over from `assigned`. */
  setFacts(facts: Partial<RouteFacts>, historyPeriod: Micros | null): void {
    const { site } = this;
    if (historyPeriod !== null) site.history.periodMicros = historyPeriod;
    for (const name of FACTS) {
      const column = facts[name];
      if (column !== undefined) site.facts[name].set(column.subarray(0, site.facts[name].length));
    }
    if (facts.traffic !== undefined) site.facts.assigned.fill(0);
  }

  /** The sessions as they are: after events of the connection table have been lost. */
  recount(sessions: readonly { route: RouteNumber; service: ServiceNumber; count: number }[]): void {
    recount(this.site, sessions);
  }

  /** What the kernel may do with a route by itself: its generation; 0: ask for each connection. */
  openGeneration(route: RouteNumber, family: Family): number {
    return isOpen(this.site, route, family) ? this.site.health.generationOf(route, family) : 0;
  }

  /** The same for what holds only until a route that is away is back. */
  openInterim(route: RouteNumber, family: Family): number {
    return isOpen(this.site, route, family) ? this.site.health.interimOf(route, family) : 0;
  }

  /** It is away, and what has moved away from it will come back. */
  isMissed(route: RouteNumber, family: Family): boolean {
    return isMissed(this.site, route, family);
  }

  /** The kernel's memories have been emptied: `refill` tells it everything again. */
  memoryEmptied(): void {
    this.shard.kernelCopy.forgetAll();
  }

  /** Tells the kernel of everything that memory trusts and it has not heard. In parts of `count` slots. */
  refill(from: number, count: number, now: Micros): void {
    const { memory } = this.shard;
    beginTurn(this.turn, now);
    for (let slot = from; slot < Math.min(from + count, memory.size); slot++)
      if (memory.isUsed(slot)) tellKernel(this.turn, slot);
  }

  /** Forgets destinations that nobody has used for long. In parts of `count` slots. */
  sweep(from: number, count: number, now: Micros): void {
    beginTurn(this.turn, now);
    sweep(this.turn, from, count);
  }

  /** The web site that an address belongs to, as a DNS answer has said to a host, or to all. */
  learnSite(words: AddressWords, at: number, site: number, expiresAt: Micros, host = FOR_ALL): void {
    this.site.webSites.learn(host, words, at, site, expiresAt);
  }

  /** Tells of a flow that lives already, made by an engine before this one: its port is not given to another client. */
  adopt(flow: LivingFlow, now: Micros): void {
    this.shard.ports.adopt(flow, now);
  }

  get facts(): RouteFacts {
    return this.site.facts;
  }

  /** Means for `fastest-history`, as of now. */
  measureHistory(now: Micros): Float64Array {
    this.site.history.means(this.site.facts.history, now);
    return this.site.facts.history;
  }

  get health(): Health {
    return this.site.health;
  }

  get memory(): MemoryTable {
    return this.shard.memory;
  }

  /** Of `count` slots from `from` on, entries in the kernel's memory, and those that may decide alone. */
  countMemory(from: number, count: number, now: Micros): { inKernel: number; trusted: number } {
    const { site, shard } = this;
    const { memory, kernelCopy } = shard;
    const known = recalling(site);
    const end = Math.min(from + count, memory.size);
    let trusted = 0;
    for (let slot = from; slot < end; slot++)
      if (memory.isUsed(slot) && recalledRoute(site, shard, known, slot, now) !== 0) trusted++;
    return { inKernel: kernelCopy.living(from, count, now), trusted };
  }

  /** Bits of the routes that the kernel may use by itself. */
  openMask(family: Family): number {
    return openRoutes(this.site, -1, family);
  }

  get memorySettings(): MemorySettings {
    return this.site.memorySettings;
  }

  get countsSessions(): boolean {
    return this.site.countsSessions;
  }

  get masks(): readonly number[] {
    return this.site.masks;
  }

  get routes(): readonly EngineRoute[] {
    return this.site.routes;
  }

  get counters(): Readonly<EngineCounters> {
    return this.shard.counters;
  }

  get races(): RaceTable {
    return this.shard.races;
  }

  decisionsFor(destination: AddressWords, port: number | null, limit: number): DecisionRecord[] {
    return this.findDecisions({ destination, port, client: null, route: 0, service: 0 }, limit);
  }

  latestDecisions(limit: number): DecisionRecord[] {
    return this.shard.decisions.find(limit);
  }

  /** `before`: those with smaller numbers alone. */
  findDecisions(filter: DecisionFilter, limit: number, before?: number): DecisionRecord[] {
    return this.shard.decisions.find(limit, filter, before);
  }

  get decisions(): Pick<DecisionRing, 'since' | 'oldest' | 'ofFlows'> {
    return this.shard.decisions;
  }

  /** What would become of a set-up now; nothing changes. */
  whatIf(input: Input & { kind: 'setup' }, now: Micros): Foreseen {
    this.foresight ??= new WhatIf(this.site, this.shard);
    return this.foresight.of(input, now);
  }

  /** Forgets destinations of `count` slots from `from` on: those that `isMeant`; returns how many. */
  forget(from: number, count: number, isMeant: (slot: number) => boolean, now: Micros): number {
    const { memory } = this.shard;
    beginTurn(this.turn, now);
    return forget(this.turn, from, Math.min(from + count, memory.mostUsed), isMeant);
  }

  /** Each race that is due, in a boundary of its own: one that breaks takes no other with it. */
  private expire(): void {
    const { turn } = this;
    const { deadlines } = this.shard;
    while (deadlines.next() <= turn.now) {
      turn.race = deadlines.first();
      try {
        expireRace(turn, turn.race);
      } catch (error) {
        this.broken(error);
      }
    }
  }

  private broken(error: unknown): void {
    if (this.onBroken === null) throw error;
    this.shard.counters.broken++;
    abandonRace(this.turn, this.turn.race);
    this.onBroken(error);
  }
}

const FAMILIES = [4, 6] as const;
const COUNTING: readonly string[] = ['least-connections', 'least-weighted-load', 'least-traffic'];
const FACTS = ['weight', 'cost', 'capacity', 'traffic', 'used', 'quota', 'probe', 'history'] as const;
