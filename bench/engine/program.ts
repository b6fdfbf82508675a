/** A program: an engine of its own, and one step after the other; after each of them everything that is promised must hold. */
import { masksOf } from '../../src/core/choose/services.js';
import type { Event, Input } from '../../src/core/contract.js';
import { Engine } from '../../src/core/engine.js';
import type { Micros, RaceId, RouteNumber } from '../../src/core/engine-types.js';
import { PROTOCOLS } from '../../src/core/protocols/index.js';
import { SOCKET } from '../../src/core/protocols/socket.js';
import { RACE } from '../../src/core/race/life.js';
import { NO_RACE } from '../../src/core/race/table.js';
import { createShard } from '../../src/core/shard.js';
import { createSite } from '../../src/core/site.js';
import type { Turn } from '../../src/core/turn.js';
import { random } from '../../src/sim/random.js';
import { createPacket, DECODE, decode, PROTOCOL } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { corpus, LONGEST, mutate } from '../fuzz-mutate.js';
import { type Coverage, count } from './coverage.js';
import { ANYTHING, expectedOf } from './expected.js';
import { Fault, Faults } from './faults.js';
import { flowAt, ROUTES } from './flows.js';
import { checkInvariants, holds, same } from './invariants.js';
import { answerBytes, flippedBytes, icmpBytes, setupBytes } from './packets.js';
import { Routes, Services } from './site.js';
import { flowInUse, PLAIN_ANSWER, PLAIN_SETUP, settingsOf } from './start.js';
import type { Start, Step, StepOf, Way } from './steps.js';
import { Watch } from './watch.js';

export class Program {
  readonly engine: Engine;
  readonly watch: Watch;
  now: Micros = 0;
  /** Errors that the engine has caught; only where faults are wanted. */
  caught = 0;

  private readonly routes = new Routes();
  private readonly services = new Services();
  private readonly packet = createPacket();
  private atOnce = true;
  private ok = true;
  /** The route of the last verdict that had one. */
  private released = 0;

  /** With `faults` the engine has to live with errors of its surroundings; without, each error is a failure. */
  constructor(
    start: Start,
    private readonly coverage: Coverage,
    private readonly faults: Faults | null = null,
  ) {
    const settings = settingsOf(start);
    this.watch = new Watch(coverage, faults ?? NO_FAULTS);
    this.watch.hasFlows = start.flows;
    this.watch.hasNotes = start.notes;
    const { watch } = this;
    const effects = {
      wire: watch,
      ...(start.notes && { notes: watch }),
      ...(start.flows && { flows: watch }),
    };
    const protocols = faults === null ? PROTOCOLS : PROTOCOLS.map((protocol) => faults.wrap(protocol));
    const onBroken = faults === null ? null : (error: unknown): void => this.broken(error);
    this.engine = new Engine(createSite(settings, protocols), createShard(settings), effects, onBroken);
    watch.attach(this.engine);
    this.engine.setRoutes(this.routes.table(), this.now);
    this.setServices();
  }

  apply(step: Step): void {
    count(this.coverage.steps, step.kind);
    this.act(step);
    checkInvariants(this.engine);
  }

  /** What must be true of any program after a while in which nothing happens; the engine's counters go to the coverage. */
  finish(): void {
    this.pass(QUIET_MICROS, 'due');
    const { engine } = this;
    same(engine.races.active, 0, 'races after a quiet minute');
    same(engine.nextDeadline(), Number.POSITIVE_INFINITY, 'the next deadline after a quiet minute');
    checkInvariants(engine);
    this.connect();
    checkInvariants(engine);
    this.coverage.add(engine);
  }

