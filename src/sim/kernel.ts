/**
 * The kernel below the engine's front end: conntrack and NAT, which packets are queued, and what is decided without asking
 * (`src/kernel/render.ts` has the rules of the real one).
 */

import type { Engine } from '../core/engine.js';
import type {
  EngineService,
  EngineSettings,
  MemorySettings,
  Micros,
  RouteNumber,
  ServiceNumber,
} from '../core/engine-types.js';
import { sourceIndex } from '../core/pool.js';
import { type Family, familyOf } from '../model/address.js';
import { includes, kernelPorts, sizeOf } from '../model/ports.js';
import { FLAG, type Packet, PROTOCOL } from '../wire/packet.js';
import { ConntrackModel, type Flow } from './conntrack.js';
import { KernelMaps } from './kernel-maps.js';
import { type Endpoint, flowKeyOf, PacketReader, tcpPacket, translated, tupleKey } from './packets.js';
import type { Random } from './random.js';
import type { Schedule } from './schedule.js';

/** What the gateway is connected to. */
export interface GatewayPorts {
  toProvider(route: RouteNumber, bytes: Uint8Array): void;
  toClient(bytes: Uint8Array, provider: number): void;
}

export interface KernelOptions {
  readonly settings: EngineSettings;
  /** Route of everything that is not raced. */
  readonly rest: RouteNumber;
  /** The service of a new connection; 0: none names it. */
  readonly serviceOf: (packet: Packet) => ServiceNumber;
  /** Decides which remembered connections are asked about all the same. */
  readonly random: Random;
}

/** The two queues. */
export interface KernelQueues {
  /**
   * A packet of a new connection; `tried`: it repeats the SYN of a flow that this route has not answered; `pinned`: its group has this
   * route, and others are tried with it.
   */
  ask(bytes: Uint8Array, service: ServiceNumber, tried: RouteNumber, pinned: RouteNumber): void;
  /** A packet from a provider that a race may be about. */
  hear(bytes: Uint8Array, provider: number, known: boolean): void;
}

/** How long answers to a flow are shown to its race. */
const ANSWERS_LAST_MICROS = 30_000_000;

export class SimKernel {
  readonly maps: KernelMaps;
  readonly conntrack = new ConntrackModel();
  /** Packets that belonged to no flow and no race, and ended here as the rules say. */
  strays = 0;

  /** Flows whose races run (set `racing`), and the ends of those whose answers belong to a race (set `rescued`): until when. */
  // BOUNDED: connections of one run.
  private readonly racing = new Map<string, Micros>();
  private readonly rescued = new Map<string, Micros>();
  private readonly reader = new PacketReader();
  private nextKernelPort = 0;
  private keepsSources = false;
  /** Flows that were cut: the next packet of each is answered by a reset. BOUNDED: connections of one run. */
  private readonly cutFlows = new Set<string>();

  constructor(
    private readonly options: KernelOptions,
    private readonly engine: Engine,
    private readonly schedule: Schedule,
    private readonly ports: GatewayPorts,
    private readonly front: KernelQueues,
  ) {
    this.maps = new KernelMaps(engine, options.settings.aggregate, options.random);
  }

  setServices(services: readonly EngineService[], memory: MemorySettings): void {
    this.maps.setServices(services, memory.refresh);
    this.keepsSources = services.some(({ translate }) => translate === false);
  }

