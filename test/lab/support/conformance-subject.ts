/** The gateway on a real kernel as a subject of the conformance suite: one lab for all cases of a site. */
import { setTimeout as sleep } from 'node:timers/promises';
import { decode } from '../../../lab/emulator/decode.js';
import {
  type ConfigOverrides,
  type Connector,
  type ConnectResult,
  clientAddress,
  type EchoServer,
  type WirePacket,
} from '../../../lab/index.js';
import { SYN, tcp } from '../../../lab/packets.js';
import { macOf, providersNamespace, Tap } from '../../../lab/tap.js';
import { complete, type FullScenario, type Link, type PacketDrop } from '../../../src/sim/scenario.js';
import { BYTES, CLOSING_PORT, PORT } from '../../conformance/ports.js';
import type {
  ClientSeen,
  Connection,
  Ends,
  HandMade,
  Observed,
  OddSyn,
  OnLan,
  OnWire,
  Outcome,
  SeenPacket,
  Site,
  Subject,
} from '../../conformance/subject.js';
import { eventually, GatewayLab } from './gateway-lab.js';

const OUTCOME: Readonly<Record<string, Outcome>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EACCES: 'unreachable',
  ETIMEDOUT: 'timed-out',
  TIMEOUT: 'gave-up',
};
/** Ports between two cases, so that no case meets another's connections. */
const PORTS_PER_CASE = 20;
const FIRST_PORT = 20_000;
const LAST_PORT = 40_000;

interface Program {
  readonly ends: Ends;
  outcome: Outcome;
  connectMs: number;
  delivered: boolean;
}

/** What two sites must have in common to share a lab. */
export function labKey({ scenario, gateway = {}, changesInterfaces = false }: Site): string {
  const { lan, providers, servers } = complete(scenario);
  const bare = providers.map(({ link: _, ...rest }) => rest);
  const ends = servers.map(({ distanceMs: _, ...rest }) => rest);
  return JSON.stringify({ lan, providers: bare, servers: ends, gateway, changesInterfaces });
}

export class LabSubject implements Subject {
  readonly frontEnd = 'kernel';
  firstPort = FIRST_PORT;
  // BOUNDED: by the case.
  private programs: Program[] = [];
  private byHand: OnWire[] = [];
  /** Tuples of earlier cases: what is given up late, or repeated, is not about the present one. BOUNDED: by the suite. */
  private readonly earlier = new Set<string>();

  private constructor(
    private readonly made: GatewayLab,
    private readonly echoes: readonly EchoServer[],
    private readonly connector: Connector,
    /** The gateway's end of the LAN: what passes there, in its order. */
    private readonly lan: Tap,
    /** The client's end, for what no program sends. */
    private readonly client: Tap,
    private readonly wans: ReadonlyMap<string, Tap>,
  ) {}

  static async start(site: Site): Promise<LabSubject> {
    const { gateway = {}, changesInterfaces = false } = site;
    const made = await GatewayLab.start(site.scenario, {
      config: configOf(gateway),
      topologyChanges: changesInterfaces,
    });
    const { lab } = made;
    const echo = await lab.server().echo({ ports: [PORT] });
    const closing = await lab.server().echo({ ports: [CLOSING_PORT], closeAfterBytes: BYTES });
    const connector = lab.client().connector();
    const keep = ({ protocol, kind }: WirePacket): boolean => protocol === 'tcp' || kind === 'icmp-error';
    const lan = new Tap(lab.gateway, 'lan0', { to: '02:00:00:00:00:00', keep, outgoing: true });
    const client = new Tap(lab.client(), 'eth0', {
      to: await macOf(lab.gateway, 'lan0'),
      keep: () => false,
    });
    const far = providersNamespace(lab.gateway);
    const wans = new Map(
      lab.scenario.providers.map(({ name, number }) => [
        name,
        new Tap(far, `p${number}`, {
          to: `02:00:00:00:01:${number.toString(16).padStart(2, '0')}`,
          keep: () => false,
        }),
      ]),
    );
    return new LabSubject(made, [echo, closing], connector, lan, client, wans);
  }