  /** With its routes as they should be a new connection comes about, whatever has happened before. */
  private connect(): void {
    const { engine, watch } = this;
    this.sure(() => engine.setRoutes(new Routes().table(), this.now));
    engine.setServices([], { trustMicros: 0, forgetMicros: 0, refresh: 0, stagger: 'never' }, []);
    watch.kernel.empty();
    watch.begin('event', null, this.now);
    const { decided } = engine.counters;
    this.setup(setupBytes(PLAIN_SETUP), PLAIN_SETUP);
    const { client, server } = flowAt(PLAIN_SETUP.flow);
    const race = engine.races.findFlow({
      family: 4,
      protocol: PROTOCOL.TCP,
      source: client.address,
      sourcePort: client.port,
      destination: server.address,
      destinationPort: server.port,
    });
    // Where only one route is up it goes by that one.
    if (race < 0) return holds(this.released > 0, 'a new connection gets no route');
    this.atOnce = true;
    this.ok = true;
    let of = 0;
    while ((engine.races.trials[race] & (1 << watch.packets.last(of)!.route)) !== 0) of++;
    const answer = { ...PLAIN_ANSWER, of };
    this.answer(answerBytes(answer, watch.packets, engine), this.interfaceOf(answer), true);
    same(engine.counters.decided, decided + 1, 'decided connections');
  }

  private act(step: Step): void {
    const { engine } = this;
    switch (step.kind) {
      case 'setup':
        return this.setup(setupBytes(step), step);
      case 'datagram':
      case 'socket':
        return this.undecoded(step);
      case 'answer':
        return this.answer(answerBytes(step, this.watch.packets, engine), this.interfaceOf(step), step.known);
      case 'icmp':
        return this.answer(icmpBytes(step, this.watch.packets, engine), this.interfaceOf(step), false);
      case 'flipped': {
        const by = { of: step.of, by: 'own' } as const;
        return this.answer(flippedBytes(step, this.watch.packets), this.interfaceOf(by), step.known);
      }
      case 'mutant':
        return this.mutant(step);
      case 'outcome':
        return this.outcome(step);
      case 'settle':
        return this.settle(step);
      case 'commits':
        this.atOnce = step.atOnce;
        this.ok = step.ok;
        return;
      case 'committed':
        for (let i = step.twice ? 2 : 1; i > 0; i--) this.committed(step.slot % engine.races.slots, step.ok);
        return;
      case 'notSent':
        return this.notSent(step);
      case 'pass':
        return this.pass(step.micros, step.ticks);
      case 'words':
        return this.words(step);
      case 'checked':
        return this.note({ ...step, kind: 'checked' });
      case 'session':
        return this.note({ ...step, kind: 'session' });
      default:
        return this.attend(step);
    }
  }

  private words({ flow, isServer, at }: StepOf<'words'>): void {
    const { family, client, server } = flowAt(flow);
    const ends = { family, protocol: PROTOCOL.TCP, source: client.address, sourcePort: client.port };
    const to = { destination: server.address, destinationPort: server.port };
    this.note({ kind: 'words', flow: { ...ends, ...to }, isServer, at: this.now + at });
  }

  /** What an operator and the rest of the gateway do. */
  private attend(step: Step): void {
    const { engine, routes, services, watch, now } = this;
    watch.begin('event', null, now);
    switch (step.kind) {
      case 'route':
        routes.change(step);
        if (step.apply) this.sure(() => engine.setRoutes(routes.table(), now));
        break;
      case 'table':
        routes.reshape(step);
        this.sure(() => engine.setRoutes(routes.table(), now));
        break;
      case 'service':
        services.change(step);
        if (step.apply) this.setServices();
        break;
      case 'services':
        services.reshape(step);
        this.setServices();
        break;
      case 'facts':
        engine.setFacts(
          { [step.column]: new Float64Array(ROUTES + 1).fill(step.value, step.route, step.route + 1) },
          step.period === 0 ? null : step.period,
        );
        break;
      case 'recount':
        engine.recount([{ route: step.route, service: step.service, count: step.count }]);
        break;
      case 'learnSite':
        engine.learnSite(flowAt(step.flow).server.address, 0, step.site, now + step.lifeMicros);
        break;
      case 'sweep':
        this.sure(() => engine.sweep(step.from, step.count, now));
        break;
      case 'refill':
        if (step.emptied) {
          watch.kernel.empty();
          engine.memoryEmptied();
        }
        this.sure(() => engine.refill(step.from, step.count, now));
        break;
      case 'adopt':
        engine.adopt(flowInUse(step), now);
        break;
      case 'taken':
        watch.taken = step.routes;
        break;
    }
    watch.end();
  }

