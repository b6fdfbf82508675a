import { describe, expect, it } from 'vitest';
import type { SimClient } from '../../src/sim/client.js';
import { kindOf, tcpPacket } from '../../src/sim/packets.js';
import { World, type WorldOptions } from '../../src/sim/world.js';
import { FLAG } from '../../src/wire/packet.js';
import { OPTION } from '../../src/wire/tcp-options.js';
import { words } from './engine-harness.js';

/** What the port 40 000 of a client becomes: 32 768, the first above the race ports, is their first, 8192. */
const OUTER_PORT = 15_424;

/** Providers a, b, c, with these round-trip times. */
function site(rtts: readonly number[], options: WorldOptions = {}): World {
  const providers = rtts.map((rtt, i) => ({ name: 'abc'[i], link: { delayMs: rtt / 2 } }));
  return new World({ providers }, options);
}

/** What holds at the end of every run, whatever happened. */
function expectClean(world: World, ...connected: SimClient[]): void {
  expect(world.halfOpen).toBe(0);
  expect(world.gateway.engine.races.active).toBe(0);
  for (const client of connected) {
    expect(client.result).toBe('connected');
    const late = client.arrivals.filter(({ at }) => at > client.finishedAt);
    expect(late.filter(({ provider }) => provider !== client.winner)).toEqual([]);
    expect(client.errorsReceived).toBe(0);
  }
}

describe('order and repetition', () => {
  it('every packet twice, on every wire', () => {
    const world = site([40, 20, 60], { tamper: () => [0, 3000] });
    const client = world.connect({ at: 0, bytes: 500 });
    world.runUntil(10_000);
    expectClean(world, client);
    expect(client.connectMicros).toBe(20_000);
    expect(client.acknowledged).toBe(500);
  });

  it('every SYN+ACK a second time, ten seconds late: reset, and the connection stays', () => {
    const world = site([40, 20, 60], {
      tamper: (packet) => (kindOf(packet) === 'synack' ? [0, 10_000_000] : undefined),
    });
    const client = world.connect({ at: 0, bytes: 500 });
    world.runUntil(20_000);
    expectClean(world, client);
    const late = world.trace.packets.filter(({ at, kind }) => at > 5_000_000 && kind === 'rst');
    expect(late.map(({ provider }) => provider).sort()).toEqual([1, 3]);
  });

  it('a reset that overtakes the SYN does not help, the one after the SYN+ACK does', () => {
    const world = site([40, 20], {
      tamper: (packet, provider, direction) =>
        provider === 1 && direction === 'out' && kindOf(packet) === 'syn' ? [500_000] : undefined,
    });
    const client = world.connect({ at: 0 });
    world.runUntil(3000);
    expectClean(world, client);
    expect(world.servers[0].history.find(({ provider }) => provider === 1)?.settledAt).toBe(560_000);
  });

  it('the repeat of the SYN one millisecond before the SYN+ACK', () => {
    const world = site([1001, 1400]);
    const client = world.connect({ at: 0, bytes: 10 });
    world.runUntil(10_000);
    expectClean(world, client);
    expect(client.connectMicros).toBe(1_001_000);
    expect(client.acknowledged).toBe(10);
  });

  it.each([0, 200, 5000])('batches of %i us change nothing but the time', (batchMicros) => {
    const world = site([40, 20, 60], { batchMicros });
    const clients = Array.from({ length: 50 }, (_, i) => world.connect({ at: i * 0.1, bytes: 100 }));
    world.runUntil(10_000);
    expectClean(world, ...clients);
    for (const client of clients) expect(client.connectMicros).toBeLessThanOrEqual(20_000 + 2 * batchMicros);
  });

  it('SYN+ACKs of all routes in one batch: one wins, the others are reset', () => {
    const world = site([20, 20.01, 20.02], { batchMicros: 1000 });
    const client = world.connect({ at: 0 });
    world.runUntil(4000);
    expectClean(world, client);
    expect(world.trace.filter({ kind: 'rst', direction: 'out' })).toHaveLength(2);
  });

  it('heavy reordering, jitter and loss: every connection is made, nothing is left', () => {
    const link = { delayMs: 10, jitterMs: 20, loss: 0.1, reorder: 0.2, reorderMs: 50 };
    const world = new World(
      { seed: 7, providers: ['a', 'b', 'c'].map((name) => ({ name, link })) },
      { settings: { races: 512, racesPerClient: 512 } },
    );
    const clients = Array.from({ length: 300 }, (_, i) => world.connect({ at: i * 5, bytes: 200 }));
    world.runUntil(40_000);
    expect(clients.filter(({ result }) => result !== 'connected')).toEqual([]);
    expect(clients.filter(({ acknowledged }) => acknowledged !== 200)).toEqual([]);
    expectClean(world);
  });
});

