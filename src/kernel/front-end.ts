/**
 * Front end 1, the gateway: packets from the kernel's queues go into the engine, its effects go out by raw sockets,
 * conntrack entries and verdicts. One batch of packets makes one batch of each; the order within a batch is
 *
 *   conntrack entries  ->  verdicts on answers  ->  copies and resets  ->  verdicts on set-up packets
 *
 * so that a winner's reply is let through only after its entry is written, and waits for nothing else.
 */

import { isInPool } from '../core/choose/source.js';
import { Engine } from '../core/engine.js';
import type {
  AffinityGroup,
  EffectSink,
  EngineRoute,
  EngineService,
  EngineSettings,
  Input,
  Micros,
  RaceId,
  RouteNumber,
  ServiceNumber,
} from '../core/engine-types.js';
import type { AddressWords, Family } from '../model/address.js';
import { includes } from '../model/ports.js';
import { DECODE_REASONS, type SingleReason } from '../model/reasons.js';
import type { FlowEntry } from '../wire/netlink/ctnetlink.js';
import type { QueuedPacket } from '../wire/netlink/nfqueue.js';
import { createPacket, DECODE, decode, FLAG, PROTOCOL } from '../wire/packet.js';
import { Conntrack } from './conntrack.js';
import { MARK, routeOfMark, serviceOfMark } from './constants.js';
import type { Memory } from './ffi.js';
import { KernelMemory } from './kernel-memory.js';
import { MemoryUpkeep } from './memory-upkeep.js';
import { chosenMark, createFlow, flowOf, PacketWriter } from './packet-writer.js';
import { BATCH, Queue } from './queue.js';
import type { KernelPart, ServicesMessage } from './race-messages.js';
import { RawSocket } from './raw-socket.js';
import { haveSharedAddress } from './twins.js';

/** Batches taken from each queue before the event loop gets its turn. */
const ROUNDS = 8;

export interface FrontEndOptions {
  readonly settings: EngineSettings;
  /** Number of the LAN queue; the WAN queue is the next. */
  readonly queue: number;
  readonly queueLength: number;
  readonly hasIpv6: boolean;
  /** After a pause as long as this the kernel has taken over; what waited in the queue is let go by the kernel. */
  readonly staleAfterMicros: number;
  /** Monotonic microseconds. */
  readonly clock: () => number;
  /** The health of a route has changed, or a route's part in what the kernel may do alone. */
  readonly onHealth: () => void;
  /** The kernel's table, or a part of it, is gone. */
  readonly onStateLost: () => void;
}

/** Packets that ended in the daemon because they could not be decoded, by DECODE_REASONS. */
export type DropCounters = Float64Array;

export class FrontEnd implements EffectSink {
  readonly engine: Engine;
  readonly kernel: KernelMemory;
  readonly upkeep: MemoryUpkeep;
  readonly lan: Queue;
  readonly wan: Queue;
  readonly dropped: DropCounters = new Float64Array(DECODE_REASONS.length);
  /** LAN packets that waited through a pause of the daemon. */
  stale = 0;

  private readonly conntrack = new Conntrack();
  private readonly raw4: RawSocket;
  private readonly raw6: RawSocket | null;
  private readonly writer: PacketWriter;
  private readonly packet = createPacket();
  private readonly flow = createFlow();
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
  // BOUNDED: one entry per packet of a batch that waits for its commit.
  private readonly heldIds = new Uint32Array(2 * BATCH);
  private readonly heldRaces = new Int32Array(2 * BATCH);
  private held = 0;
  // BOUNDED: one entry per copy of a batch.
  private readonly unsent: { race: RaceId; route: RouteNumber }[] = [];
  private handQueue: Queue;
  private handId = 0;
  private now = 0;
  private lastRun = 0;
  private passThrough = false;
  /** Two routes have an address in common. */
  private hasTwins = false;
  private healthChanged = false;
  private services: readonly (EngineService | undefined)[] = [];

  constructor(private readonly options: FrontEndOptions) {
    this.engine = new Engine(options.settings);
    this.kernel = new KernelMemory(this.engine, options.settings.aggregate, options.onStateLost);
    this.upkeep = new MemoryUpkeep(this.engine, this.kernel, options.clock);
    this.wan = new Queue(options.queue + 1, options.queueLength);
    this.lan = new Queue(options.queue, options.queueLength);
    this.handQueue = this.lan;
    const notSent = (tag: number): void => {
      if (tag >= 0) this.unsent.push({ race: Math.floor(tag / 32), route: tag % 32 });
    };
    this.raw4 = new RawSocket(4, notSent);
    this.raw6 = options.hasIpv6 ? new RawSocket(6, notSent) : null;
    this.writer = new PacketWriter(this.engine, this.raw4, this.raw6);
    this.lastRun = options.clock();
  }

