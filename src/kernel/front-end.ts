/**
 * Front end 1, the gateway: packets from the kernel's queues go into the engine, its verdicts and effects go out by raw sockets,
 * conntrack entries and queue verdicts. The order within a batch is that of core/batch.ts.
 */
import { Batch, type BatchPorts } from '../core/batch.js';
import type { Event, Input, MemoryEntry, NoteSink, Verdict } from '../core/contract.js';
import { Engine } from '../core/engine.js';
import type {
  AffinityGroup,
  EngineRoute,
  EngineService,
  EngineSettings,
  Micros,
  RaceId,
  RouteNumber,
  ServiceNumber,
} from '../core/engine-types.js';
import { hostOfHardware } from '../core/limit/hosts.js';
import { isInPool } from '../core/pool.js';
import { NO_RACE } from '../core/race/table.js';
import { createShard } from '../core/shard.js';
import { createSite } from '../core/site.js';
import type { Family } from '../model/address.js';
import { includes } from '../model/ports.js';
import { DECODE_REASONS } from '../model/reasons.js';
import { undoHop } from '../wire/hop.js';
import { additionsOf, ENTRY } from '../wire/netlink/ctnetlink-additions.js';
import type { QueuedPacket } from '../wire/netlink/nfqueue.js';
import { createPacket, DECODE, decode, FLAG, PROTOCOL } from '../wire/packet.js';
import { AnswerVerdicts } from './answer-verdicts.js';
import type { Boundary } from './boundary.js';
import type { Memory } from './ffi.js';
import { FlowBinder } from './flow-binder.js';
import { KernelMemory } from './kernel-memory.js';
import { isAsked, type Marks, marksOf, routeOfMark, serviceOfMark } from './marks.js';
import { MemoryUpkeep } from './memory-upkeep.js';
import { OwnWays } from './own-ways.js';
import { BATCH, Queue } from './queue.js';
import type { KernelPart, ServicesMessage } from './race-messages.js';
import { Redirects } from './redirects.js';
import { SetupVerdicts } from './setup-verdicts.js';
import { haveSharedAddress } from './shared-addresses.js';
import { WireWriter } from './wire-writer.js';

const ROUNDS = 8; // Batches taken from each queue before the event loop gets its turn.

export interface FrontEndOptions {
  readonly settings: EngineSettings;
  /** The bits of marks that are ours. */
  readonly mark: number;
  /** Number of the LAN queue; the WAN queue is the next. */
  readonly queue: number;
  readonly queueLength: number;
  readonly hasIpv6: boolean;
  readonly tellsPayloads: boolean;
  /** After a pause as long as this the kernel has taken over; what waited in the queue is let go by the kernel. */
  readonly staleAfterMicros: number;
  /** Monotonic microseconds. */
  readonly clock: () => number;
  /** Takes the errors that break out while a packet is handled. */
  readonly boundary: Boundary;
  /** The health of a route has changed, or a route's part in what the kernel may do alone. */
  readonly onHealth: () => void;
  /** A route shall be asked itself whether it is down. */
  readonly onAsk: (route: RouteNumber, family: Family) => void;
  /** The kernel's table, or a part of it, is gone. */
  readonly onStateLost: () => void;
}

/** More than packets of one batch. */
const IN_HAND = 4 * BATCH;

/** Packets that ended in the daemon because they could not be decoded, by DECODE_REASONS. */
export type DropCounters = Float64Array;

export class FrontEnd implements NoteSink, BatchPorts {
  readonly askRoute: (route: RouteNumber, family: Family) => void;
  readonly engine: Engine;
  readonly kernel: KernelMemory;
  readonly upkeep: MemoryUpkeep;
  readonly lan: Queue;
  /** Set-ups come with their entries: what rules have put on one, the one that is written in its place has too. */
  readonly seesEntries: boolean;
  readonly wan: Queue;
  readonly dropped: DropCounters = new Float64Array(DECODE_REASONS.length);
  /** LAN packets that waited through a pause of the daemon. */
  stale = 0;

