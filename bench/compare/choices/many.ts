/** Many at once: ports, connections that begin together, one host among many, a reload. */
import { setTimeout as sleep } from 'node:timers/promises';
import { boundIn } from '../../../lab/bound-socket.js';
import { evenly } from '../../../lab/evenly.js';
import {
  type Connector,
  type ConnectResult,
  clientAddress,
  type EchoConnection,
  type Lab,
  plainMasquerade,
  type Scenario,
} from '../../../lab/index.js';
import { MSS_1460, SYN, tcp } from '../../../lab/packets.js';
import { macOf, Tap } from '../../../lab/tap.js';
import { gateway, plain, selecting, WIDE_LIMITS } from '../subjects.js';
import {
  byClient,
  type ChoiceCase,
  connect,
  NAT,
  providers,
  type Remark,
  SERVERS,
  SERVERS6,
  servers,
  statusOf,
  TOGETHER,
  targets,
  type World,
} from './case.js';

/** Ports of the gateway towards one server: as many short connections as would exhaust them six times. */
const NAT_PORTS = { first: 1024, last: 2047, count: 1024 } as const;
const EXHAUSTING = 6;

const CLIENTS = 10;
/** Each client asks for a port of its own: by it the server knows whose connection it is. */
const portOf = (client: number): number => 7101 + client;
const CLIENT_PORTS = Array.from({ length: CLIENTS }, (_, client) => portOf(client));
const byPort = ({ localPort }: EchoConnection): string => String(localPort);
const byPair = ({ localAddress, localPort }: EchoConnection): string => `${localAddress} ${localPort}`;

const DATAGRAM_PORT = 9000;
/** More than a service has groups in the kernel. */
const DATAGRAMS = 140_000;
const FILL_MS = 4000;
const BUSY_PORT = 7201;
/** Coprime to the number of clients: in turn they make all pairs. */
const CROWD = { name: 'crowd', ipv4: Array.from({ length: 121 }, (_, i) => `198.51.101.${i + 1}`) };

/** Servers that are nearest by one provider each. */
const NEAREST: Partial<Scenario> = {
  lan: { clients: CLIENTS },
  servers: ['a', 'b', 'c'].map((name, i) => ({
    name: `by-${name}`,
    ipv4: [SERVERS[i]!],
    distanceMs: { a: 40, b: 40, c: 40, [name]: 1 },
  })),
};
/** Clients with even numbers are addresses of one host, the others of another. */
const TWO_HOSTS: Partial<Scenario> = { lan: { clients: CLIENTS, machines: 2 } };
const OTHERS = [1, 3, 5, 7, 9];

const PAIRS = { tcp: '7101-7199', udp: DATAGRAM_PORT };
const IN_TURN = { name: 'pairs', match: PAIRS, select: 'round-robin', affinity: 'client+destination' };
const BUSY = { name: 'busy', match: { tcp: BUSY_PORT }, select: 'least-connections' };