  private setup(bytes: Uint8Array, { service, tried, pinned, way }: SetupFields): void {
    if (!this.read(bytes)) return;
    this.handle({ kind: 'setup', packet: this.packet, service, tried, pinned, host: HOST, ...WAYS[way] });
  }

  private undecoded(step: StepOf<'datagram'> | StepOf<'socket'>): void {
    const { family, client, server } = flowAt(step.flow);
    const packet = createPacket();
    packet.family = family;
    packet.protocol = step.kind === 'socket' ? SOCKET : PROTOCOL.UDP;
    packet.sequence = step.kind === 'socket' ? step.token : 0;
    packet.source.set(client.address);
    packet.destination.set(server.address);
    packet.sourcePort = client.port;
    packet.destinationPort = server.port;
    const { service, tried, pinned, way } = step;
    this.handle({ kind: 'setup', packet, service, tried, pinned, ...WAYS[way] });
  }

  private answer(bytes: Uint8Array | null, interfaceIndex: number, known: boolean): void {
    if (bytes === null || !this.read(bytes)) return;
    this.handle({ kind: 'answer', packet: this.packet, interfaceIndex, known });
  }

  private interfaceOf({ of, by }: { of: number; by: 'own' | 'other' | 'nowhere' }): number {
    const left = this.watch.packets.last(of);
    if (left === null || by === 'nowhere') return 99;
    const route = by === 'own' ? left.route : 1 + (left.route % ROUTES);
    return this.engine.routes[route - 1].interfaceIndex;
  }

  private mutant({ seed, route, known }: StepOf<'mutant'>): void {
    const luck = random(seed);
    const all = CORPUS;
    const bytes = new Uint8Array(LONGEST);
    const length = mutate(all[Math.floor(luck() * all.length)], bytes, 0, luck);
    if (route === 0) this.setup(bytes.subarray(0, length), { service: 0, tried: 0, pinned: 0, way: 'any' });
    else this.answer(bytes.subarray(0, length), 10 + route, known);
  }

  private outcome(step: StepOf<'outcome'>): void {
    const left = step.wild ? null : this.watch.sockets.last(step.of);
    const { race, route } = left ?? { race: step.slot, route: step.route };
    this.handle({ kind: 'outcome', race, route, outcome: step.outcome, at: this.now - step.agoMicros });
  }

  private notSent(step: StepOf<'notSent'>): void {
    const left = step.wild ? null : this.watch.packets.last(step.of);
    const { slots } = this.engine.races;
    const { race, route } = left ?? { race: step.slot % slots, route: step.route };
    for (let i = step.twice ? 2 : 1; i > 0; i--) this.unsent(race, route);
  }

  /** A race that ends because nothing of it has left says so, and no other. */
  private unsent(race: RaceId, route: RouteNumber): void {
    const { engine, watch } = this;
    const { failed, broken } = engine.counters;
    const before = engine.races.isFree(race) ? RACE.DECIDED : engine.races.state[race];
    watch.begin('event', null, this.now);
    const isLost = engine.notSent(race, route, this.now);
    watch.end();
    const isOver = before === RACE.RACING && engine.races.isFree(race);
    const { reason } = engine.latestDecisions(1)[0] ?? {};
    if (engine.counters.failed > failed && engine.counters.broken === broken)
      same(isLost, isOver && reason === 'no-copy-sent', 'a set-up that went nowhere');
    else same(isLost, false, 'a set-up that went nowhere');
  }