  private readonly batch: Batch;
  readonly binder: FlowBinder;
  private readonly writer: WireWriter;
  private readonly redirects: Redirects;
  private readonly packet = createPacket();
  private readonly setupInput: Input & { kind: 'setup' } = {
    kind: 'setup',
    packet: this.packet,
    service: 0,
    tried: 0,
  };
  private readonly answerInput: Input & { kind: 'answer' } = {
    kind: 'answer',
    packet: this.packet,
    interfaceIndex: 0,
    known: true,
  };
  private readonly clientInput: Input & { kind: 'client' } = { kind: 'client', packet: this.packet };
  private readonly setups: SetupVerdicts;
  private readonly answers: AnswerVerdicts;
  private readonly marks: Marks;
  private readonly ways = new OwnWays();
  private now = 0;
  private lastRun = 0;
  private passThrough = false;
  /** Two routes have an address in common. */
  private sharesAddress = false;
  private healthChanged = false;
  private services: (EngineService | undefined)[] = [];

  constructor(private readonly options: FrontEndOptions) {
    const { settings, clock, boundary, queue, queueLength } = options;
    this.marks = marksOf(options.mark);
    this.askRoute = options.onAsk;
    const site = createSite(settings);
    const shard = createShard(settings);
    this.redirects = new Redirects(site, shard.races, clock);
    const hand = { packet: this.packet, redirects: this.redirects, route: () => this.routeInHand() };
    this.writer = new WireWriter(site, shard, this.marks, options.hasIpv6, hand);
    this.binder = new FlowBinder(site, shard, this.marks, hand, options.tellsPayloads);
    this.engine = new Engine(site, shard, { wire: this.writer, notes: this, flows: this.binder }, (error) =>
      boundary.caught('a packet', error),
    );
    this.batch = new Batch(this.engine, this);
    this.kernel = new KernelMemory(this.engine, settings.aggregate, this.marks, options.onStateLost);
    this.upkeep = new MemoryUpkeep(this.engine, this.kernel, clock);
    this.wan = new Queue(queue + 1, queueLength);
    this.lan = new Queue(queue, queueLength);
    this.seesEntries = this.lan.wantEntries();
    this.setups = new SetupVerdicts(this.lan, this.marks, IN_HAND);
    this.answers = new AnswerVerdicts(this.wan, this.marks, IN_HAND);
    this.lastRun = clock();
  }

  setRoutes(routes: readonly EngineRoute[]): void {
    this.now = this.options.clock();
    this.engine.setRoutes(routes, this.now);
    this.sharesAddress = haveSharedAddress(routes);
    this.kernel.syncOpen();
    this.endBatch();
  }

  setServices({ services, memory, masks, rules, maps }: ServicesMessage): void {
    this.engine.setServices(services, memory, masks, rules);
    this.kernel.setServices(services, maps);
    this.redirects.setServices(services);
    this.services = [];
    for (const service of services) this.services[service.number] = service;
  }

  /** What was found out about a route, or heard of a flow, elsewhere. */
  note(event: Event & { kind: 'checked' | 'asked' | 'probed' | 'words' }): void {
    this.now = this.options.clock();
    this.engine.note(event, this.now);
    this.endBatch();
  }

  /** Empties parts of what the kernel decides by. Of memory it hears again by `upkeep.refill`. */
  empty(parts: readonly KernelPart[]): void {
    this.kernel.empty(parts);
    if (!parts.includes('memory')) return;
    this.engine.memoryEmptied();
    this.upkeep.sayAgain();
  }

  /** Tells the engine of the flows that live already. Called once, before the first packet. */
  adopt(): void {
    const now = this.options.clock();
    const { racePorts } = this.options.settings;
    this.binder.table.eachLiving(this.options.hasIpv6, (flow) => {
      if (includes(racePorts, flow.port)) this.engine.adopt(flow, now);
    });
  }

