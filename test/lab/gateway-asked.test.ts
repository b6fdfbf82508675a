/** A route is asked itself before it is down: a filter cuts nothing, an outage does. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connector, EchoServer } from '../../lab/index.js';
import { connectMs, eventually, GatewayLab, NEAR } from './support/gateway-lab.js';
import { routeOf, untilState } from './support/routes.js';

const PORT = 25;
/** Servers of one mail, say. */
const MAIL = ['198.51.100.2', '198.51.100.3', '198.51.100.4', '198.51.100.5'];

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', families: ['ipv4'], link: { delayMs: 5 } },
        { name: 'b', families: ['ipv4'], link: { delayMs: 15 } },
      ],
      servers: [NEAR, ...MAIL].map((address, i) => ({ name: `s${i}`, ipv4: [address] })),
    },
    {
      config: {
        services: [{ name: 'order', match: { tcp: PORT }, select: 'priority', affinity: 'none' }],
        memory: { refresh: 0 },
        rest: { route: 'b' },
      },
    },
  );
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

async function hold(): Promise<Connector> {
  await eventually(
    async () => {
      await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], bytes: 10 });
      return (await routeOf(made, 'a')).state === 'up';
    },
    (isUp) => isUp,
    10_000,
  );
  await echo.forget();
  const holder = made.lab.client().connector();
  connectMs(await holder.run({ targets: [{ address: NEAR, port: PORT }], count: 5, hold: true, bytes: 100 }));
  const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
  expect(new Set(sources)).toEqual(new Set(['203.0.1.2']));
  return holder;
}

/** Connections to all mail servers, again and again, for so long; whether `a` was down at some time. */
async function deliver(forMs: number): Promise<boolean> {
  const until = performance.now() + forMs;
  const targets = MAIL.map((address) => ({ address, port: PORT }));
  while (performance.now() < until) {
    await made.lab.client().connect({ targets, count: 4, concurrency: 4, bytes: 10 });
    if ((await routeOf(made, 'a')).state === 'down') return true;
  }
  return false;
}

test('a provider that was silent for a moment is back without any traffic', async () => {
  await hold().then((holder) => holder.stop());
  await made.lab.link('a').set({ blackhole: true });
  const { state } = await eventually(
    async () => {
      await deliver(500);
      return routeOf(made, 'a');
    },
    ({ state }) => state === 'suspect',
    8000,
  );
  expect(state).toBe('suspect');
  await made.lab.link('a').set({ blackhole: false });
  expect((await untilState(made, 'a', 'up', 25_000)).state).toBe('up');
});

test('a provider that filters a port is not down, and flows of others live', async () => {
  const holder = await hold();
  await made.lab.link('a').set({ reject: Object.fromEntries(MAIL.map((address) => [address, 'silent'])) });
  expect(await deliver(20_000)).toBe(false);
  expect(await holder.check(100)).toEqual({ held: 5, ok: 5, errors: {} });
  await made.lab.link('a').set({ reject: {} });
  await holder.stop();
});

test('a provider that carries nothing is down, and what it had is told', async () => {
  await deliver(3000);
  const holder = await hold();
  await made.lab.link('a').set({ blackhole: true });
  expect(await deliver(60_000)).toBe(true);
  expect((await holder.check(100)).errors).toEqual({ ECONNRESET: 5 });
  await holder.stop();
});
