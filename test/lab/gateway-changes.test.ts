/** Interfaces and addresses change while connections live: new ones follow at once, old ones never leak. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connector, EchoServer } from '../../lab/index.js';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6, percentile } from './support/gateway-lab.js';

const PORT = 7;
const TARGET = [{ address: NEAR, port: PORT }];
const BOTH = [...TARGET, { address: NEAR6, port: PORT }];

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', link: { delayMs: 10 } },
        { name: 'b', link: { delayMs: 30 } },
        { name: 'c', link: { delayMs: 50 } },
      ],
    },
    {
      topologyChanges: true,
      config: {
        routes: {
          a: { addresses: 'auto', gateway: 'auto', onDown: { flows: 'reset', after: '0s' } },
        },
        rest: { route: 'b' },
      },
    },
  );
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

/** Holds connections of both families that `a` has won. */
async function holdOverA(): Promise<Connector> {
  const holder = made.lab.client().connector();
  await echo.forget();
  connectMs(await holder.run({ targets: BOTH, count: 20, hold: true, bytes: 100 }));
  const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
  expect(sources).toHaveLength(20);
  expect(new Set(sources)).toEqual(new Set(['203.0.1.2', 'fd03:1::2']));
  return holder;
}

async function gatewayState(name: string): Promise<string | undefined> {
  return (await made.status()).routes.find((route) => route.name === name)?.state;
}

test('an address that changes: the new one is used, the old one never again', async () => {
  const { lab } = made;
  const holder = await holdOverA();
  await lab.gateway.must(['ip', 'addr', 'del', '203.0.1.2/24', 'dev', 'wan1']);
  await lab.gateway.must(['ip', 'addr', 'add', '203.0.1.77/24', 'dev', 'wan1']);
  // The kernel takes the default route away with the address; a DHCP client puts it back.
  await lab.gateway.must([
    ...['ip', 'route', 'replace', 'default', 'via', '203.0.1.1', 'dev', 'wan1', 'metric', '101'],
  ]);
  const changedAt = performance.now();
  await echo.forget();
  await eventually(
    async () => {
      await lab.client().connect({ targets: TARGET, bytes: 10 });
      return (await echo.connections()).at(-1)?.remoteAddress;
    },
    (source) => source === '203.0.1.77',
    1000,
  );
  const tookMs = performance.now() - changedAt;
  expect((await echo.connections()).at(-1)?.remoteAddress).toBe('203.0.1.77');
  expect(tookMs).toBeLessThan(1200);
  await lab.wire.reset();
  const { held, errors, ok } = await holder.check(100);
  // The IPv6 half keeps its address and lives; the IPv4 half is told at once.
  expect({ held, ok, errors }).toEqual({ held: 20, ok: 10, errors: { ECONNRESET: 10 } });
  connectMs(await lab.client().connect({ targets: BOTH, count: 20, bytes: 1000 }));
  const leaked = (await lab.wire.trace({ address: '203.0.1.2' })).filter(
    ({ direction }) => direction === 'out',
  );
  expect(leaked).toEqual([]);
  await holder.stop();
  await lab.gateway.must(['ip', 'addr', 'del', '203.0.1.77/24', 'dev', 'wan1']);
  await lab.gateway.must(['ip', 'addr', 'add', '203.0.1.2/24', 'dev', 'wan1']);
  await lab.gateway.must([
    ...['ip', 'route', 'replace', 'default', 'via', '203.0.1.1', 'dev', 'wan1', 'metric', '101'],
  ]);
  // It is back with an address that is as good as new: connections prove it.
  const proved = async (): Promise<string | undefined> => {
    await lab.client().connect({ targets: BOTH, bytes: 10 });
    return await gatewayState('a');
  };
  expect(await eventually(proved, (state) => state === 'up', 3000)).toBe('up');
});