describe('the same tuple again', () => {
  const tuple = { clientPort: 40_000 };

  it('a new sequence number during the race', () => {
    const world = site([40, 20]);
    world.connect({ at: 0, isn: 1000, ...tuple });
    const second = world.connect({ at: 5, isn: 900_000, bytes: 50, ...tuple });
    world.runUntil(10_000);
    expectClean(world, second);
    expect(second.connectMicros).toBe(20_000);
    expect(second.acknowledged).toBe(50);
  });

  it('a new sequence number close to the old one, the old reset lost', () => {
    let resets = 0;
    const world = site([40, 20], {
      tamper: (packet) => (kindOf(packet) === 'rst' && resets++ < 2 ? [] : undefined),
    });
    world.connect({ at: 0, isn: 1000, ...tuple });
    const second = world.connect({ at: 15, isn: 1500, bytes: 50, ...tuple });
    world.runUntil(10_000);
    expectClean(world, second);
    expect(second.connectMicros).toBeLessThan(1_000_000);
  });

  it('while the server is in TIME_WAIT on all routes: the challenge ACK is answered at once, no second is lost', () => {
    const world = site([40, 20]);
    const [server] = world.servers;
    const remote = { address: words('198.51.100.1'), port: 443 };
    for (const provider of [1, 2]) {
      const local = { address: words(`203.0.${provider}.2`), port: OUTER_PORT };
      server.holdTimeWait(remote, local, provider, 2_000_000, 77_000);
    }
    const client = world.connect({ at: 0, isn: 1_000_000, bytes: 50, ...tuple });
    world.runUntil(8000);
    expectClean(world, client);
    // SYN, challenge, RST and SYN, SYN+ACK: two round trips.
    expect(client.connectMicros).toBe(40_000);
  });

  it('while the server is in TIME_WAIT, with a later sequence number: as if nothing had been', () => {
    const world = site([40, 20]);
    const local = { address: words('203.0.2.2'), port: OUTER_PORT };
    world.servers[0].holdTimeWait({ address: words('198.51.100.1'), port: 443 }, local, 2, 500_000, 77_000);
    const client = world.connect({ at: 0, isn: 1_000_000, bytes: 50, ...tuple });
    world.runUntil(8000);
    expectClean(world, client);
    expect(client.connectMicros).toBe(20_000);
  });

  it('one after the other, closed by the server each time', () => {
    const world = site([40, 20]);
    world.servers[0].behaviour = { closesFirst: true };
    const clients = Array.from({ length: 20 }, (_, i) =>
      world.connect({ at: i * 1500, isn: (i * 0x37654321) | 0, bytes: 50, ...tuple }),
    );
    world.runUntil(60_000);
    expectClean(world, ...clients);
    for (const client of clients) expect(client.connectMicros).toBeLessThanOrEqual(80_000);
    expect(world.gateway.conntrack.refused).toBe(0);
  });

  it('of another client: the tuple of a living flow is not taken from it', () => {
    // Port memory of one entry: the gateway has forgotten who uses the port.
    const world = site([20, 40], { settings: { portMemory: 1 } });
    const first = world.connect({ at: 0, clientPort: 40_000, bytes: 50 });
    const others = Array.from({ length: 20 }, (_, i) =>
      world.connect({ at: 100 + i * 100, client: 1 + i, clientPort: 41_000 + i }),
    );
    const second = world.connect({ at: 3000, client: 30, clientPort: 40_000, bytes: 50 });
    world.runUntil(20_000);
    expectClean(world, first, second, ...others);
    expect(second.acknowledged).toBe(50);
    expect(world.servers[0].connectionsIn('established')).toHaveLength(22);
  });
});

