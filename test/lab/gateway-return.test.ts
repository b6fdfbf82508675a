/** What has left a route comes back to it, in the kernel too: after one lost packet, and after commands. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { connectMs, eventually, FAR, GatewayLab, NEAR } from './support/gateway-lab.js';

const PORTS = { order: 11, price: 12, race: 13 } as const;
const NAMES = ['a', 'b'];

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', link: { delayMs: 30 } },
        { name: 'b', link: { delayMs: 5 } },
      ],
      servers: [{ name: 'near' }, { name: 'far' }],
    },
    {
      config: {
        routes: { b: { use: 'last-resort', cost: 8 } },
        services: [
          { name: 'order', match: { tcp: PORTS.order }, select: 'priority', affinity: 'client' },
          { name: 'price', match: { tcp: PORTS.price }, select: 'cheapest' },
          { name: 'race', match: { tcp: PORTS.race }, select: 'race' },
        ],
        memory: { refresh: 0 },
        rest: { route: 'b' },
      },
    },
  );
  echo = await made.lab.server().echo({ ports: Object.values(PORTS) });
});

afterAll(async () => {
  await made?.stop();
});

/** Providers of so many new connections to a port, by the sources that the server sees. */
async function by(port: number, count = 4): Promise<string[]> {
  await echo.forget();
  connectMs(
    await made.lab.client().connect({ targets: [{ address: NEAR, port }], count, concurrency: 1, bytes: 10 }),
  );
  const sources = (await echo.connections()).map(({ remoteAddress }) => String(remoteAddress));
  return sources.map((source) => NAMES[Number(/^203\.0\.(\d+)/.exec(source)?.[1]) - 1]);
}

function all(name: string, count = 4): string[] {
  return Array<string>(count).fill(name);
}

test.each(Object.entries(PORTS))('%s: one lost SYN, and all that follow go as before', async (_, port) => {
  expect(await by(port)).toEqual(all('a'));
  await made.lab.link('a').dropNext('syn', 1, { direction: 'out', port });
  const [hit, ...others] = await by(port, 5);
  expect(NAMES).toContain(hit);
  expect(others).toEqual(all('a'));
});

test.each(['disable', 'drain'])('%s and back: groups and plans follow', async (command) => {
  for (const port of Object.values(PORTS)) expect(await by(port)).toEqual(all('a'));
  await made.command(command, 'a');
  for (const port of Object.values(PORTS)) expect(await by(port)).toEqual(all('b'));
  await made.command(command === 'disable' ? 'enable' : 'undrain', 'a');
  for (const port of Object.values(PORTS)) {
    const back = await eventually(
      () => by(port),
      (found) => found.every((name) => name === 'a'),
      5000,
    );
    expect(back).toEqual(all('a'));
  }
});

test('a destination that the route cannot reach is helped out, and nobody else', async () => {
  await made.lab.link('a').set({ reject: { [FAR]: 'silent' } });
  const target = { targets: [{ address: FAR, port: PORTS.price }], concurrency: 1 };
  const times = connectMs(await made.lab.client().connect({ ...target, count: 4 }));
  // The first waits for its SYN's repeat; so may the second.
  expect(times[0]).toBeGreaterThan(900);
  const later = await eventually(
    async () => connectMs(await made.lab.client().connect({ ...target, count: 1 }))[0],
    (ms) => ms < 500,
    15_000,
  );
  expect(later).toBeLessThan(500);
  expect(await by(PORTS.price)).toEqual(all('a'));
  await made.lab.link('a').set({ reject: {} });
});
