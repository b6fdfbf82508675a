/** A gateway over three slow routes beside a plain router: what that carries is carried, no later than by it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ConnectResult,
  type EchoServer,
  plainNat,
  plainNatRoundRobin,
  type WirePacket,
} from '../../../lab/index.js';
import { connectMs, GatewayLab, halfOpen, NEAR, NEAR6 } from './gateway-lab.js';

const ROUTES = ['a', 'b', 'c'] as const;
export const PORT = {
  race: 7001,
  priority: 7002,
  cheapest: 7003,
  'round-robin': 7004,
  together: 7005,
} as const;
const PORTS = Object.values(PORT);
/** One connection of each criterion and family after the other, so many times: the second is decided by what the first has taught. */
const ROUNDS = 2;

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
export const REMEMBERING = { ...CONFIG, memory: { trust: '10m', refresh: 0, store: 'none' } };

export let made: GatewayLab;
export let echo: EchoServer;

/** The lab of a test file, with no gateway running between the tests. */
export function usePatienceLab(): void {
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
}

/** Round trips of the routes, milliseconds. */
export async function roundTrips(a: number, b = a, c = a): Promise<void> {
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

/** Tests at these round trips. */
export function describeRoundTrips(...rtts: readonly number[]): void {
  describe.each(rtts)('all routes with a round trip of %i ms', asBesidePlain);
}

function asBesidePlain(rttMs: number): void {
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
}