  /** Takes what is in the queues, answers first: they end races. Called when a queue is readable, and by `tick`. */
  run(): void {
    this.noticePause();
    for (let round = 0; round < ROUNDS; round++) {
      this.now = this.options.clock();
      const answers = this.wan.receive(this.onAnswer);
      const setups = this.lan.receive(this.onSetup);
      this.endBatch();
      if (answers < BATCH && setups < BATCH) {
        this.passThrough = false;
        break;
      }
    }
    this.lastRun = this.options.clock();
  }

  /** Deadlines of the engine; called from a timer, also when no packet comes. */
  tick(): void {
    this.noticePause();
    this.now = this.options.clock();
    this.lastRun = this.now;
    if (this.engine.nextDeadline() > this.now) return;
    this.engine.note(TICK, this.now);
    this.endBatch();
  }

  close(): void {
    this.lan.close();
    this.wan.close();
    this.binder.close();
    this.writer.close();
    this.ways.close();
  }

  private readonly onSetup = (queued: QueuedPacket, memory: Memory): void => {
    try {
      this.takeSetup(queued, memory);
    } catch (error) {
      this.options.boundary.caught('a packet of the LAN', error);
      this.setups.letGo(queued.id);
    }
  };

  private readonly onAnswer = (queued: QueuedPacket, memory: Memory): void => {
    try {
      this.takeAnswer(queued, memory);
    } catch (error) {
      this.options.boundary.caught('a packet of a provider', error);
      this.wan.drop(queued.id);
    }
  };

  private takeSetup(queued: QueuedPacket, memory: Memory): void {
    const { id, mark } = queued;
    const { marks, setupInput } = this;
    this.setups.note(id, mark, queued.hook);
    if (this.passThrough) {
      this.stale++;
      return this.setups.letGo(id);
    }
    if ((mark & marks.settled) >>> 0 === marks.judged) return this.takeFurther(queued, memory);
    const route = routeOfMark(marks, mark);
    const isForwarded = isAsked(marks, mark);
    const isRepeat = (mark & marks.held) !== 0;
    const isNamed = (mark & marks.pinned) !== 0;
    if (isForwarded && queued.payloadLength >= 20) undoHop(memory.bytes, memory.view, queued.payload);
    const result = this.decode(queued, memory);
    setupInput.routed = isForwarded ? route : 0;
    setupInput.mayCopy = isForwarded;
    const additions = isForwarded ? additionsOf(queued, memory.bytes, memory.view) : null;
    setupInput.stays = additions === ENTRY.STAYS;
    this.ways.tell(setupInput, queued.hook, this.engine.routes, marks);
    setupInput.host = hostOfHardware(queued.hardwareHigh, queued.hardwareLow);
    setupInput.service = serviceOfMark(marks, mark);
    setupInput.tried = isNamed && isRepeat ? route : 0;
    setupInput.pinned = isNamed && !isRepeat ? route : 0;
    // What we do not decode further cannot be copied, but a criterion can choose for it.
    const other = result === DECODE.PROTOCOL || (result === DECODE.ICMP_TYPE && setupInput.service !== 0);
    if (result === DECODE.OK || other) {
      const race = this.batch.take(id, setupInput, this.now);
      if (race !== NO_RACE && typeof additions !== 'string') this.binder.keep(race, additions);
    } else if (this.isOfAnotherKind(result)) this.setups.letGo(id);
    else this.lan.drop(id);
  }

  /** Of a connection that was shown an answer already. */
  private takeFurther(queued: QueuedPacket, memory: Memory): void {
    const { id } = queued;
    if (this.decode(queued, memory) !== DECODE.OK) return this.lan.drop(id);
    this.batch.take(id, this.clientInput, this.now);
  }

  private takeAnswer(queued: QueuedPacket, memory: Memory): void {
    const { answerInput } = this;
    const result = this.decode(queued, memory);
    if (result !== DECODE.OK) {
      if (this.isOfAnotherKind(result)) this.answers.letGo(queued.id, queued.mark);
      else this.wan.drop(queued.id);
      return;
    }
    this.redirects.restore(this.packet, memory.bytes, memory.view);
    this.answers.note(queued.id, queued.mark, this.packet);
    answerInput.interfaceIndex = queued.inInterface;
    answerInput.known = !this.answers.isLate(queued.mark);
    this.batch.take(queued.id, answerInput, this.now);
  }