export const MANY: readonly ChoiceCase[] = [
  {
    name: `short connections of four hosts to one server, ${EXHAUSTING} for each port there is`,
    scenario: providers({ a: 0, b: 0 }, { lan: { clients: 4 } }),
    subjects: [
      plain('plain NAT', (lab) => plainMasquerade(lab, `${NAT_PORTS.first}-${NAT_PORTS.last}`)),
      gateway('one route', {
        ...selecting('a'),
        limits: { ...WIDE_LIMITS, racePorts: `${NAT_PORTS.last + 1}-65000` },
      }),
    ],
    async run({ lab }) {
      const sources = lab.clients.map(({ ipv4 }) => ipv4);
      const pace = {
        count: EXHAUSTING * NAT_PORTS.count,
        rate: NAT_PORTS.count,
        concurrency: 64,
        timeoutMs: 4000,
      };
      return { results: await connect(lab, { targets: targets([SERVERS[0]!]), ...pace, sources, bytes: 0 }) };
    },
    wanted: 'a',
    elsewhereAtMost: 0,
  },
  {
    name: 'twelve connections of one client at one moment, `affinity: client`',
    scenario: providers({ a: 20, b: 20, c: 20 }),
    subjects: [gateway('race', byClient('race')), gateway('round-robin', byClient('round-robin'))],
    run: async ({ lab }) => ({ results: await connect(lab, { count: 12, concurrency: 12 }) }),
    wanted: TOGETHER,
    elsewhereAtMost: 0,
  },
  {
    name: 'ten clients at one moment, twelve connections each to three servers, `affinity: client`',
    scenario: providers({ a: 0, b: 0, c: 0 }, NEAREST),
    subjects: [NAT, gateway('race', byClient('race')), gateway('round-robin', byClient('round-robin'))],
    ports: CLIENT_PORTS,
    async run({ lab }) {
      const pairs = CLIENT_PORTS.flatMap((port, client) =>
        SERVERS.slice(0, 3).flatMap((address) => Array(4).fill({ address, port, client })),
      ) as { address: string; port: number; client: number }[];
      const sources = pairs.map(({ client }) => clientAddress(client).ipv4);
      const all = { count: pairs.length, concurrency: pairs.length };
      return { results: await connect(lab, { targets: pairs, sources, ...all }) };
    },
    wanted: TOGETHER,
    elsewhereAtMost: 0,
    groupOf: byPort,
  },
  {
    name: 'one host’s datagrams to 140 000 addresses, groups of others before and after',
    scenario: providers({ a: 5, b: 5, c: 5 }, TWO_HOSTS),
    subjects: [NAT, gateway('round-robin', { ...selecting('round-robin'), services: [IN_TURN] })],
    ports: CLIENT_PORTS,
    async run({ lab }) {
      const others = lab.client(1).connector();
      const before = await pairs(others, OTHERS.slice(0, 3));
      await fill(lab);
      const held = await pairs(others, OTHERS.slice(0, 3), 2);
      const begun = await pairs(others, OTHERS.slice(3), 4);
      await others.stop();
      return { results: [...before, ...held, ...begun] };
    },
    wanted: TOGETHER,
    elsewhereAtMost: 0,
    groupOf: byPair,
  },
  {
    name: 'one host’s SYNs from fresh IPv6 addresses, 2000 a second, another host connects',
    // Who finds no room in the table goes by the rest, which is slower.
    scenario: providers({ a: 30, b: 5 }, TWO_HOSTS),
    subjects: [NAT, gateway('race', { ...selecting('race'), limits: { races: 512, racesPerClient: 64 } })],
    async run({ lab }) {
      const tap = new Tap(lab.client(0), 'eth0', { to: await macOf(lab.gateway, 'lan0'), keep: () => false });
      const load = lab.client(1).connect({
        ...{ targets: targets(SERVERS6), sources: [clientAddress(1).ipv6], timeoutMs: 16_000 },
        ...{ count: 80, rate: 20, concurrency: 80, bytes: 100 },
      });
      await evenly(8000, 4000, (n) => tap.send(freshSyn(n)));
      tap.close();
      return { results: await load };
    },
    wanted: 'b',
    elsewhereAtMost: 1,
    slowestAtMost: 1000,
  },
  {
    name: 'reloads remove a busy service and bring it back, groups of another before and after',
    scenario: providers({ a: 5, b: 5, c: 5 }, { ...TWO_HOSTS, servers: [...servers(), CROWD] }),
    subjects: [gateway('round-robin', { ...selecting('round-robin'), services: [BUSY, IN_TURN] })],
    ports: [...CLIENT_PORTS, BUSY_PORT],
    async run({ lab, running }) {
      const clients = lab.client(1).connector();
      const before = await pairs(clients, OTHERS);
      const sources = [0, 2, 4, 6, 8].map((client) => clientAddress(client).ipv4);
      // Each is a group that the daemon writes.
      const pace = { count: 1200, rate: 240, concurrency: 240, bytes: 0 };
      const busy = connect(lab, { targets: targets(CROWD.ipv4, BUSY_PORT), sources, ...pace });
      for (let round = 0; round < 6; round++) {
        await sleep(500);
        await running.reload({ services: round % 2 === 0 ? [IN_TURN] : [BUSY, IN_TURN] });
      }
      const after = await pairs(clients, OTHERS, 2);
      await clients.stop();
      return { results: [...before, ...after, ...(await busy)], remarks: await alarmsRemark(lab) };
    },
    wanted: TOGETHER,
    elsewhereAtMost: 0,
    // What the busy service had is told apart by nobody.
    groupOf: (connection) =>
      connection.localPort === BUSY_PORT ? `${connection.openedAt}` : byPair(connection),
  },
];

/** Each of these clients to each server, so many times, one after the other. */
async function pairs(connector: Connector, clients: readonly number[], times = 1): Promise<ConnectResult[]> {
  const all = clients.flatMap((client) =>
    SERVERS.map((address) => ({ address, port: portOf(client), client })),
  );
  return connector.run({
    targets: all,
    sources: all.map(({ client }) => clientAddress(client).ipv4),
    ...{ count: all.length * times, concurrency: 1, bytes: 100 },
  });
}

/** Beyond this the provider's line is not what is looked at. */
const NOT_OUT = `table inet lab_end {
  chain end { type filter hook forward priority 250; udp dport ${DATAGRAM_PORT} ip daddr 198.16.0.0/14 drop; }
}`;

async function fill({ gateway: machine, clients }: Lab): Promise<void> {
  await machine.must(['nft', '-f', '-'], { input: NOT_OUT });
  const [{ namespace, ipv4 }] = clients as [Lab['clients'][0]];
  const socket = await boundIn(namespace, ipv4, 0);
  const datagram = Buffer.from('x');
  await evenly(DATAGRAMS, FILL_MS, (n) =>
    socket.send(datagram, DATAGRAM_PORT, `198.${16 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`),
  );
  await sleep(1000);
  socket.close();
  await machine.must(['nft', 'delete', 'table', 'inet', 'lab_end']);
}

/** To somewhere dark: its race lasts as long as one can. */
function freshSyn(n: number): Buffer {
  return tcp({
    source: `fd00::1:${(n + 1).toString(16)}`,
    destination: `2001:db8:dead::${((n % 200) + 1).toString(16)}`,
    ...{ sourcePort: 1024 + (n % 60_000), destinationPort: 80, flags: SYN, seq: n, options: MSS_1460 },
  });
}

/** Nobody may believe that the gateway's table is lost because a map of it has gone. */
async function alarmsRemark(lab: World['lab']): Promise<Remark[]> {
  const { alarms } = await statusOf(lab);
  return alarms.length === 0 ? [] : [{ text: `alarms: ${alarms.join('; ')}`, asWanted: false }];
}