  private settle({ ok, all, reversed }: StepOf<'settle'>): void {
    const { waiting } = this.watch;
    if (reversed) waiting.reverse();
    for (const race of waiting.splice(0, all ? waiting.length : 1)) this.committed(race, ok);
  }

  private committed(race: number, ok: boolean): void {
    this.note({ kind: 'committed', race, ok });
  }

  private pass(micros: Micros, ticks: StepOf<'pass'>['ticks']): void {
    const { engine } = this;
    const end = this.now + micros;
    while (ticks === 'due' && engine.nextDeadline() <= end) {
      this.now = Math.max(this.now, engine.nextDeadline());
      this.tick();
    }
    this.now = end;
    if (ticks === 'late') this.tick();
  }

  private tick(): void {
    this.note({ kind: 'tick' });
    holds(this.engine.nextDeadline() > this.now, 'a tick has left something that is due');
  }

  private setServices(): void {
    const { engine, services, watch } = this;
    const list = services.list();
    engine.setServices(list, services.memory, masksOf(list, services.memory), services.rules);
    watch.kernel.keep(engine.masks);
  }

  private read(bytes: Uint8Array): boolean {
    const result = decode(this.packet, viewed(bytes), 0, bytes.length);
    // What does not decode never comes to the engine.
    if (result !== DECODE.OK) count(this.coverage.verdicts, 'not decoded');
    return result === DECODE.OK;
  }

  private handle(input: Input): void {
    const { engine, watch } = this;
    const { broken } = engine.counters;
    watch.begin(
      input.kind,
      input.kind === 'outcome' ? null : input.packet,
      this.now,
      input.kind === 'setup' ? input.tried : 0,
    );
    const expected = input.kind === 'answer' ? expectedOf(engine, input) : ANYTHING;
    const verdict = engine.handle(input, this.now);
    const isPlain = engine.counters.broken > broken;
    watch.verdict(input, verdict, isPlain);
    if (!isPlain && expected.verdict !== null) watch.isAsExpected(verdict, expected);
    this.released = verdict.kind === 'release' ? verdict.route : 0;
    watch.end();
    if (this.atOnce) for (const race of watch.waiting.splice(0)) this.committed(race, this.ok);
  }

  private note(event: Event): void {
    const { watch } = this;
    watch.begin(event.kind === 'committed' ? 'committed' : 'event', null, this.now);
    this.engine.note(event, this.now);
    watch.end();
  }

  /** What is no input has no boundary: a fault goes to the caller, and leaves nothing half done. */
  private sure(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (this.faults === null || !(error instanceof Fault)) throw error;
    }
  }

  /** Only faults may break anything; and the race in hand is over then. */
  private broken(error: unknown): void {
    if (!(error instanceof Fault)) throw error;
    this.caught++;
    const { turn } = this.engine as unknown as { turn: Turn };
    holds(turn.race === NO_RACE || this.engine.races.isFree(turn.race), 'a race outlives a broken promise');
  }
}

type SetupFields = Pick<StepOf<'setup'>, 'service' | 'tried' | 'pinned' | 'way'>;

/** Where a set-up is asked about: before its way is chosen, before the operator's rules, or behind them on the way of a route. */
const WAYS = {
  any: {},
  before: { mayCopy: false },
  routed1: { routed: 1 },
  routed2: { routed: 2 },
  stays: { routed: 1, stays: true },
  local: { routed: 1, isLocal: true },
  bound: { routed: 1, isLocal: true, hasWay: true },
} as const satisfies Readonly<
  Record<Way, Pick<Input & { kind: 'setup' }, 'routed' | 'mayCopy' | 'stays' | 'isLocal' | 'hasWay'>>
>;

/** All clients are addresses of one. */
const HOST = 7;
/** Longer than any race and any wait. */
const QUIET_MICROS = 60_000_000;
const CORPUS = corpus();
const NO_FAULTS = new Faults();