  private decode(queued: QueuedPacket, memory: Memory): number {
    const { payload, payloadLength, wireLength } = queued;
    return decode(this.packet, memory, payload, payload + payloadLength, wireLength);
  }

  /** Broken packets end here; what is only of another kind than we look at goes on by the kernel. */
  private isOfAnotherKind(result: number): boolean {
    this.dropped[result]++;
    return result === DECODE.PROTOCOL || result === DECODE.ICMP_TYPE || result === DECODE.ICMP_QUOTE;
  }

  /** After a pause (stopped, starved) the kernel's dead man's switch has opened: what queued up before is old. */
  private noticePause(): void {
    if (this.options.clock() - this.lastRun > this.options.staleAfterMicros) this.passThrough = true;
  }

  private endBatch(): void {
    this.batch.end(this.now);
    if (!this.healthChanged) return;
    this.healthChanged = false;
    this.kernel.syncOpen();
    this.options.onHealth();
  }

  judgeSetup(id: number, verdict: Verdict): void {
    this.setups.judge(id, verdict, this.services[verdict.service]);
  }

  judgeAnswer(id: number, { kind, isLast }: Verdict): void {
    if (kind !== 'pass') return this.wan.drop(id);
    if (isLast) return this.answers.passWinner(id);
    if (!this.sharesAddress || !this.isOfOtherRoute()) return this.answers.pass(id);
    this.writer.refuse();
    this.wan.drop(id);
  }

  judgeWinner(id: number, isBound: boolean): void {
    if (isBound) this.answers.passWinner(id);
    else this.answers.drop(id);
  }

  writeEntries(): void {
    this.binder.write();
  }

  isBound(index: number): boolean {
    return this.binder.isBound(index);
  }

  sendAnswers(): void {
    this.wan.flush();
  }

  sendSetups(): void {
    this.lan.flush();
  }

  sendPackets(): boolean {
    return this.writer.flush();
  }

  takeUnsent(each: (race: RaceId, route: RouteNumber) => void): void {
    this.writer.takeUnsent(each);
  }

  remember(entry: MemoryEntry): void {
    this.kernel.remember(entry);
  }

  unremember(entry: MemoryEntry): void {
    this.kernel.unremember(entry);
  }

  pin(...[service, group, route, isInterim, ttl]: Parameters<NoteSink['pin']>): void {
    this.kernel.pin(service, group, route, isInterim, ttl);
  }

  ask(service: ServiceNumber, group: AffinityGroup, ttl: Micros): void {
    this.kernel.ask(service, group, ttl);
  }

  routeChanged(): void {
    this.healthChanged = true;
  }

  /**
   * Two routes with the same address: a late SYN+ACK of one looks to conntrack like the other's flow. It belongs to that
   * flow only if it came in by the flow's route.
   */
  private isOfOtherRoute(): boolean {
    const { packet } = this;
    if (packet.protocol !== PROTOCOL.TCP || (packet.flags & FLAG.SYN) === 0) return false;
    const mark = this.binder.table.markOfAnswer(packet);
    const owner = this.engine.routes[routeOfMark(this.marks, mark) - 1];
    return owner !== undefined && owner.interfaceIndex !== this.answerInput.interfaceIndex;
  }

  /** The route that the local address of the packet in hand belongs to, for a reset that no race knows of. */
  private routeInHand(): RouteNumber {
    const { packet, answerInput } = this;
    let byInterface = 0;
    for (const route of this.engine.routes) {
      if (route.interfaceIndex !== answerInput.interfaceIndex) continue;
      byInterface = route.number;
      if (isInPool(route.addresses[packet.family], packet.destination, 0)) return route.number;
    }
    return byInterface;
  }
}

const TICK = { kind: 'tick' } as const;