  /** Ends gateway and lab; nothing may be left of them, and the gateway may not have complained. */
  async stop(): Promise<void> {
    for (const tap of [this.lan, this.client, ...this.wans.values()]) tap.close();
    await this.made.stop();
  }

  /** Makes the lab what the next case's scenario says, with nothing on the way and nothing recorded. */
  async prepare({ scenario }: Site): Promise<void> {
    const { lab } = this.made;
    await this.connector.release('reset');
    const full = complete(scenario);
    for (const packet of [...(await lab.wire.trace()), ...this.lan.received]) {
      if (packet.kind === 'syn') this.earlier.add(tupleOf(packet));
    }
    for (const { name, link } of full.providers) {
      await lab.link(name).clearDrops();
      await lab.link(name).set({ ...link, blackhole: false, reject: {} });
    }
    await eventually(
      () => lab.wire.counts(),
      ({ held }) => held === 0,
      2000,
    );
    await this.setLinks(full);
    await lab.wire.reset();
    for (const echo of this.echoes) await echo.forget();
    this.lan.received.length = 0;
    this.programs = [];
    this.byHand = [];
    this.firstPort += PORTS_PER_CASE;
    if (this.firstPort > LAST_PORT) throw new Error('more cases than ports');
  }

  async open(connection: Connection): Promise<void> {
    const { address, port, bytes, giveUpMs, clientPort } = connection;
    const program: Program = { ends: connection, outcome: 'connecting', connectMs: 0, delivered: false };
    this.programs.push(program);
    const plan = {
      targets: [{ address, port }],
      sources: [clientOf(connection)],
      sourcePorts: [clientPort],
      count: 1,
      bytes,
      hold: true,
      timeoutMs: giveUpMs,
    };
    void this.connector.run(plan).then(([result]) => told(program, result as ConnectResult));
  }

  async sendSyn(syn: OddSyn): Promise<void> {
    this.programs.push({ ends: syn, outcome: 'no-program', connectMs: 0, delivered: true });
    this.client.send(
      tcp({
        source: clientOf(syn),
        destination: syn.address,
        sourcePort: syn.clientPort,
        destinationPort: syn.port,
        flags: SYN,
        seq: syn.isn,
        options: syn.options,
        payload: new Uint8Array(syn.data),
        ttl: syn.ttl,
        ipOptions: syn.ipOptions,
      }),
    );
  }

  async deliver(route: string, packet: HandMade): Promise<void> {
    const bytes = tcp(packet);
    // After all that is on the wires by now: the kernel's time stamps there are not exactly the clock of this process.
    const at = Math.max(0, ...(await this.wire()).map((packet) => packet.at));
    this.wans.get(route)?.send(bytes);
    const origin = { at, provider: route, direction: 'in', fate: 'passed', length: bytes.length } as const;
    const seen = decode(bytes, origin);
    if (seen !== undefined) this.byHand.push(onWire(seen));
  }

  setLink(route: string, change: Partial<Link>): Promise<void> {
    return this.made.lab.link(route).set(change);
  }

  drop(route: string, drop: PacketDrop): Promise<void> {
    return this.made.lab.link(route).drop(drop);
  }

  /** The kernel takes an interface's routes and IPv6 addresses away with it; they come back as an operator's network manager would do it. */
  async setInterface(route: string, up: boolean): Promise<void> {
    const { lab } = this.made;
    const provider = lab.scenario.providers.find(({ name }) => name === route);
    if (provider === undefined) throw new Error(`no route ${route}`);
    const { interface: device, number } = provider;
    const ip = (...words: string[]): Promise<string> => lab.gateway.must(['ip', ...words]);
    await ip('link', 'set', device, up ? 'up' : 'down');
    if (up) {
      const metric = String(100 + number);
      await ip('addr', 'replace', `fd03:${number}::2/64`, 'dev', device, 'nodad');
      await ip('route', 'replace', 'default', 'via', `203.0.${number}.1`, 'dev', device, 'metric', metric);
      await ip(
        '-6',
        'route',
        'replace',
        'default',
        'via',
        `fd03:${number}::1`,
        'dev',
        device,
        'metric',
        metric,
      );
    }
    const known = await eventually(
      () => this.made.status(),
      ({ routes }) => (routes.find(({ name }) => name === route)?.state !== 'down') === up,
      2000,
    );
    if ((known.routes.find(({ name }) => name === route)?.state !== 'down') !== up)
      throw new Error(`the gateway has not seen that ${route} is ${up ? 'up' : 'down'}`);
  }