  /** Rule chain `lan`: known flows never reach the engine. */
  fromClient(bytes: Uint8Array): void {
    const packet = this.reader.read(bytes);
    if (packet?.protocol === PROTOCOL.UDP) return this.datagramOut(bytes, packet);
    const flow = packet?.protocol === PROTOCOL.TCP ? this.conntrack.ofClient(packet) : undefined;
    const isSyn =
      packet !== null && (packet.flags & (FLAG.FIN | FLAG.SYN | FLAG.RST | FLAG.ACK)) === FLAG.SYN;
    if (flow !== undefined) {
      if (isSyn && flow.rescuable && !flow.answered) {
        const { destination, source } = flow;
        const key = tupleKey(destination.address, destination.port, source.address, source.port);
        this.rescued.set(key, this.schedule.now + ANSWERS_LAST_MICROS);
        this.ask(bytes, packet!, flow.service, flow.route, 0);
      } else this.forwardOut(bytes, flow);
    } else if (packet === null) {
      this.front.ask(bytes, 0, 0, 0);
    } else if (isSyn) {
      const service = this.options.serviceOf(packet);
      const isRacing = this.isRacing(packet);
      const route = isRacing ? 0 : this.maps.routeOf(packet, service, this.schedule.now);
      if (route === 0) this.ask(bytes, packet, service, 0, isRacing ? 0 : this.maps.pinnedRoute);
      else this.carryAlone(bytes, route, service, false);
    } else if (this.cutFlows.has(flowKeyOf(packet))) {
      this.resetClient(packet);
    } else {
      this.strays++;
    }
  }

  /** A flow that nobody has answered yet is asked about with every datagram: each may be another question, or a repeat. */
  private datagramOut(bytes: Uint8Array, packet: Packet): void {
    const flow = this.conntrack.ofClient(packet);
    if (flow === undefined) this.ask(bytes, packet, this.options.serviceOf(packet), 0, 0);
    else if (flow.rescuable && !flow.answered) this.ask(bytes, packet, flow.service, flow.route, 0);
    else this.forwardOut(bytes, flow);
  }

  /** The flows of a route and family end, and their clients hear of it when they speak next. Returns how many. */
  cut(route: RouteNumber, family: Family): number {
    let count = 0;
    for (const flow of this.conntrack.flows()) {
      if (flow.finished || flow.route !== route || familyOf(flow.client.address) !== family) continue;
      const { client, destination } = flow;
      this.cutFlows.add(tupleKey(client.address, client.port, destination.address, destination.port));
      this.conntrack.remove(flow);
      count++;
    }
    return count;
  }

  private resetClient({ source, sourcePort, destination, destinationPort, acknowledgement }: Packet): void {
    const from = { address: destination, port: destinationPort };
    const to = { address: source, port: sourcePort };
    this.ports.toClient(
      tcpPacket({ from, to, sequence: acknowledgement, acknowledgement: 0, flags: FLAG.RST }),
      0,
    );
  }

  /** Rule chain `ask_race`: the flow is marked. */
  private ask(
    bytes: Uint8Array,
    packet: Packet,
    service: ServiceNumber,
    tried: RouteNumber,
    pinned: RouteNumber,
  ): void {
    this.racing.set(flowKeyOf(packet), this.schedule.now + this.options.settings.raceTimeoutMicros);
    this.front.ask(bytes, service, tried, pinned);
  }

  private isRacing(packet: Packet): boolean {
    return (this.racing.get(flowKeyOf(packet)) ?? 0) > this.schedule.now;
  }

  /** Rule chain `early`, before conntrack: answers to race ports. */
  fromProvider(bytes: Uint8Array, provider: number): void {
    const packet = this.reader.read(bytes);
    if (packet !== null && this.isEarly(packet, provider)) {
      this.front.hear(bytes, provider, true);
    } else {
      this.afterEarly(bytes, packet, provider);
    }
  }

  private isEarly(packet: Packet, provider: number): boolean {
    // What a race has bound conntrack knows; the rest may be an answer to a copy.
    if (packet.protocol === PROTOCOL.UDP)
      return this.isRacePort(packet.destinationPort) && this.conntrack.ofAnswer(packet)?.route !== provider;
    if (packet.protocol !== PROTOCOL.TCP) return false;
    const { flags } = packet;
    if ((flags & (FLAG.FIN | FLAG.SYN | FLAG.RST)) !== FLAG.SYN) return false;
    if (this.isRacePort(packet.destinationPort)) return true;
    if ((flags & FLAG.ACK) !== 0 && (this.rescued.get(flowKeyOf(packet)) ?? 0) > this.schedule.now)
      return true;
    return (flags & FLAG.ACK) !== 0 && (this.keepsSources || !this.engine.routes[provider - 1].translate);
  }

