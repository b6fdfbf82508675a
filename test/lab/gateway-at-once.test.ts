/**
 * Connections of one client that begin at the same moment, to servers that are nearest by different providers: with `affinity: client` all
 * of them have one address, and none waits for it longer than its own answer takes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { connectMs, GatewayLab } from './support/gateway-lab.js';
import { routeOf, routesTaken } from './support/taken.js';

const PORT = { client: 7001, none: 7002 } as const;
const CLIENTS = 10;
const SERVERS = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
const near = (name: string): Record<string, number> => ({ a: 40, b: 40, c: 40, [name]: 1 });

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      lan: { clients: CLIENTS },
      providers: ['a', 'b', 'c'].map((name) => ({ name })),
      servers: ['a', 'b', 'c'].map((name, i) => ({
        name: `by-${name}`,
        ipv4: [SERVERS[i]],
        distanceMs: near(name),
      })),
    },
    {
      config: {
        services: [
          { name: 'together', match: { tcp: PORT.client }, select: 'race', affinity: 'client' },
          { name: 'apart', match: { tcp: PORT.none }, select: 'race', affinity: 'none' },
        ],
      },
    },
  );
  echo = await made.lab.server().echo({ ports: Object.values(PORT) });
});

afterAll(async () => {
  await made?.stop();
});

/** The addresses that each client's connections came from, as its servers saw them; and the longest time to connect. */
async function addresses(port: number): Promise<{ perClient: Set<string>[]; worst: number }> {
  const perClient: Set<string>[] = [];
  let worst = 0;
  for (let index = 0; index < CLIENTS; index++) {
    await echo.forget();
    const targets = SERVERS.map((address) => ({ address, port }));
    const sources = [`10.0.0.${index + 2}`];
    const results = await made.lab.client().connect({ targets, sources, concurrency: 3, bytes: 100 });
    worst = Math.max(worst, ...connectMs(results));
    perClient.push(
      new Set((await echo.connections()).map(({ remoteAddress }) => routeOf(made.lab, remoteAddress))),
    );
  }
  return { perClient, worst };
}

test('without affinity each goes by the provider that is nearest to its server', async () => {
  const { perClient } = await addresses(PORT.none);
  expect(perClient.filter(({ size }) => size > 1).length).toBeGreaterThan(CLIENTS / 2);
});

test('with it all of a client’s connections have one address', async () => {
  const { perClient, worst } = await addresses(PORT.client);
  expect(perClient.map(({ size }) => size)).toEqual(perClient.map(() => 1));
  // The far way takes 80 ms; a SYN repeat would take a second.
  expect(worst).toBeLessThan(1000);
});

test('and so they stay', async () => {
  await echo.forget();
  const targets = SERVERS.map((address) => ({ address, port: PORT.client }));
  connectMs(await made.lab.client().connect({ targets, sources: ['10.0.0.2'], bytes: 100 }));
  expect(new Set(routesTaken(made.lab, await echo.connections())).size).toBe(1);
});