describe('odd servers and middleboxes', () => {
  it('simultaneous open: the server’s own SYN makes the connection', () => {
    const world = site([400, 600]);
    const client = world.connect({ at: 0, isn: 1000, clientPort: 40_000 });
    world.schedule.at(50_000, () => {
      const from = { address: words('198.51.100.1'), port: 443 };
      const to = { address: words('203.0.2.2'), port: OUTER_PORT };
      world.providers[1].inject(tcpPacket({ from, to, sequence: 5, acknowledgement: 0, flags: FLAG.SYN }));
    });
    world.runUntil(60);
    expect(client.result).toBe('connected');
    expect(client.winner).toBe(2);
    expect(client.connectMicros).toBe(50_000);
    const reply = world.trace.packets.filter(
      ({ provider, kind, direction }) => provider === 2 && kind === 'synack' && direction === 'out',
    );
    expect(reply).toMatchObject([{ sequence: 1000, acknowledgement: 6 }]);
  });

  it('a provider that answers every SYN itself wins: it cannot be told from the server', () => {
    const world = new World({
      providers: [
        { name: 'a', link: { delayMs: 20 } },
        { name: 'b', link: { answersSyn: true } },
      ],
    });
    const client = world.connect({ at: 0 });
    world.runUntil(5000);
    expectClean(world, client);
    expect(client.winner).toBe(2);
  });

  it('a provider that strips options', () => {
    const world = new World({
      providers: [
        { name: 'a', link: { delayMs: 20 } },
        { name: 'b', link: { delayMs: 5, stripOptions: [3, 4, 8] } },
      ],
    });
    const client = world.connect({ at: 0, bytes: 100 });
    world.runUntil(5000);
    expectClean(world, client);
    expect(client.winner).toBe(2);
    const shown = client.arrivals[0].packet.options;
    expect(shown & (OPTION.WINDOW_SCALE | OPTION.SACK_PERMITTED)).toBe(0);
    expect(shown & OPTION.MSS).toBe(OPTION.MSS);
  });

  it.each(['out', 'in', true] as const)('a blackhole (%s) costs nothing', (blackhole) => {
    const world = new World({
      providers: [
        { name: 'a', link: { delayMs: 20 } },
        { name: 'b', link: { delayMs: 5, blackhole } },
      ],
    });
    const client = world.connect({ at: 0, bytes: 100 });
    world.runUntil(2000);
    expect(client.connectMicros).toBe(40_000);
    expect(client.acknowledged).toBe(100);
    world.runUntil(20_000);
    expectClean(world, client);
  });

  it('all routes dead for three seconds, one back with errors first: the other still wins', () => {
    const dead = { blackhole: true };
    const world = new World({
      providers: [
        { name: 'a', link: { delayMs: 5, ...dead } },
        { name: 'b', link: { delayMs: 25, ...dead } },
      ],
      faults: [
        { atMs: 3050, provider: 'a', set: { blackhole: false, reject: { '*': 'host-unreachable' } } },
        { atMs: 3050, provider: 'b', set: { blackhole: false } },
      ],
    });
    const client = world.connect({ at: 0 });
    world.runUntil(10_000);
    expectClean(world, client);
    expect(client.connectMicros).toBe(3_150_000);
  });

  it('a route dies right after it has won: its data is lost, the route does not change', () => {
    const world = new World({
      providers: [
        { name: 'a', link: { delayMs: 20 } },
        { name: 'b', link: { delayMs: 5 } },
      ],
      faults: [{ atMs: 11, provider: 'b', set: { blackhole: true } }],
    });
    const client = world.connect({ at: 0, bytes: 100 });
    world.runUntil(30_000);
    expect(client.winner).toBe(2);
    const data = world.trace.packets.filter(({ kind, direction }) => kind === 'data' && direction === 'out');
    expect(new Set(data.map(({ provider }) => provider))).toEqual(new Set([2]));
  });

  it('copies that cannot leave over one route are no loss to the others', () => {
    const world = site([20, 40, 60]);
    world.gateway.setInterface(1, false);
    const client = world.connect({ at: 0, bytes: 100 });
    world.runUntil(5000);
    expectClean(world, client);
    expect(client.connectMicros).toBe(40_000);
  });

  it('an interface that fails between SYN and repeat: the answer to the first SYN still counts', () => {
    const world = site([1500, 3000]);
    const client = world.connect({ at: 0, bytes: 100 });
    world.schedule.at(900_000, () => world.gateway.setInterface(1, false));
    world.schedule.at(1_200_000, () => world.gateway.setInterface(1, true));
    world.runUntil(20_000);
    expectClean(world, client);
    expect(client.connectMicros).toBe(1_500_000);
  });

  it('forged answers from outside decide nothing', () => {
    const world = site([40, 60]);
    const client = world.connect({ at: 0, isn: 1000, clientPort: 40_000, bytes: 10 });
    const server = { address: words('198.51.100.1'), port: 443 };
    const to = { address: words('203.0.2.2'), port: OUTER_PORT };
    const forgeries = [
      tcpPacket({ from: server, to, sequence: 9, acknowledgement: 77, flags: FLAG.SYN | FLAG.ACK }),
      tcpPacket({ from: server, to, sequence: 9, acknowledgement: 0, flags: FLAG.RST }),
      tcpPacket({ from: server, to, sequence: 9, acknowledgement: 1000, flags: FLAG.RST | FLAG.ACK }),
    ];
    forgeries.forEach((bytes, i) => {
      world.schedule.at(1000 * (i + 1), () => world.providers[1].inject(bytes));
    });
    world.runUntil(10_000);
    expectClean(world, client);
    expect(client.connectMicros).toBe(40_000);
  });
});