  setRoutes(routes: readonly EngineRoute[]): void {
    this.now = this.options.clock();
    this.engine.setRoutes(routes, this.now, this);
    this.hasTwins = haveSharedAddress(routes);
    this.kernel.syncOpen();
    this.flush();
  }

  setServices({ services, memory, masks, maps }: ServicesMessage): void {
    this.engine.setServices(services, memory, masks);
    this.kernel.setServices(services, maps);
    const byNumber: EngineService[] = [];
    for (const service of services) byNumber[service.number] = service;
    this.services = byNumber;
  }

  /** A round of a route's own checks has ended. */
  checked(route: RouteNumber, family: Family, answered: boolean): void {
    this.now = this.options.clock();
    this.engine.handle({ kind: 'checked', route, family, answered }, this.now, this);
    this.flush();
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
    this.conntrack.eachLiving(this.options.hasIpv6, (flow) => {
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
      this.flush();
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
    this.engine.handle({ kind: 'tick' }, this.now, this);
    this.flush();
  }

  close(): void {
    this.lan.close();
    this.wan.close();
    this.conntrack.close();
    this.raw4.close();
    this.raw6?.close();
  }

  // ---- packets in ----

  private readonly onSetup = (queued: QueuedPacket, memory: Memory): void => {
    this.handQueue = this.lan;
    this.handId = queued.id;
    if (this.passThrough) {
      this.stale++;
      this.lan.accept(queued.id);
      return;
    }
    const { mark } = queued;
    const result = this.decode(queued, memory);
    this.setupInput.service = serviceOfMark(mark);
    const route = routeOfMark(mark);
    this.setupInput.tried = (mark & MARK.RESCUABLE) === 0 ? 0 : route;
    this.setupInput.pinned = (mark & MARK.PINNED) === 0 ? 0 : route;
    // What is not TCP cannot be copied, but a criterion can choose for it.
    const other =
      result === DECODE.PROTOCOL || (result === DECODE.ICMP_TYPE && this.setupInput.service !== 0);
    if (result === DECODE.OK || other) this.engine.handle(this.setupInput, this.now, this);
    else this.refuseUndecoded(result);
  };

  private readonly onAnswer = (queued: QueuedPacket, memory: Memory): void => {
    this.handQueue = this.wan;
    this.handId = queued.id;
    const result = this.decode(queued, memory);
    if (result !== DECODE.OK) {
      this.refuseUndecoded(result);
      return;
    }
    this.answerInput.interfaceIndex = queued.inInterface;
    this.answerInput.known = (queued.mark & MARK.LATE) === 0;
    this.engine.handle(this.answerInput, this.now, this);
  };

  private decode(queued: QueuedPacket, memory: Memory): number {
    const { payload, payloadLength, wireLength } = queued;
    return decode(this.packet, memory.bytes, memory.view, payload, payload + payloadLength, wireLength);
  }

  /** Broken packets end here; what is only of another kind than we look at goes on by the kernel. */
  private refuseUndecoded(result: number): void {
    this.dropped[result]++;
    const ofAnotherKind =
      result === DECODE.PROTOCOL || result === DECODE.ICMP_TYPE || result === DECODE.ICMP_QUOTE;
    if (ofAnotherKind) this.handQueue.accept(this.handId);
    else this.handQueue.drop(this.handId);
  }

  /** After a pause (stopped, starved) the kernel's dead man's switch has opened: what queued up before is old. */
  private noticePause(): void {
    if (this.options.clock() - this.lastRun > this.options.staleAfterMicros) this.passThrough = true;
  }

  // ---- effects out ----

  release(route: RouteNumber, reason: SingleReason, number: ServiceNumber, counted: boolean): void {
    // Mark 0 keeps what the ruleset has set: the rest route.
    if (route === 0) return this.handQueue.accept(this.handId);
    const rescuable = reason !== 'same-flow';
    this.handQueue.accept(this.handId, chosenMark(this.services[number], number, route, rescuable, counted));
  }

  resume(): void {
    this.handQueue.accept(this.handId);
  }

  unbind(): void {
    this.conntrack.remove(this.packet);
  }

  remember(
    mask: number,
    family: Family,
    words: AddressWords,
    at: number,
    route: RouteNumber,
    ttl: Micros,
  ): void {
    this.kernel.remember(mask, family, words, at, route, ttl);
  }

  unremember(mask: number, family: Family, words: AddressWords, at: number): void {
    this.kernel.unremember(mask, family, words, at);
  }

  pin(service: ServiceNumber, group: AffinityGroup, route: RouteNumber, ttl: Micros): void {
    this.kernel.pin(service, group, route, ttl);
  }

  routeChanged(): void {
    this.healthChanged = true;
  }

  accept(): void {
    if (this.hasTwins && this.handQueue === this.wan && this.isOfTwin()) {
      this.refuse();
      this.drop();
      return;
    }
    this.handQueue.accept(this.handId);
  }

  drop(): void {
    this.handQueue.drop(this.handId);
  }

  attempt(race: RaceId, route: RouteNumber): void {
    this.writer.copy(race, route);
  }

  cancel(race: RaceId, route: RouteNumber, sequence: number): void {
    this.writer.reset(race, route, sequence);
  }

  refuse(): void {
    this.writer.refuse(this.packet, this.routeOf(this.answerInput.interfaceIndex, this.packet.destination));
  }

  commit(race: RaceId, route: RouteNumber): void {
    this.heldIds[this.held] = this.handId;
    this.heldRaces[this.held] = race;
    this.held++;
    this.conntrack.add(flowOf(this.engine, race, route, this.flow));
  }

  reject(race: RaceId, route: RouteNumber): void {
    this.writer.reject(race, route);
  }

  isTaken(race: RaceId, route: RouteNumber): boolean {
    return this.conntrack.isTaken(flowOf(this.engine, race, route, this.flow));
  }

  private flush(): void {
    this.settleCommits();
    this.wan.flush();
    this.sendPackets();
    this.lan.flush();
    if (!this.healthChanged) return;
    this.healthChanged = false;
    this.kernel.syncOpen();
    this.options.onHealth();
  }

  private sendPackets(): void {
    this.raw4.flush();
    this.raw6?.flush();
    // A copy that cannot leave can end a race, whose reset may not leave either: finitely many, as each is reported once.
    while (this.unsent.length > 0) {
      const { race, route } = this.unsent.pop()!;
      this.engine.handle({ kind: 'not-sent', race, route }, this.now, this);
      this.raw4.flush();
      this.raw6?.flush();
    }
  }

  private settleCommits(): void {
    if (this.held === 0) return;
    const failures = this.conntrack.flush();
    const { heldIds, heldRaces, held } = this;
    this.held = 0;
    for (let i = 0; i < held; i++) {
      const race = heldRaces[i];
      const refused = failures.length > 0 && failures.includes(i);
      const ok = !refused || this.conntrack.replace(this.flowOfWinner(race));
      if (ok) this.wan.accept(heldIds[i]);
      else this.wan.drop(heldIds[i]);
      this.engine.handle({ kind: 'committed', race, ok }, this.now, this);
    }
  }

  private flowOfWinner(race: RaceId): FlowEntry {
    return flowOf(this.engine, race, this.engine.races.winner[race], this.flow);
  }

  /**
   * Two routes with the same address: a late SYN+ACK of one looks to conntrack like the other's flow. It belongs to that
   * flow only if it came in by the flow's route.
   */
  private isOfTwin(): boolean {
    const { packet } = this;
    if (packet.protocol !== PROTOCOL.TCP || (packet.flags & FLAG.SYN) === 0) return false;
    const mark = this.conntrack.markOfAnswer(packet);
    const owner = this.engine.routes[routeOfMark(mark) - 1];
    return owner !== undefined && owner.interfaceIndex !== this.answerInput.interfaceIndex;
  }

  /** The route that a packet's local address belongs to, for a reset that no race knows of. */
  private routeOf(interfaceIndex: number, address: AddressWords): RouteNumber {
    let byInterface = 0;
    for (const route of this.engine.routes) {
      if (route.interfaceIndex !== interfaceIndex) continue;
      byInterface = route.number;
      if (isInPool(route.addresses[this.packet.family], address, 0)) return route.number;
    }
    return byInterface;
  }
}
