/** Front end 3: the engine between a model of the kernel and simulated wires. The order within a batch is that of core/batch.ts. */
import { Batch, type BatchPorts } from '../core/batch.js';
import { masksOf } from '../core/choose/services.js';
import type { FlowTable, Input, MemoryEntry, NoteSink, Verdict, WireSink } from '../core/contract.js';
import { Engine } from '../core/engine.js';
import type {
  AffinityGroup,
  EngineRoute,
  EngineService,
  MemorySettings,
  Micros,
  RaceId,
  RouteNumber,
  ServiceNumber,
} from '../core/engine-types.js';
import { createBoundFlow, fillBoundFlow } from '../core/packets/bound-flow.js';
import { PacketBuilder } from '../core/packets/builder.js';
import type { LocalEnds } from '../core/race/ends.js';
import { NO_RACE } from '../core/race/table.js';
import { createShard } from '../core/shard.js';
import { createSite } from '../core/site.js';
import type { Family } from '../model/address.js';
import { DECODE_REASONS, type HealthReason, type SingleReason } from '../model/reasons.js';
import { MAX_BUILT_LENGTH, type PacketSpace } from '../wire/build.js';
import { createPacket, DECODE, decode } from '../wire/packet.js';
import { MAX_DATAGRAM_LENGTH } from '../wire/udp.js';
import { viewed } from '../wire/viewed-bytes.js';
import type { CommitResult, ConntrackModel, Ends } from './conntrack.js';
import { type GatewayPorts, type KernelOptions, SimKernel } from './kernel.js';
import { PacketReader } from './packets.js';
import type { Schedule } from './schedule.js';

export interface GatewayOptions extends KernelOptions {
  /** Packets are taken in batches this long after the first of them; 0: each at once. */
  readonly batchMicros: Micros;
  /** How long the kernel's maps take to hold what the engine says. */
  readonly mapLagMicros: Micros;
  /** Somebody asks routes themselves whether they are down, and brings the answers; without it silence alone decides. */
  readonly onAsk?: (route: RouteNumber, family: Family) => void;
}

/** A packet in one of the two queues. */
interface Queued {
  readonly bytes: Uint8Array;
  /** 0: from the LAN. */
  readonly provider: number;
  readonly known: boolean;
  /** Of packets from the LAN. */
  readonly service: ServiceNumber;
  readonly tried: RouteNumber;
  readonly pinned: RouteNumber;
}

/** A packet that leaves with the next `sendPackets`. */
interface Outgoing {
  readonly bytes: Uint8Array;
  /** 0: to the client. */
  readonly route: RouteNumber;
  /** Of a copy: whose it is; NO_RACE: of a reset or an error, which nobody misses. */
  readonly race: RaceId;
}

/** Interface index of a route in the simulation. */
export function interfaceOf(route: RouteNumber): number {
  return 10 + route;
}

export class SimGateway implements WireSink, NoteSink, FlowTable, BatchPorts {
  readonly engine: Engine;
  readonly kernel: SimKernel;
  /** Packets that could not be decoded, by DECODE_REASONS. */
  readonly dropped = new Float64Array(DECODE_REASONS.length);
  /** Setups that went by one route, in order. BOUNDED: connections of one run. */
  readonly released: { readonly route: RouteNumber; readonly reason: SingleReason }[] = [];
  /** Changes of routes that the engine has told of, in order. BOUNDED: changes of one run. */
  readonly changes: { readonly at: Micros; readonly route: RouteNumber; readonly reason: HealthReason }[] =
    [];
  /** Packets that the engine was shown. */
  queued = 0;
  /** Called after each batch: tests look for broken promises here. */
  afterBatch: (() => void) | undefined;
  /** Called with each verdict and effect, as a word. */
  onEffect: ((effect: string, race: RaceId, route: RouteNumber) => void) | undefined;

  /** See NoteSink: only where somebody asks. */
  readonly askRoute?: (route: RouteNumber, family: Family) => void;

  /** Interfaces that are down: copies over them do not leave. BOUNDED: routes. */
  private readonly down = new Set<RouteNumber>();
  // BOUNDED: packets that come within one batch.
  private lan: Queued[] = [];
  private wan: Queued[] = [];
  private planned = false;
  private timer: Micros = Number.POSITIVE_INFINITY;
  private readonly packet = createPacket();
  private readonly reader = new PacketReader();
  private readonly batch: Batch;
  private readonly builder: PacketBuilder;
  private readonly space: PacketSpace;
  private readonly flow = createBoundFlow();
  // BOUNDED: packets, verdicts and effects of one batch. The place of a packet in `hands` is its id.
  private hands: Queued[] = [];
  private answers: (() => void)[] = [];
  private setups: (() => void)[] = [];
  private out: Outgoing[] = [];
  private unsent: Outgoing[] = [];
  private commits: { readonly race: RaceId; readonly route: RouteNumber }[] = [];
  private results: CommitResult[] = [];

