/**
 * A whole simulated site: clients, the gateway with its engine, providers, servers, one virtual clock. A `Scenario` says what
 * it is like; what happens beyond it (connections, tampering, route changes) is planned by the caller.
 */
import type {
  EngineRoute,
  EngineService,
  EngineSettings,
  MemorySettings,
  Micros,
  ServiceNumber,
} from '../core/engine-types.js';
import { type AddressWords, parseAddress } from '../model/address.js';
import { assert } from '../model/errors.js';
import { type Packet, PROTOCOL } from '../wire/packet.js';
import { type ConnectOptions, SimClient } from './client.js';
import { SimAsker } from './datagram-client.js';
import type { Question } from './datagrams.js';
import { type GatewayOptions, interfaceOf, SimGateway } from './gateway.js';
import { addressKey, type Endpoint, flowKey, PacketReader } from './packets.js';
import { SimProvider, type Tamper } from './provider.js';
import { type Random, random, randomWord, subSeed } from './random.js';
import { complete, type Family, type FullScenario, type Scenario } from './scenario.js';
import { Schedule } from './schedule.js';
import { SimServer } from './server.js';
import { WireTrace } from './wire-trace.js';

export interface WorldOptions {
  readonly settings?: Partial<EngineSettings>;
  readonly tamper?: Tamper;
  /** See GatewayOptions; default 0. */
  readonly batchMicros?: Micros;
  readonly mapLagMicros?: Micros;
  readonly onAsk?: GatewayOptions['onAsk'];
  /** Default: none, and no memory: everything is raced over all routes. */
  readonly services?: readonly EngineService[];
  readonly memory?: Partial<MemorySettings>;
  /** Default: the first service. */
  readonly serviceOf?: (packet: Packet) => ServiceNumber;
  /** One way between clients and gateway, microseconds; default 0, so that times can be computed by hand. */
  readonly lanMicros?: Micros;
  /** Which packets the LAN loses; `true` for lost. */
  /** What was on the wire, and what came to each client, is kept to be looked at; default true. */
  readonly records?: boolean;
  readonly lanLoses?: (bytes: Uint8Array, direction: 'to-client' | 'from-client') => boolean;
}

/** One connection to be opened. Everything but `at` and `to` has a default. */
export interface Connect extends Partial<Omit<ConnectOptions, 'remote' | 'local'>> {
  /** Milliseconds from the start of the run. */
  readonly at: number;
  /** Name of a server, or an address. */
  readonly to?: string;
  readonly port?: number;
  readonly family?: Family;
  /** Number of the client address, from 0. */
  readonly client?: number;
  readonly clientPort?: number;
}

/** One question to be asked. */
export interface Ask {
  /** Milliseconds from the start of the run. */
  readonly at: number;
  readonly question: Question;
  readonly port: number;
  /** As of `Connect`. */
  readonly to?: string;
  readonly family?: Family;
  readonly client?: number;
}

export const DEFAULT_SETTINGS: EngineSettings = {
  routes: 16,
  races: 64,
  racesPerClient: 64,
  // A site has few clients, and a run of many sites makes these tables anew for each.
  clientSets: 256,
  clientRate: { perSecond: 2000, burst: 4000 },
  racePorts: { from: 8192, to: 32_767 },
  portMemory: 1024,
  raceTimeoutMicros: 5_000_000,
  decisions: 256,
  memorySize: 256,
  aggregate: { 4: 32, 6: 128 },
  secret: [0x1234567, 0x89abcde],
};

/** No connection is drawn to the daemon by lot, so that runs can be computed by hand. */
export const DEFAULT_MEMORY: MemorySettings = {
  trustMicros: 600_000_000,
  forgetMicros: 86_400_000_000,
  refresh: 0,
  stagger: 'remembered',
};

/** A service with nothing left out: `race` over the given routes unless `fields` says otherwise. */
export function serviceOver(
  routes: readonly number[],
  fields: Partial<Omit<EngineService, 'routes'>> = {},
): EngineService {
  return {
    number: 1,
    criterion: 'race',
    routes,
    speaks: null,
    affinity: 'none',
    affinityMicros: 600_000_000,
    translate: null,
    sessionWeight: 1,
    win: 'first-reply',
    serverFirst: [],
    threshold: 0.8,
    by: 'client+destination',
    costDelayMicros: 0,
    atMost: 0,
    resolvers: [],
    ...fields,
  };
}