describe('the kernel owns decided flows', () => {
  it('no packet of an established connection reaches the engine', () => {
    const world = site([40, 20]);
    const client = world.connect({ at: 0, bytes: 1000 });
    world.runUntil(200);
    const queued = world.gateway.queued;
    expect(queued).toBeLessThanOrEqual(4);
    for (let i = 0; i < 10; i++) world.connect({ at: 300 + i * 10, bytes: 10, port: 80 + i });
    world.runUntil(10_000);
    expect(client.acknowledged).toBe(1000);
    // SYN, two SYN+ACKs, and the late one a second time after conntrack has looked.
    expect(world.gateway.queued - queued).toBeLessThanOrEqual(40);
  });

  it('what is not raced goes by the rest route, from a port below the race ports', () => {
    const world = site([40, 20]);
    const client = world.connect({ at: 0, bytes: 100, options: [30, 12, 0x10, 1, 1, 2, 3, 4, 5, 6, 7, 8] });
    world.runUntil(5000);
    expectClean(world, client);
    expect(client.connectMicros).toBe(40_000);
    expect(world.gateway.released).toEqual([{ route: 0, reason: 'mptcp-join' }]);
    expect(world.trace.filter({ kind: 'syn' })).toHaveLength(1);
  });

  it('a table that is full costs no connection', () => {
    const world = site([40, 20], { settings: { races: 4 } });
    const clients = Array.from({ length: 40 }, (_, i) => world.connect({ at: i * 0.01, bytes: 10 }));
    world.runUntil(10_000);
    expectClean(world, ...clients);
    expect(world.gateway.released.length).toBe(36);
  });
});