test('clients that only wait are told, too', async () => {
  const { lab } = made;
  const holder = await holdOverA();
  await lab.gateway.must(['ip', 'link', 'set', 'wan1', 'down']);
  const open = async (): Promise<number> => lab.client().sockets('established');
  expect(await eventually(open, (left) => left === 0, 1500)).toBe(0);
  const results = await lab.client().connect({ targets: BOTH, count: 20, bytes: 1000 });
  expect(Math.max(...connectMs(results))).toBeLessThan(500);
  expect(await gatewayState('a')).toBe('down');
  await lab.wire.reset();
  expect((await holder.check(10)).ok).toBe(0);
  await lab.gateway.must(['ip', 'link', 'set', 'wan1', 'up']);
  // IPv6 addresses go with the interface and are not put back by the kernel; IPv4 routes neither.
  await lab.gateway.must(['ip', 'addr', 'replace', 'fd03:1::2/64', 'dev', 'wan1', 'nodad']);
  await lab.gateway.must([
    ...['ip', 'route', 'replace', 'default', 'via', '203.0.1.1', 'dev', 'wan1', 'metric', '101'],
  ]);
  await lab.gateway.must([
    ...['ip', '-6', 'route', 'replace', 'default', 'via', 'fd03:1::1', 'dev', 'wan1', 'metric', '101'],
  ]);
  expect(
    await eventually(
      () => gatewayState('a'),
      (state) => state !== 'down',
      1000,
    ),
    // What has come back must prove itself; races ask it all the same.
  ).toBe('suspect');
  await holder.stop();
  const again = await eventually(
    async () =>
      percentile(connectMs(await lab.client().connect({ targets: BOTH, count: 8, concurrency: 2 })), 0.5),
    (median) => median < 50,
    4000,
  );
  expect(again).toBeLessThan(50);
});

test('flows of other routes live through it', async () => {
  const { lab } = made;
  await lab.link('b').set({ delayMs: 2 });
  const holder = lab.client().connector();
  connectMs(await holder.run({ targets: TARGET, count: 10, hold: true, bytes: 10 }));
  expect(new Set((await echo.connections()).slice(-10).map(({ remoteAddress }) => remoteAddress))).toEqual(
    new Set(['203.0.2.2']),
  );
  await lab.gateway.must(['ip', 'link', 'set', 'wan3', 'down']);
  await sleep(200);
  expect(await holder.check(1000)).toEqual({ held: 10, ok: 10, errors: {} });
  await lab.gateway.must(['ip', 'link', 'set', 'wan3', 'up']);
  await holder.stop();
});

test('an MTU that changes is in the next copies', async () => {
  const { lab } = made;
  await lab.gateway.must(['ip', 'link', 'set', 'wan2', 'mtu', '1400']);
  const mss = await eventually(
    async () => {
      await lab.wire.reset();
      await lab.client().connect({ targets: TARGET });
      return (await lab.wire.trace({ kind: 'syn', provider: 'b' })).at(-1)?.mss;
    },
    (value) => value === 1360,
    1500,
  );
  expect(mss).toBe(1360);
});

test('with every route down the client gets an answer or its own time-out, and the daemon lives', async () => {
  const { lab } = made;
  for (const device of ['wan1', 'wan2', 'wan3'])
    await lab.gateway.must(['ip', 'link', 'set', device, 'down']);
  expect(
    await eventually(
      () => gatewayState('b'),
      (state) => state === 'down',
      1000,
    ),
  ).toBe('down');
  const [result] = await lab.client().connect({ targets: TARGET, timeoutMs: 1500 });
  expect(result?.connected).toBe(false);
  for (const device of ['wan1', 'wan2', 'wan3']) await lab.gateway.must(['ip', 'link', 'set', device, 'up']);
  expect(
    await eventually(
      () => gatewayState('b'),
      (state) => state !== 'down',
      1000,
    ),
  ).toBe('suspect');
  const [after] = await lab.client().connect({ targets: TARGET, bytes: 100, timeoutMs: 4000 });
  expect(after?.ok).toBe(true);
});

test('a ruleset that other software flushes comes back, and flows live on', async () => {
  const { lab } = made;
  const holder = lab.client().connector();
  connectMs(await holder.run({ targets: TARGET, count: 10, hold: true, bytes: 10 }));
  await lab.gateway.must(['nft', 'flush', 'ruleset']);
  const tables = () => lab.gateway.must(['nft', 'list', 'tables']);
  expect(await eventually(tables, (text) => text.includes('pathrace'), 2000)).toContain('pathrace');
  expect(await holder.check(1000)).toEqual({ held: 10, ok: 10, errors: {} });
  connectMs(await lab.client().connect({ targets: TARGET, bytes: 10 }));
  await holder.stop();
});