const DEFAULT_PORT = 443;
const FIRST_CLIENT_PORT = 40_000;

export class World {
  readonly scenario: FullScenario;
  readonly schedule = new Schedule();
  readonly trace: WireTrace;
  readonly gateway: SimGateway;
  readonly providers: readonly SimProvider[];
  readonly servers: readonly SimServer[];
  /** Every connection that was opened, in order. BOUNDED: connections of one run. */
  readonly clients: SimClient[] = [];

  // BOUNDED: addresses of the scenario, and sockets of one run.
  private readonly serverOf = new Map<string, SimServer>();
  private readonly sockets = new Map<string, Socket>();
  private readonly random: Random;
  private readonly reader = new PacketReader();
  private nextClientPort = FIRST_CLIENT_PORT;

  constructor(
    scenario: Scenario,
    private readonly options: WorldOptions = {},
  ) {
    this.scenario = complete(scenario);
    this.trace = new WireTrace(options.records ?? true);
    const { seed, providers, servers } = this.scenario;
    this.random = random(subSeed(seed, 1000));
    const settings = { ...DEFAULT_SETTINGS, routes: providers.length, ...options.settings };
    const { services = [] } = options;
    this.gateway = new SimGateway(
      {
        settings,
        rest: 1,
        ...(options.onAsk === undefined ? {} : { onAsk: options.onAsk }),
        batchMicros: options.batchMicros ?? 0,
        mapLagMicros: options.mapLagMicros ?? 0,
        serviceOf: options.serviceOf ?? (() => services[0]?.number ?? 0),
        random: random(subSeed(seed, 1001)),
      },
      this.schedule,
      {
        toProvider: (route, bytes) => this.providers[route - 1].fromGateway(bytes),
        toClient: (bytes, provider) => this.toClient(bytes, provider),
      },
    );
    this.servers = servers.map(({ name }, index) => this.createServer(name, subSeed(seed, 2000 + index)));
    servers.forEach((server, index) => {
      for (const text of [...server.ipv4, ...server.ipv6]) {
        this.serverOf.set(addressKey(words(text)), this.servers[index]);
      }
    });
    this.providers = providers.map((_, index) => this.createProvider(index));
    for (const [name, drops] of Object.entries(this.scenario.drops)) {
      for (const drop of drops) this.provider(name).drops.add(drop);
    }
    for (const fault of this.scenario.faults) {
      this.schedule.at(fault.atMs * 1000, () => {
        this.provider(fault.provider).set(fault.set ?? {}, fault.distanceMs);
        if (fault.drop !== undefined) this.provider(fault.provider).drops.add(fault.drop);
      });
    }
    this.gateway.setRoutes(this.routes());
    if (services.length > 0) this.gateway.setServices(services, { ...DEFAULT_MEMORY, ...options.memory });
  }

  provider(name: string): SimProvider {
    const found = this.providers.find(({ config }) => config.name === name);
    assert(found !== undefined, `no provider is called ${name}`);
    return found;
  }

  /** Plans a connection. */
  connect(connect: Connect): SimClient {
    const {
      at,
      to = this.servers[0].name,
      port = DEFAULT_PORT,
      family = 'ipv4',
      client = 0,
      ...rest
    } = connect;
    const local = {
      address: words(family === 'ipv4' ? `10.0.0.${client + 2}` : `fd00::${(client + 2).toString(16)}`),
      port: connect.clientPort ?? this.nextClientPort++,
    };
    const remote = { address: this.addressOf(to, family), port };
    const socket = new SimClient(
      { records: this.options.records, ...rest, local, remote, isn: connect.isn ?? randomWord(this.random) },
      this.schedule,
      (bytes) => this.fromClient(bytes),
    );
    this.clients.push(socket);
    this.schedule.at(at * 1000, () => {
      this.sockets.get(socketKey(local, remote))?.abandon?.();
      this.sockets.set(socketKey(local, remote), socket);
      socket.start();
    });
    return socket;
  }

  /** Plans a question by UDP. */
  ask({ at, question, to = this.servers[0].name, port, family = 'ipv4', client = 0 }: Ask): SimAsker {
    const address = words(family === 'ipv4' ? `10.0.0.${client + 2}` : `fd00::${(client + 2).toString(16)}`);
    const local = { address, port: this.nextClientPort++ };
    const remote = { address: this.addressOf(to, family), port };
    const asker = new SimAsker({ ...question, local, remote }, this.schedule, (bytes) =>
      this.fromClient(bytes),
    );
    this.schedule.at(at * 1000, () => {
      this.sockets.set(socketKey(local, remote, PROTOCOL.UDP), asker);
      asker.start();
    });
    return asker;
  }