  async pass(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
  }

  async wire(): Promise<readonly OnWire[]> {
    const trace = await this.made.lab.wire.trace();
    const wire = trace
      .filter(({ direction, fate }) => direction === 'out' || fate === 'passed')
      .filter(({ protocol, kind }) => protocol === 'tcp' || kind === 'icmp-error')
      .filter((packet) => !this.earlier.has(tupleOf(packet)))
      .map(onWire);
    // What was made by hand comes behind what was there at its time.
    return [...wire, ...this.byHand].sort((one, other) => one.at - other.at);
  }

  clients(): readonly ClientSeen[] {
    return this.programs.map(clientSeen);
  }

  async observe(): Promise<Observed> {
    const { lab } = this.made;
    const [wire, records, counts, halfOpen] = await Promise.all([
      this.wire(),
      Promise.all(this.echoes.map((echo) => echo.connections())),
      lab.wire.counts(),
      lab.server().halfOpen(),
    ]);
    if (counts.overruns > 0) throw new Error('the emulator was overrun: no oracle');
    return {
      wire,
      lan: this.lan.received.filter((packet) => !this.earlier.has(tupleOf(packet))).map(onLan),
      clients: this.clients(),
      servers: records.flat().map(({ remoteAddress, remotePort, localAddress, received }) => ({
        ...{ source: remoteAddress, sourcePort: remotePort },
        ...{ address: localAddress, received },
      })),
      halfOpen,
      onTheWay: counts.held,
    };
  }

  private async setLinks({ providers, servers, drops }: FullScenario): Promise<void> {
    const { lab } = this.made;
    for (const { name, link } of providers) {
      await lab.link(name).set(link);
      const distances = servers.map((server) => [server.name, server.distanceMs[name] ?? 0]);
      await lab.link(name).setDistance(Object.fromEntries(distances));
      for (const drop of drops[name] ?? []) await lab.link(name).drop(drop);
    }
  }
}

function configOf({
  remembers = false,
  raceTimeoutMs = 5000,
}: NonNullable<Site['gateway']>): ConfigOverrides {
  return {
    limits: { raceTimeout: `${raceTimeoutMs}ms` },
    memory: remembers
      ? { trust: '10m', refresh: 0, stagger: 'never', store: 'none' }
      : { trust: '0s', forget: '0s', stagger: 'never', store: 'none' },
    services: [{ name: 'everything', match: { tcp: 'any' }, select: 'race', affinity: 'none' }],
  };
}

function told(program: Program, { ok, connected, error, connectMicros }: ConnectResult): void {
  program.outcome = connected ? 'connected' : (OUTCOME[error ?? ''] ?? 'reset');
  program.connectMs = connectMicros / 1000;
  program.delivered = ok;
}

function clientSeen({ ends, outcome, connectMs, delivered }: Program): ClientSeen {
  return { address: clientOf(ends), port: ends.clientPort, outcome, connectMs, delivered };
}

function clientOf({ client, family }: Ends): string {
  return clientAddress(client)[family];
}

/** The same for a packet, the answer to it and an error about it. */
function tupleOf({ icmp, ...packet }: WirePacket): string {
  const { source, sourcePort, destination, destinationPort } = icmp?.quoted ?? packet;
  return [`${source} ${sourcePort}`, `${destination} ${destinationPort}`].sort().join(' ');
}

function onWire({ provider, direction, fate: _, ...seen }: WirePacket): OnWire {
  return { ...seen, route: provider, direction };
}

/** Clients have the LAN's addresses; in an ICMP error to them they are the destination. */
function onLan({ provider: _, direction: __, fate: ___, ...seen }: WirePacket): OnLan {
  return { ...(seen as SeenPacket), direction: isClient(seen.source) ? 'from-client' : 'to-client' };
}

function isClient(address: string): boolean {
  return address.startsWith('10.0.0.') || address.startsWith('fd00::')
    ? address !== '10.0.0.1' && address !== 'fd00::1'
    : false;
}
