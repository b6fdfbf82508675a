/**
 * Front end 3: the engine between a model of the kernel and simulated wires. One batch of packets makes one batch of each;
 * the order within a batch is that of the real front end:
 *
 *   copies and resets  ->  conntrack entries, each followed by its `committed`  ->  verdicts  ->  what that brought
 */
import { Engine } from '../core/engine.js';
import type {
  EffectSink,
  EngineRoute,
  EngineSettings,
  Micros,
  RaceId,
  RouteNumber,
} from '../core/engine-types.js';
import { DECODE_REASONS, type SingleReason } from '../model/reasons.js';
import { createPacket, DECODE, decode, FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { ConntrackModel, type Flow } from './conntrack.js';
import { cancelPacket, copyPacket, endpointsOf, refusalPacket, rejectPacket } from './effect-packets.js';
import { type Endpoint, readPacket, translated } from './packets.js';
import type { Schedule } from './schedule.js';

/** What the gateway is connected to. */
export interface GatewayPorts {
  toProvider(route: RouteNumber, bytes: Uint8Array): void;
  toClient(bytes: Uint8Array, provider: number): void;
}

export interface GatewayOptions {
  readonly settings: EngineSettings;
  /** Route of everything that is not raced. */
  readonly rest: RouteNumber;
  /** Packets are taken in batches this long after the first of them; 0: each at once. */
  readonly batchMicros: Micros;
}

/** A packet in one of the two queues. */
interface Queued {
  readonly bytes: Uint8Array;
  /** 0: from the LAN. */
  readonly provider: number;
  readonly known: boolean;
}

/** Interface index of a route in the simulation. */
export function interfaceOf(route: RouteNumber): number {
  return 10 + route;
}

/** First port of what the kernel translates alone; race ports begin above. */
const FIRST_KERNEL_PORT = 1024;

export class SimGateway implements EffectSink {
  readonly engine: Engine;
  readonly conntrack = new ConntrackModel();
  /** Packets that could not be decoded, by DECODE_REASONS. */
  readonly dropped = new Float64Array(DECODE_REASONS.length);
  /** Setups that went by one route, in order. BOUNDED: connections of one run. */
  readonly released: { readonly route: RouteNumber; readonly reason: SingleReason }[] = [];
  /** Packets that belonged to no flow and no race, and ended here as the kernel's rules say. */
  strays = 0;
  /** Packets that the engine was shown. */
  queued = 0;
  /** Called after each batch: tests look for broken promises here. */
  afterBatch: (() => void) | undefined;
  /** Called with each verdict and effect, as a word. */
  onEffect: ((effect: string, race: RaceId, route: RouteNumber) => void) | undefined;

  /** Interfaces that are down: copies over them do not leave. BOUNDED: routes. */
  private readonly down = new Set<RouteNumber>();
  // BOUNDED: packets that come within one batch.
  private lan: Queued[] = [];
  private wan: Queued[] = [];
  private planned = false;
  private timer: Micros = Number.POSITIVE_INFINITY;
  private readonly packet = createPacket();
  private hand: Queued | null = null;
  // BOUNDED: effects of one batch.
  private copies: { bytes: Uint8Array; race: RaceId; route: RouteNumber }[] = [];
  private commits: { race: RaceId; route: RouteNumber; queued: Queued }[] = [];
  private verdicts: (() => void)[] = [];
  private nextKernelPort = FIRST_KERNEL_PORT;

  constructor(
    private readonly options: GatewayOptions,
    private readonly schedule: Schedule,
    private readonly ports: GatewayPorts,
  ) {
    this.engine = new Engine(options.settings);
  }

  setRoutes(routes: readonly EngineRoute[]): void {
    this.engine.setRoutes(routes);
  }

  setInterface(route: RouteNumber, up: boolean): void {
    if (up) this.down.delete(route);
    else this.down.add(route);
  }

  // ---- the kernel: packets in ----

  /** Rule chain `lan`: known flows never reach the engine. */
  fromClient(bytes: Uint8Array): void {
    const packet = readPacket(bytes);
    const flow = packet?.protocol === PROTOCOL.TCP ? this.conntrack.ofClient(packet) : undefined;
    if (flow !== undefined) {
      this.forwardOut(bytes, flow);
      return;
    }
    const isSyn =
      packet !== null && (packet.flags & (FLAG.FIN | FLAG.SYN | FLAG.RST | FLAG.ACK)) === FLAG.SYN;
    if (packet !== null && !isSyn) this.strays++;
    else this.enqueue(this.lan, { bytes, provider: 0, known: false });
  }

  /** Rule chain `early`, before conntrack: answers to race ports. */
  fromProvider(bytes: Uint8Array, provider: number): void {
    const packet = readPacket(bytes);
    if (packet !== null && this.isEarly(packet, provider)) {
      this.enqueue(this.wan, { bytes, provider, known: true });
    } else {
      this.afterEarly(bytes, packet, provider);
    }
  }

  private isEarly(packet: Packet, provider: number): boolean {
    if (packet.protocol !== PROTOCOL.TCP) return false;
    const { flags } = packet;
    if ((flags & (FLAG.FIN | FLAG.SYN | FLAG.RST)) !== FLAG.SYN) return false;
    if (this.isRacePort(packet.destinationPort)) return true;
    return (flags & FLAG.ACK) !== 0 && !this.engine.routes[provider - 1].translate;
  }

  /** Conntrack's own look, then rule chain `wan_late`. */
  private afterEarly(bytes: Uint8Array, packet: Packet | null, provider: number): void {
    const flow = packet === null ? undefined : this.conntrack.ofAnswer(packet);
    if (packet !== null && flow !== undefined && flow.route === provider) {
      this.forwardIn(bytes, packet, flow);
      return;
    }
    if (packet === null || this.isLate(packet)) this.enqueue(this.wan, { bytes, provider, known: false });
    else this.strays++;
  }

  private isLate(packet: Packet): boolean {
    if (packet.protocol !== PROTOCOL.TCP) return true;
    const flags = packet.flags & (FLAG.FIN | FLAG.SYN | FLAG.RST | FLAG.ACK);
    if ((flags & FLAG.RST) !== 0 || flags === (FLAG.SYN | FLAG.ACK)) return true;
    return flags === FLAG.ACK && this.isRacePort(packet.destinationPort);
  }

  private isRacePort(port: number): boolean {
    const { from, to } = this.options.settings.racePorts;
    return port >= from && port <= to;
  }

  private forwardOut(bytes: Uint8Array, flow: Flow): void {
    this.ports.toProvider(flow.route, translated(bytes, { source: flow.source }));
  }

  private forwardIn(bytes: Uint8Array, packet: Packet, flow: Flow): void {
    // An ICMP error about a decided flow: translating its quote is the kernel's business, and not modelled.
    if (packet.protocol !== PROTOCOL.TCP) return;
    this.ports.toClient(translated(bytes, { destination: flow.client }), flow.route);
  }

  // ---- the front end: batches ----

  private enqueue(queue: Queued[], queued: Queued): void {
    this.queued++;
    queue.push(queued);
    if (this.planned) return;
    this.planned = true;
    this.schedule.after(this.options.batchMicros, () => this.run());
  }

  private run(): void {
    this.planned = false;
    const answers = this.wan;
    const setups = this.lan;
    this.wan = [];
    this.lan = [];
    for (const queued of answers) this.handle(queued);
    for (const queued of setups) this.handle(queued);
    this.flush();
  }

  private handle(queued: Queued): void {
    const { bytes, provider, known } = queued;
    this.hand = queued;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const result = decode(this.packet, bytes, view, 0, bytes.length);
    const { packet } = this;
    const now = this.schedule.now;
    if (result !== DECODE.OK) this.dropped[result]++;
    else if (provider === 0) this.engine.handle({ kind: 'setup', packet }, now, this);
    else
      this.engine.handle({ kind: 'answer', packet, interfaceIndex: interfaceOf(provider), known }, now, this);
    this.hand = null;
  }

  private flush(): void {
    this.sendCopies();
    const { commits } = this;
    this.commits = [];
    for (const { race, route, queued } of commits) {
      const ok = this.write(race, route);
      if (ok)
        this.verdicts.push(() => this.afterEarly(queued.bytes, readPacket(queued.bytes), queued.provider));
      this.engine.handle({ kind: 'committed', race, ok }, this.schedule.now, this);
    }
    const { verdicts } = this;
    this.verdicts = [];
    for (const verdict of verdicts) verdict();
    this.sendCopies();
    this.afterBatch?.();
    this.setTimer();
  }

  private write(race: RaceId, route: RouteNumber): boolean {
    const ends = endpointsOf(this.engine, race, route);
    const flow = { ...ends, route, since: this.schedule.now, raced: true, finished: false };
    return this.conntrack.write(flow) === 'ok';
  }

  /** A copy that cannot leave is reported once; what the engine makes of it goes out, too. */
  private sendCopies(): void {
    while (this.copies.length > 0) {
      const batch = this.copies;
      this.copies = [];
      for (const { bytes, race, route } of batch) {
        if (!this.down.has(route)) this.ports.toProvider(route, bytes);
        else if (race >= 0) this.engine.handle({ kind: 'not-sent', race, route }, this.schedule.now, this);
      }
    }
  }

  private setTimer(): void {
    const due = this.engine.nextDeadline();
    if (due === Number.POSITIVE_INFINITY || due >= this.timer) return;
    this.timer = Math.max(due, this.schedule.now);
    this.schedule.at(this.timer, () => {
      this.timer = Number.POSITIVE_INFINITY;
      if (this.engine.nextDeadline() <= this.schedule.now) {
        this.engine.handle({ kind: 'tick' }, this.schedule.now, this);
      }
      this.flush();
    });
  }

  // ---- effects out ----

  release(route: RouteNumber, reason: SingleReason): void {
    this.onEffect?.('release', -1, route);
    this.released.push({ route, reason });
    const { bytes } = this.hand!;
    const by = route === 0 ? this.options.rest : route;
    this.verdicts.push(() => this.carryAlone(bytes, by));
  }

  accept(): void {
    this.onEffect?.('accept', -1, 0);
    const { bytes, provider, known } = this.hand!;
    this.verdicts.push(() => {
      if (known) this.afterEarly(bytes, readPacket(bytes), provider);
      else this.strays++;
    });
  }

  drop(): void {
    this.onEffect?.('drop', -1, 0);
  }

  attempt(race: RaceId, route: RouteNumber): void {
    this.onEffect?.('attempt', race, route);
    this.copies.push({ bytes: copyPacket(this.engine, race, route), race, route });
  }

  cancel(race: RaceId, route: RouteNumber, sequence: number): void {
    this.onEffect?.('cancel', race, route);
    this.copies.push({ bytes: cancelPacket(this.engine, race, route, sequence), race: -1, route });
  }

  refuse(): void {
    this.onEffect?.('refuse', -1, this.hand!.provider);
    this.copies.push({ bytes: refusalPacket(this.packet), race: -1, route: this.hand!.provider });
  }

  commit(race: RaceId, route: RouteNumber): void {
    this.onEffect?.('commit', race, route);
    this.commits.push({ race, route, queued: this.hand! });
  }

  isTaken(race: RaceId, route: RouteNumber): boolean {
    const { races } = this.engine;
    const destination = {
      address: races.destination.slice(race * 4, race * 4 + 4),
      port: races.destinationPort[race],
    };
    const at = races.attempt(race, route) * 4;
    const source = { address: races.attemptAddress.slice(at, at + 4), port: races.natPort[race] };
    return this.conntrack.hasLivingSource(destination, source);
  }

  reject(race: RaceId, route: RouteNumber): void {
    this.onEffect?.('reject', race, route);
    const bytes = rejectPacket(this.engine, race, route);
    this.schedule.after(0, () => this.ports.toClient(bytes, 0));
  }

  /** A connection that the kernel translates to a port below the race ports. */
  private carryAlone(bytes: Uint8Array, route: RouteNumber): void {
    const packet = readPacket(bytes);
    if (packet === null || packet.protocol !== PROTOCOL.TCP || packet.ttl <= 1) {
      this.strays++;
      return;
    }
    const client = { address: packet.source, port: packet.sourcePort };
    const destination = { address: packet.destination, port: packet.destinationPort };
    const source = this.kernelSource(client, destination, route, packet.family);
    if (source === null) {
      this.strays++;
      return;
    }
    const flow = {
      client,
      destination,
      source,
      route,
      since: this.schedule.now,
      raced: false,
      finished: false,
    };
    if (this.conntrack.write(flow) === 'ok') this.forwardOut(bytes, flow);
  }

  private kernelSource(
    client: Endpoint,
    destination: Endpoint,
    route: RouteNumber,
    family: 4 | 6,
  ): Endpoint | null {
    const config = this.engine.routes[route - 1];
    if (!config.translate) return client;
    const pool = config.addresses[family];
    if (pool.length === 0) return null;
    const address = pool.slice(0, 4);
    for (let tries = this.options.settings.racePorts.from - FIRST_KERNEL_PORT; tries > 0; tries--) {
      const port = this.nextKernelPort;
      this.nextKernelPort = port + 1 < this.options.settings.racePorts.from ? port + 1 : FIRST_KERNEL_PORT;
      if (!this.conntrack.hasSource(destination, { address, port })) return { address, port };
    }
    return null;
  }
}