  /** Lets time pass until so many milliseconds after the start. */
  runUntil(milliseconds: number): void {
    this.schedule.runUntil(milliseconds * 1000);
  }

  /** Half-open entries at all servers now. */
  get halfOpen(): number {
    return this.servers.reduce((sum, server) => sum + server.halfOpen, 0);
  }

  /** The routes as the engine is told of them; `change` alters some. */
  routes(change: (route: EngineRoute) => EngineRoute = (route) => route): EngineRoute[] {
    return this.scenario.providers.map((provider) =>
      change({
        number: provider.number,
        interfaceIndex: interfaceOf(provider.number),
        usable: { 4: provider.families.includes('ipv4'), 6: provider.families.includes('ipv6') },
        configured: true,
        checkFails: 0,
        admin: 'enabled',
        lastResort: false,
        translate: provider.translate,
        mtu: { 4: provider.mtu, 6: provider.mtu },
        addresses: {
          4: pool(provider.addresses, (n) => `203.0.${provider.number}.${n + 2}`),
          6: pool(provider.addresses, (n) => `fd03:${provider.number.toString(16)}::${(n + 2).toString(16)}`),
        },
      }),
    );
  }

  /** The first address of a server, or an address as written. */
  addressOf(nameOrAddress: string, family: Family): AddressWords {
    const server = this.scenario.servers.find(({ name }) => name === nameOrAddress);
    return words(server === undefined ? nameOrAddress : server[family][0]);
  }

  private createServer(name: string, seed: number): SimServer {
    return new SimServer(name, this.schedule, random(seed), (bytes, provider) =>
      this.providers[provider - 1].fromServer(bytes),
    );
  }

  private createProvider(index: number): SimProvider {
    const { seed, servers, providers } = this.scenario;
    const config = providers[index];
    const distance = Object.fromEntries(
      servers.map(({ name, distanceMs }) => [name, distanceMs[config.name]]),
    );
    return new SimProvider(config, distance, seed, {
      schedule: this.schedule,
      trace: this.trace,
      tamper: this.options.tamper,
      serverAt: (address) => this.serverOf.get(addressKey(address))?.name ?? null,
      toServer: (bytes: Uint8Array, provider: number, server: string) => {
        this.servers.find(({ name }) => name === server)?.receive(bytes, provider);
      },
      toGateway: (bytes: Uint8Array, provider: number) => this.gateway.fromProvider(bytes, provider),
    });
  }

  private fromClient(bytes: Uint8Array): void {
    if (this.options.lanLoses?.(bytes, 'from-client') === true) return;
    this.schedule.after(this.options.lanMicros ?? 0, () => this.gateway.fromClient(bytes));
  }

  private toClient(bytes: Uint8Array, provider: number): void {
    if (this.options.lanLoses?.(bytes, 'to-client') === true) return;
    const packet = this.reader.read(bytes);
    if (packet === null) return;
    const isOfFlow = packet.protocol === PROTOCOL.TCP || packet.protocol === PROTOCOL.UDP;
    const { protocol, destination, destinationPort, source, sourcePort } = isOfFlow ? packet : packet.quote;
    const key = isOfFlow
      ? flowKey(protocol, destination, destinationPort, source, sourcePort)
      : flowKey(protocol, source, sourcePort, destination, destinationPort);
    this.schedule.after(this.options.lanMicros ?? 0, () => this.sockets.get(key)?.receive(bytes, provider));
  }
}

/** Who hears what comes to a client. */
interface Socket {
  receive(bytes: Uint8Array, provider: number): void;
  abandon?(): void;
}

function socketKey(local: Endpoint, remote: Endpoint, protocol: number = PROTOCOL.TCP): string {
  return flowKey(protocol, local.address, local.port, remote.address, remote.port);
}

function pool(count: number, text: (n: number) => string): Int32Array {
  const all = new Int32Array(count * 4);
  for (let n = 0; n < count; n++) all.set(words(text(n)), n * 4);
  return all;
}

function words(text: string): AddressWords {
  const parsed = parseAddress(text);
  assert(parsed !== null, `"${text}" is not an address`);
  return parsed;
}