  constructor(
    private readonly options: GatewayOptions,
    private readonly schedule: Schedule,
    private readonly ports: GatewayPorts,
  ) {
    if (options.onAsk !== undefined) this.askRoute = options.onAsk;
    const site = createSite(options.settings);
    const shard = createShard(options.settings);
    this.engine = new Engine(site, shard, { wire: this, notes: this, flows: this });
    this.batch = new Batch(this.engine, this);
    this.builder = new PacketBuilder(site, shard);
    const bytes = new Uint8Array(Math.max(MAX_BUILT_LENGTH, MAX_DATAGRAM_LENGTH));
    this.space = { bytes, view: new DataView(bytes.buffer), at: 0 };
    this.kernel = new SimKernel(options, this.engine, schedule, ports, {
      ask: (bytes, service, tried, pinned) =>
        this.enqueue(this.lan, { bytes, provider: 0, known: false, service, tried, pinned }),
      hear: (bytes, provider, known) =>
        this.enqueue(this.wan, { bytes, provider, known, service: 0, tried: 0, pinned: 0 }),
    });
    this.conntrack.onSession = ({ route, service, counted }, begins) => {
      if (!this.engine.countsSessions) return;
      this.engine.note({ kind: 'session', begins, route, service, counted }, schedule.now);
    };
  }

  get conntrack(): ConntrackModel {
    return this.kernel.conntrack;
  }

  setRoutes(routes: readonly EngineRoute[]): void {
    this.engine.setRoutes(routes, this.schedule.now);
    this.endBatch();
  }

  setServices(services: readonly EngineService[], memory: MemorySettings): void {
    const lowered = memory.trustMicros < this.engine.memorySettings.trustMicros;
    this.engine.setServices(services, memory, masksOf(services, memory));
    this.kernel.setServices(services, memory);
    if (lowered) {
      this.engine.memoryEmptied();
      this.kernel.maps.emptyMemory();
    }
    this.engine.refill(0, this.engine.memory.size, this.schedule.now);
  }

  setInterface(route: RouteNumber, up: boolean): void {
    if (up) this.down.delete(route);
    else this.down.add(route);
  }

  fromClient(bytes: Uint8Array): void {
    this.kernel.fromClient(bytes);
  }

  fromProvider(bytes: Uint8Array, provider: number): void {
    this.kernel.fromProvider(bytes, provider);
  }

  // ---- packets in ----

  private enqueue(queue: Queued[], queued: Queued): void {
    this.queued++;
    queue.push(queued);
    if (this.planned) return;
    this.planned = true;
    this.schedule.after(this.options.batchMicros, () => this.run());
  }

  private run(): void {
    this.planned = false;
    const { wan, lan } = this;
    this.wan = [];
    this.lan = [];
    for (const queued of [...wan, ...lan]) this.take(queued);
    this.endBatch();
  }

  private take(queued: Queued): void {
    const { bytes, provider, known, service, tried, pinned } = queued;
    const { packet } = this;
    const result = decode(packet, viewed(bytes), 0, bytes.length);
    if (result !== DECODE.OK) {
      this.dropped[result]++;
      return;
    }
    const input: Input & { kind: 'setup' | 'answer' } =
      provider === 0
        ? { kind: 'setup', packet, service, tried, pinned }
        : { kind: 'answer', packet, interfaceIndex: interfaceOf(provider), known };
    this.batch.take(this.hands.push(queued) - 1, input, this.schedule.now);
  }

  private setTimer(): void {
    const due = this.engine.nextDeadline();
    if (due === Number.POSITIVE_INFINITY || due >= this.timer) return;
    this.timer = Math.max(due, this.schedule.now);
    this.schedule.at(this.timer, () => {
      this.timer = Number.POSITIVE_INFINITY;
      if (this.engine.nextDeadline() <= this.schedule.now)
        this.engine.note({ kind: 'tick' }, this.schedule.now);
      this.endBatch();
    });
  }

  // ---- verdicts and effects out: core/batch.ts says when ----

  private endBatch(): void {
    this.batch.end(this.schedule.now);
    this.hands = [];
    this.afterBatch?.();
    this.setTimer();
  }

  judgeSetup(id: number, { kind, route, reason, service, counted, race }: Verdict): void {
    const { bytes, tried } = this.hands[id];
    if (kind === 'drop') return this.tell('drop', NO_RACE, 0);
    if (kind === 'pass') {
      this.tell('pass', race, tried);
      this.setups.push(() => this.kernel.resume(bytes));
      return;
    }
    this.tell('release', NO_RACE, route);
    this.released.push({ route, reason });
    this.setups.push(() => this.kernel.carryAlone(bytes, route, service, counted));
  }

  judgeAnswer(id: number, { kind }: Verdict): void {
    this.tell(kind, NO_RACE, 0);
    if (kind === 'pass') this.passAnswer(id);
  }

  judgeWinner(id: number, isBound: boolean): void {
    if (isBound) this.passAnswer(id);
  }

  private passAnswer(id: number): void {
    const { bytes, provider, known } = this.hands[id];
    this.answers.push(() => {
      if (known) this.kernel.afterEarly(bytes, this.reader.read(bytes), provider);
      else this.kernel.strays++;
    });
  }

