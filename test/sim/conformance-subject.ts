/** The simulator as a subject of the conformance suite. */
import { decode } from '../../lab/emulator/decode.js';
import { clientAddress } from '../../lab/plan.js';
import { type AddressWords, formatAddress, parseAddress } from '../../src/model/address.js';
import type { ConnectResult, SimClient } from '../../src/sim/client.js';
import { tcpPacket } from '../../src/sim/packets.js';
import type { Link, PacketDrop } from '../../src/sim/scenario.js';
import { serviceOver, World } from '../../src/sim/world.js';
import { CLOSING_PORT } from '../conformance/ports.js';
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
  ServerSeen,
  Site,
  Subject,
} from '../conformance/subject.js';

const OUTCOME: Readonly<Record<ConnectResult, Outcome>> = {
  connecting: 'connecting',
  connected: 'connected',
  abandoned: 'gave-up',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EACCES: 'unreachable',
  EPROTO: 'unreachable',
  ETIMEDOUT: 'timed-out',
};

interface Program {
  readonly ends: Ends;
  readonly socket: SimClient;
  readonly odd: boolean;
  readonly bytes: number;
}

export class SimSubject implements Subject {
  readonly frontEnd = 'simulator';
  readonly firstPort = 40_000;
  private readonly world: World;
  // BOUNDED: by the case.
  private readonly lan: OnLan[] = [];
  private readonly programs: Program[] = [];
  private readonly decoded: OnWire[] = [];
  /** Packets of the trace that `decoded` has or leaves out. */
  private looked = 0;

  constructor({ scenario, gateway = {} }: Site) {
    const routes = scenario.providers.map((_, index) => index + 1);
    this.world = new World(scenario, {
      settings: { raceTimeoutMicros: (gateway.raceTimeoutMs ?? 5000) * 1000 },
      services: [serviceOver(routes)],
      memory:
        gateway.remembers === true
          ? { stagger: 'never' }
          : { trustMicros: 0, forgetMicros: 0, stagger: 'never' },
      lanLoses: (bytes, direction) => {
        this.lan.push({ ...this.read(bytes, this.world.schedule.now), direction });
        return false;
      },
    });
  }

  async open(connection: Connection): Promise<void> {
    for (const server of this.world.servers)
      server.behaviour = { closesFirst: connection.port === CLOSING_PORT };
    // As Linux does it: later connections have later numbers.
    const isn = 0x10000000 + this.programs.length * 1_000_000;
    const socket = this.start(connection, { bytes: connection.bytes, isn });
    this.programs.push({ ends: connection, socket, odd: false, bytes: connection.bytes });
    this.world.schedule.after(connection.giveUpMs * 1000, () => {
      if (socket.result === 'connecting') socket.abandon();
    });
    await this.pass(0);
  }

  async sendSyn(syn: OddSyn): Promise<void> {
    const { isn, options, data, ttl, ipOptions } = syn;
    const socket = this.start(syn, { isn, options, synData: data, ttl, ipOptions });
    this.programs.push({ ends: syn, socket, odd: true, bytes: 0 });
    await this.pass(0);
    // Nobody repeats it.
    if (socket.result === 'connecting') socket.abandon();
  }

  async deliver(route: string, packet: HandMade): Promise<void> {
    const bytes = tcpPacket({
      from: { address: words(packet.source), port: packet.sourcePort },
      to: { address: words(packet.destination), port: packet.destinationPort },
      sequence: packet.seq | 0,
      acknowledgement: packet.ack | 0,
      flags: packet.flags,
    });
    this.world.provider(route).inject(bytes);
    await this.pass(0);
  }

  async setLink(route: string, change: Partial<Link>): Promise<void> {
    this.world.provider(route).set(change);
  }

  async drop(route: string, drop: PacketDrop): Promise<void> {
    this.world.provider(route).drops.add(drop);
  }

  async setInterface(route: string, up: boolean): Promise<void> {
    const { number } = this.world.provider(route);
    this.world.gateway.setInterface(number, up);
    this.world.gateway.setRoutes(
      this.world.routes((each) =>
        each.number === number && !up ? { ...each, usable: { 4: false, 6: false } } : each,
      ),
    );
  }

  async pass(milliseconds: number): Promise<void> {
    this.world.runUntil(this.world.schedule.now / 1000 + milliseconds);
  }

  async wire(): Promise<readonly OnWire[]> {
    const names = this.world.scenario.providers.map(({ name }) => name);
    const { packets } = this.world.trace;
    for (; this.looked < packets.length; this.looked++) {
      const { bytes, at, provider, direction, fate } = packets[this.looked];
      if (direction === 'in' && fate !== 'passed') continue;
      this.decoded.push({ ...this.read(bytes, at), route: names[provider - 1], direction });
    }
    return [...this.decoded];
  }

  clients(): readonly ClientSeen[] {
    return this.programs.map(clientSeen);
  }

  async observe(): Promise<Observed> {
    const { world } = this;
    return {
      wire: await this.wire(),
      lan: [...this.lan],
      clients: this.clients(),
      servers: world.servers.flatMap(({ history }) =>
        history
          .filter(({ state, received }) => state === 'established' || received > 0)
          .map(
            ({ remote, local, received }): ServerSeen => ({
              ...{ source: formatAddress(remote.address), sourcePort: remote.port },
              ...{ address: formatAddress(local.address), received },
            }),
          ),
      ),
      halfOpen: world.halfOpen,
      onTheWay: 0,
    };
  }

  private start(ends: Ends, more: object): SimClient {
    const { address, port, family, client, clientPort } = ends;
    const at = this.world.schedule.now / 1000;
    return this.world.connect({ at, to: address, port, family, client, clientPort, ...more });
  }

  /** By the lab's decoder, which shares nothing with the gateway. */
  private read(bytes: Uint8Array, at: number): SeenPacket {
    const origin = { at, provider: '', direction: 'in', fate: 'passed', length: bytes.length } as const;
    const packet = decode(Buffer.from(bytes), origin);
    if (packet === undefined) throw new Error('a packet that cannot be read');
    const { provider: _, direction: __, fate: ___, ...seen } = packet;
    return seen;
  }
}

function clientSeen({ ends, socket, odd, bytes }: Program): ClientSeen {
  const { family, client, clientPort: port } = ends;
  return {
    address: clientAddress(client)[family],
    port,
    outcome: odd ? 'no-program' : OUTCOME[socket.result],
    connectMs: Math.max(0, socket.connectMicros) / 1000,
    delivered: socket.acknowledged >= bytes,
  };
}

function words(text: string): AddressWords {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}
