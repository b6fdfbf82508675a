/** Round trips that are longer than a client waits before it sends its SYN again, and servers that let one provider in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ConnectResult,
  type EchoServer,
  plainNat,
  plainNatRoundRobin,
  type WirePacket,
} from '../../lab/index.js';
import type { MemoryEntry } from '../../src/api/contract.js';
import { connectMs, GatewayLab, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';

const ROUTES = ['a', 'b', 'c'] as const;
const PORT = { race: 7001, priority: 7002, cheapest: 7003, 'round-robin': 7004, together: 7005 } as const;
const PORTS = Object.values(PORT);
/** One connection of each criterion and family after the other, so many times. */
const ROUNDS = 3;

const service = (name: keyof typeof PORT, select: string, affinity = 'none'): object => ({
  name,
  match: { tcp: PORT[name] },
  select,
  affinity,
});
const SERVICES = [
  service('race', 'race'),
  service('priority', 'priority'),
  service('cheapest', 'cheapest'),
  service('round-robin', 'round-robin'),
  // As a configuration has it that says nothing: the second connection of a client and server is the kernel's.
  service('together', 'race', 'client+destination'),
];
const COSTS = { a: { cost: 1 }, b: { cost: 5 }, c: { cost: 9 } };
const CONFIG = { routes: COSTS, services: SERVICES };
const REMEMBERING = { ...CONFIG, memory: { trust: '10m', refresh: 0, store: 'none' } };

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    { lan: { clients: 2 }, providers: ROUTES.map((name) => ({ name, link: { delayMs: 5 } })) },
    { config: CONFIG },
  );
  echo = await made.lab.server().echo({ ports: PORTS });
  await made.stopDaemon();
});

afterAll(async () => {
  await made?.stop();
});

/** Round trips of the routes, milliseconds. */
async function roundTrips(a: number, b = a, c = a): Promise<void> {
  for (const [i, ms] of [a, b, c].entries()) await made.lab.link(ROUTES[i] ?? 'a').set({ delayMs: ms / 2 });
  await made.lab.wire.reset();
  await echo.forget();
}

function connect(ports: readonly number[], count: number, concurrency = 1): Promise<ConnectResult[]> {
  return made.lab.client().connect({
    targets: ports.flatMap((port) => [NEAR, NEAR6].map((address) => ({ address, port }))),
    count,
    concurrency,
    bytes: 1000,
    timeoutMs: 12_000,
  });
}

const all = (): Promise<ConnectResult[]> => connect(PORTS, 2 * PORTS.length * ROUNDS, 2 * PORTS.length);

/** What went out to the server with the ends of a connection that it has. */
async function resetsOfLiving(): Promise<WirePacket[]> {
  const living = (await echo.connections()).map((each) => `${each.remoteAddress} ${each.remotePort}`);
  const resets = await made.lab.wire.trace({ kind: 'rst', direction: 'out' });
  return resets.filter(({ source, sourcePort }) => living.includes(`${source} ${sourcePort}`));
}

/** Each connection is made once, and when a plain router's is: not at the client's next repeat. */
async function expectAsPlain(results: readonly ConnectResult[], plainMs: number): Promise<void> {
  expect(Math.max(...connectMs(results))).toBeLessThan(plainMs + 900);
  expect(await resetsOfLiving()).toEqual([]);
  expect(await echo.count()).toMatchObject({ accepted: results.length, bytes: 1000 * results.length });
  expect(await halfOpen(made.lab, 12_000)).toBe(0);
}

describe.each([1300, 2200])('all routes with a round trip of %i ms', (rttMs) => {
  let plainMs = 0;

  test('plain kernel NAT', async () => {
    for (const nat of [() => plainNat(made.lab, 'a'), () => plainNatRoundRobin(made.lab)]) {
      await roundTrips(rttMs);
      const installed = await nat();
      try {
        plainMs = Math.max(plainMs, ...connectMs(await connect([PORT.race, PORT.cheapest], 4, 4)));
      } finally {
        await installed.remove();
      }
    }
    expect(plainMs).toBeGreaterThan(rttMs - 1);
  });

  test('the gateway, by every criterion and in groups', async () => {
    await roundTrips(rttMs);
    await made.startDaemon(CONFIG);
    try {
      await expectAsPlain(await all(), plainMs);
    } finally {
      await made.stopDaemon();
    }
  });

  test('the gateway, by memory', async () => {
    await roundTrips(rttMs);
    await made.startDaemon(REMEMBERING);
    try {
      await expectAsPlain(await all(), plainMs);
    } finally {
      await made.stopDaemon();
    }
  });
});

test('a slow route that is wanted is remembered as slow, and waited for', async () => {
  await roundTrips(1200, 40, 40);
  await made.startDaemon(REMEMBERING);
  try {
    const client = made.lab.client();
    const targets = [{ address: NEAR, port: PORT.cheapest }];
    // The first is rescued; then a moment, in which the answer to the client's own repeat comes.
    connectMs(await client.connect({ targets }));
    connectMs(await client.connect({ targets, count: 2, rate: 0.5 }));
    await echo.forget();
    connectMs(await client.connect({ targets, count: 5, bytes: 100 }));
    const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
    expect(sources).toEqual(Array(5).fill('203.0.1.2'));
    const [entry] = JSON.parse(await made.command('memory')) as MemoryEntry[];
    expect(entry?.routes.a?.answer).not.toBe('silent');
    expect(entry?.routes.a?.rttMicros).toBeGreaterThan(1_100_000);
    expect((await made.status()).routes.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
  } finally {
    await made.stopDaemon();
  }
});

test('two fast providers are refused by the server, the slow one is let in: every connection is made', async () => {
  await roundTrips(20, 30, 300);
  for (const name of ['a', 'b'] as const) await made.lab.link(name).set({ reject: { '*': 'rst' } });
  await made.startDaemon(REMEMBERING);
  try {
    for (const address of [NEAR, NEAR6]) {
      const targets = [{ address, port: PORT.race }];
      const results = await made.lab.client().connect({ targets, count: 5, bytes: 100 });
      const times = connectMs(results);
      expect(Math.min(...times)).toBeGreaterThan(299);
      // Nobody waits for more than the slow route's own time.
      expect(Math.max(...times)).toBeLessThan(300 + 900);
    }
    const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
    expect(sources).toEqual([...Array(5).fill('203.0.3.2'), ...Array(5).fill('fd03:3::2')]);
    const entries = JSON.parse(await made.command('memory')) as MemoryEntry[];
    for (const { best, trusted, routes } of entries) {
      expect({ best, trusted }).toEqual({ best: 'c', trusted: true });
      expect([routes.a?.answer, routes.b?.answer]).toEqual(['failed', 'failed']);
    }
  } finally {
    for (const name of ['a', 'b'] as const) await made.lab.link(name).set({ reject: {} });
    await made.stopDaemon();
  }
});