  writeEntries(): void {
    const { commits } = this;
    this.commits = [];
    this.results = commits.map(({ race, route }) => this.write(race, route));
  }

  isBound(index: number): boolean {
    return this.results[index] === 'ok';
  }

  sendAnswers(): void {
    for (const verdict of this.answers.splice(0)) verdict();
  }

  sendSetups(): void {
    for (const verdict of this.setups.splice(0)) verdict();
  }

  sendPackets(): boolean {
    const out = this.out.splice(0);
    for (const packet of out) {
      if (packet.route === 0) this.ports.toClient(packet.bytes, 0);
      else if (!this.down.has(packet.route)) this.ports.toProvider(packet.route, packet.bytes);
      else if (packet.race !== NO_RACE) this.unsent.push(packet);
    }
    return out.length > 0;
  }

  takeUnsent(each: (race: RaceId, route: RouteNumber) => void): void {
    for (const { race, route } of this.unsent.splice(0)) each(race, route);
  }

  attempt(race: RaceId, route: RouteNumber, from = 0): void {
    this.tell('attempt', race, route);
    for (let number = from; number < this.builder.countOf(race); number++)
      this.send(this.builder.copy(race, route, this.space, number), route, race);
  }

  cancel(race: RaceId, route: RouteNumber, proof: number): void {
    this.tell('cancel', race, route);
    this.send(this.builder.cancel(race, route, proof, this.space), route, NO_RACE);
  }

  refuse(): void {
    const route = this.hands[this.hands.length - 1].provider;
    this.tell('refuse', NO_RACE, route);
    this.send(this.builder.refuse(this.packet, this.space), route, NO_RACE);
  }

  reject(race: RaceId, route: RouteNumber, question = 0): void {
    this.tell('reject', race, route);
    this.send(this.builder.reject(race, route, this.space, question), 0, NO_RACE);
  }

  private send(length: number, route: RouteNumber, race: RaceId): void {
    this.out.push({ bytes: this.space.bytes.slice(0, length), route, race });
  }

  commit(race: RaceId, route: RouteNumber): void {
    this.tell('commit', race, route);
    this.commits.push({ race, route });
  }

  endsOf(out: LocalEnds): boolean {
    const flow = this.conntrack.ofClient(this.packet);
    if (flow === undefined) return false;
    this.tell('adopt', NO_RACE, flow.route);
    out.local.set(flow.source.address);
    out.localPort = flow.source.port;
    return true;
  }

  isTaken(race: RaceId, route: RouteNumber): boolean {
    return this.conntrack.hasLivingSource(this.boundFlow(race, route));
  }

  private write(race: RaceId, route: RouteNumber): CommitResult {
    const { races } = this.engine;
    const ends = this.boundFlow(race, route);
    // The kernel has it already: it stays as it is.
    if (races.isFlow(race, route) && this.conntrack.holds(ends)) return 'ok';
    return this.conntrack.write({
      ...ends,
      route,
      since: this.schedule.now,
      raced: true,
      service: races.service[race],
      counted: this.engine.countsSessions,
      rescuable: false,
      answered: true,
      finished: false,
    });
  }

  private boundFlow(race: RaceId, route: RouteNumber): Ends {
    const { flow } = this;
    fillBoundFlow(this.engine.races, race, route, flow);
    const { protocol, client, clientAt, destination, destinationAt, source, sourceAt } = flow;
    return {
      protocol,
      client: { address: client.slice(clientAt, clientAt + 4), port: flow.clientPort },
      destination: {
        address: destination.slice(destinationAt, destinationAt + 4),
        port: flow.destinationPort,
      },
      source: { address: source.slice(sourceAt, sourceAt + 4), port: flow.sourcePort },
    };
  }

  remember(entry: MemoryEntry): void {
    this.changeMaps(this.kernel.maps.remember(entry));
  }

  unremember(entry: MemoryEntry): void {
    this.changeMaps(this.kernel.maps.unremember(entry));
  }

  pin(
    service: ServiceNumber,
    group: AffinityGroup,
    route: RouteNumber,
    isInterim: boolean,
    ttl: Micros,
  ): void {
    this.changeMaps(this.kernel.maps.pin(service, group, route, isInterim, ttl));
  }

  ask(service: ServiceNumber, group: AffinityGroup, ttl: Micros): void {
    this.changeMaps(this.kernel.maps.ask(service, group, ttl));
  }

  routeChanged(route: RouteNumber, reason: HealthReason): void {
    this.changes.push({ at: this.schedule.now, route, reason });
  }

  /** The maps are written behind the packets. */
  private changeMaps(change: (now: Micros) => void): void {
    const { mapLagMicros } = this.options;
    if (mapLagMicros === 0) change(this.schedule.now);
    else this.schedule.after(mapLagMicros, () => change(this.schedule.now));
  }

  private tell(effect: string, race: RaceId, route: RouteNumber): void {
    this.onEffect?.(effect, race, route);
  }
}