  /** Conntrack's own look, then rule chain `wan_late`. */
  afterEarly(bytes: Uint8Array, packet: Packet | null, provider: number): void {
    const flow = packet === null ? undefined : this.conntrack.ofAnswer(packet);
    if (packet !== null && flow !== undefined && flow.route === provider) {
      this.forwardIn(bytes, packet, flow);
      return;
    }
    // Nobody is told of a datagram that nobody has asked for.
    if (packet?.protocol === PROTOCOL.UDP) this.strays++;
    else if (packet === null || this.isLate(packet)) this.front.hear(bytes, provider, false);
    else this.strays++;
  }

  private isLate(packet: Packet): boolean {
    if (packet.protocol !== PROTOCOL.TCP) return true;
    const flags = packet.flags & (FLAG.FIN | FLAG.SYN | FLAG.RST | FLAG.ACK);
    if ((flags & FLAG.RST) !== 0 || flags === (FLAG.SYN | FLAG.ACK)) return true;
    return flags === FLAG.ACK && this.isRacePort(packet.destinationPort);
  }

  private isRacePort(port: number): boolean {
    return includes(this.options.settings.racePorts, port);
  }

  private forwardOut(bytes: Uint8Array, flow: Flow): void {
    this.ports.toProvider(flow.route, translated(bytes, { source: flow.source }));
  }

  private forwardIn(bytes: Uint8Array, packet: Packet, flow: Flow): void {
    // An ICMP error about a decided flow: translating its quote is the kernel's business, and not modelled.
    if (packet.protocol !== PROTOCOL.TCP && packet.protocol !== PROTOCOL.UDP) return;
    flow.answered = true;
    this.ports.toClient(translated(bytes, { destination: flow.client }), flow.route);
  }

  /** The packet of a flow that is known goes on by the flow's route. */
  resume(bytes: Uint8Array): void {
    const packet = this.reader.read(bytes);
    const flow = packet === null ? undefined : this.conntrack.ofClient(packet);
    if (flow === undefined) this.strays++;
    else this.forwardOut(bytes, flow);
  }

  /** A connection that the kernel translates to a port below the race ports; `chosen` 0: by the rest route. */
  carryAlone(bytes: Uint8Array, chosen: RouteNumber, number: ServiceNumber, counted: boolean): void {
    const route = chosen === 0 ? this.options.rest : chosen;
    const service = this.maps.service(number);
    const packet = this.reader.read(bytes);
    const isKnown = packet?.protocol === PROTOCOL.TCP || packet?.protocol === PROTOCOL.UDP;
    if (packet === null || !isKnown || packet.ttl <= 1) {
      this.strays++;
      return;
    }
    const client = { address: packet.source.slice(), port: packet.sourcePort };
    const destination = { address: packet.destination.slice(), port: packet.destinationPort };
    const translates = service?.translate !== false && this.engine.routes[route - 1].translate;
    const { protocol } = packet;
    const source = translates ? this.kernelSource(protocol, client, destination, route) : client;
    if (source === null) {
      this.strays++;
      return;
    }
    const flow = {
      protocol,
      client,
      destination,
      source,
      route,
      since: this.schedule.now,
      raced: false,
      service: number,
      counted,
      rescuable: chosen !== 0 && service !== undefined && service.routes.length > 1,
      answered: false,
      finished: false,
    };
    if (this.conntrack.write(flow) === 'ok') this.forwardOut(bytes, flow);
  }

  private kernelSource(
    protocol: number,
    client: Endpoint,
    destination: Endpoint,
    route: RouteNumber,
  ): Endpoint | null {
    const family = familyOf(client.address);
    const pool = this.engine.routes[route - 1].addresses[family];
    if (pool.length === 0) return null;
    const index = sourceIndex(client.address, 0, family, pool.length / 4) * 4;
    const address = pool.slice(index, index + 4);
    const ports = kernelPorts(this.options.settings.racePorts);
    for (let tries = sizeOf(ports); tries > 0; tries--) {
      const port = ports.from + this.nextKernelPort;
      this.nextKernelPort = (this.nextKernelPort + 1) % sizeOf(ports);
      const source = { address, port };
      if (!this.conntrack.hasSource({ protocol, destination, source })) return source;
    }
    return null;
  }
}
