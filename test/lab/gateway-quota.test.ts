/** What a route may carry: charged as it was on the wire, also where routes share an interface; and what happens when it is used up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RouteStatus } from '../../src/api/contract.js';
import { connectMs, eventually, type GatewayLab, NEAR, withGateway } from './support/gateway-lab.js';
import { routeOf } from './support/routes.js';

const PORT = { raced: 11, priority: 12, 'by one': 13, 'by two': 14, pinned: 15 } as const;
const SCENARIO = {
  providers: [
    { name: 'one', addresses: 2, link: { delayMs: 2 } },
    { name: 'far', link: { delayMs: 30 } },
  ],
};
const ADDRESS = { one: '203.0.1.2', two: '203.0.1.3' } as const;
const SERVICES = [
  { name: 'raced', match: { tcp: PORT.raced }, select: 'race', affinity: 'none' },
  {
    name: 'priority',
    match: { tcp: PORT.priority },
    select: { criterion: 'priority', routes: ['two', 'far'] },
    affinity: 'none',
  },
  {
    name: 'pinned',
    match: { tcp: PORT.pinned },
    select: { criterion: 'priority', routes: ['two', 'far'] },
    affinity: 'client',
  },
  { name: 'by-one', match: { tcp: PORT['by one'] }, select: 'one' },
  { name: 'by-two', match: { tcp: PORT['by two'] }, select: 'two' },
];

/** Routes `one` and `two` have one interface, and two addresses on it. */
function config(quota: unknown, more: object = {}): Record<string, unknown> {
  const shared = { interface: 'wan1', gateway: '203.0.1.1' };
  return {
    routes: {
      one: { ...shared, addresses: [ADDRESS.one] },
      two: { ...shared, addresses: [ADDRESS.two], ...(quota === null ? {} : { quota }) },
    },
    services: SERVICES,
    rest: { route: 'far' },
    memory: { trust: '10m', refresh: 0 },
    ...more,
  };
}

const HEADERS = 14 + 20 + 32;

/** Bytes of the frames from and to an address of a provider, as the emulator has seen them. */
async function onTheWire({ lab }: GatewayLab, provider: string, address?: string): Promise<number> {
  const packets = await lab.wire.trace({
    provider,
    limit: 100_000,
    ...(address === undefined ? {} : { address }),
  });
  return packets.reduce((sum, { length }) => sum + length + HEADERS, 0);
}

async function used(made: GatewayLab, name: string): Promise<number> {
  return (await routeOf(made, name)).quota.used;
}

/** Opens connections to a port one after the other; the addresses that the server saw. */
async function cameBy(made: GatewayLab, port: number, count: number): Promise<string[]> {
  const echo = await echoOf(made);
  await echo.forget();
  const targets = [{ address: NEAR, port }];
  connectMs(await made.lab.client().connect({ targets, count, concurrency: 1, bytes: 10 }));
  return (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
}

const echoes = new WeakMap<GatewayLab, ReturnType<ReturnType<GatewayLab['lab']['server']>['echo']>>();
function echoOf(made: GatewayLab): ReturnType<ReturnType<GatewayLab['lab']['server']>['echo']> {
  const echo = echoes.get(made) ?? made.lab.server().echo({ ports: Object.values(PORT) });
  echoes.set(made, echo);
  return echo;
}

async function carry(made: GatewayLab, port: number, bytes: number): Promise<void> {
  await echoOf(made);
  connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port }], count: 1, bytes }));
}

async function untilSpent(made: GatewayLab, spent: boolean): Promise<RouteStatus> {
  const route = await eventually(
    () => routeOf(made, 'two'),
    ({ quota }) => quota.spent === spent,
    5000,
  );
  expect(route.quota.spent).toBe(spent);
  return route;
}

test('two routes on one interface: each is charged with its own, as it was on the wire; nothing twice', async () => {
  await withGateway(SCENARIO, { config: config('1GB') }, async (made) => {
    await echoOf(made);
    await sleep(1500);
    const before = [await used(made, 'one'), await used(made, 'two')];
    await made.lab.wire.reset();
    await carry(made, PORT['by one'], 900_000);
    await carry(made, PORT['by two'], 300_000);
    // Copies of races count where they leave.
    await cameBy(made, PORT.raced, 10);
    await sleep(2200);
    const wire = [
      await onTheWire(made, 'one', ADDRESS.one),
      await onTheWire(made, 'one', ADDRESS.two),
    ] as const;
    const charged = [(await used(made, 'one')) - before[0], (await used(made, 'two')) - before[1]] as const;
    // Both ways: each of the two was echoed.
    expect(wire[0]).toBeGreaterThan(1_800_000);
    expect(wire[1]).toBeGreaterThan(600_000);
    for (const i of [0, 1] as const) {
      expect(charged[i]).toBeGreaterThan(wire[i] * 0.97);
      expect(charged[i]).toBeLessThan(wire[i] * 1.03);
    }
    expect(await used(made, 'far')).toBeLessThan(100_000);
  });
});

test('used up: none of 8 raced connections by it, groups leave it, what flows goes on; the volume raised: at once back', async () => {
  await withGateway(SCENARIO, { config: config('2MB') }, async (made) => {
    expect(await cameBy(made, PORT.priority, 2)).toEqual([ADDRESS.two, ADDRESS.two]);
    expect(await cameBy(made, PORT.pinned, 1)).toEqual([ADDRESS.two]);
    const holder = made.lab.client().connector();
    const targets = [{ address: NEAR, port: PORT['by two'] }];
    connectMs(await holder.run({ targets, count: 1, hold: true, bytes: 100 }));
    await carry(made, PORT['by two'], 1_200_000);
    const spent = await untilSpent(made, true);
    expect(spent).toMatchObject({ state: 'up', reasons: ['quota'] });
    expect((await made.status()).alarms).toContainEqual(
      expect.stringMatching(
        /^route two has used up its quota and is a last resort, until \d{4}-\d\d-01 00:00 \S+$/,
      ),
    );
    expect(made.daemon.stderr()).toContain('"event":"quota-used-up"');
    await sleep(300);
    await made.lab.wire.reset();
    expect(await cameBy(made, PORT.raced, 8)).not.toContain(ADDRESS.two);
    // Not even a copy.
    expect(await made.lab.wire.trace({ kind: 'syn', direction: 'out', address: ADDRESS.two })).toEqual([]);
    expect(await cameBy(made, PORT.priority, 4)).toEqual(Array(4).fill('203.0.2.2'));
    expect(await cameBy(made, PORT.pinned, 2)).toEqual(Array(2).fill('203.0.2.2'));
    expect(await holder.check(1000)).toEqual({ held: 1, ok: 1, errors: {} });
    // A service that has no other route has it, as a last resort.
    expect(await cameBy(made, PORT['by two'], 1)).toEqual([ADDRESS.two]);
    await made.command('disable', 'far');
    expect(await cameBy(made, PORT.priority, 2)).toEqual([ADDRESS.two, ADDRESS.two]);
    await made.command('enable', 'far');
    expect(await cameBy(made, PORT.priority, 2)).toEqual(Array(2).fill('203.0.2.2'));

    made.rewriteConfig(config('1GB'));
    await made.command('reload');
    expect((await untilSpent(made, false)).quota.bytes).toBe(1e9);
    await sleep(300);
    expect(await cameBy(made, PORT.priority, 2)).toEqual([ADDRESS.two, ADDRESS.two]);
    expect(await cameBy(made, PORT.pinned, 1)).toEqual([ADDRESS.two]);
    await holder.stop();
  });
});

test('`then: down`: nothing new, and what it has is cut as it is when a route goes down; `then: alarm` only says it', async () => {
  const quota = (then: string): object => ({ volume: '1MB', day: 12, then });
  await withGateway(SCENARIO, { config: config(quota('alarm')) }, async (made) => {
    const holder = made.lab.client().connector();
    const targets = [{ address: NEAR, port: PORT['by two'] }];
    await echoOf(made);
    connectMs(await holder.run({ targets, count: 1, hold: true, bytes: 100 }));
    await carry(made, PORT['by two'], 600_000);
    const { quota: said } = await untilSpent(made, true);
    expect(said).toMatchObject({
      day: 12,
      action: 'alarm',
      since: expect.stringMatching(/^\d{4}-\d\d-1[12]T/),
    });
    expect(await cameBy(made, PORT.priority, 2)).toEqual([ADDRESS.two, ADDRESS.two]);
    expect(await holder.check(1000)).toEqual({ held: 1, ok: 1, errors: {} });
    made.rewriteConfig(config(quota('down')));
    await made.command('reload');
    const state = await eventually(
      () => routeOf(made, 'two'),
      (route) => route.state === 'down',
      5000,
    );
    expect(state).toMatchObject({ state: 'down', reasons: ['quota'] });
    expect(await cameBy(made, PORT.priority, 2)).toEqual(Array(2).fill('203.0.2.2'));
    await eventually(
      () => holder.check(500),
      ({ ok }) => ok === 0,
      5000,
    );
    expect((await holder.check(500)).ok).toBe(0);
    await holder.stop();
  });
});

test('kill -9: commands and what was carried are there again, what the kernel has carried meanwhile, too; without a store', async () => {
  const memory = { trust: '10m', refresh: 0, store: 'none', size: 100 };
  await withGateway(SCENARIO, { config: config('1GB', { memory }) }, async (made) => {
    await sleep(1200);
    await carry(made, PORT['by one'], 400_000);
    await sleep(1200);
    const before = await used(made, 'one');
    expect(before).toBeGreaterThan(800_000);
    await made.command('disable', 'far');
    made.daemon.signal('SIGKILL');
    await made.daemon.done;
    await carry(made, PORT['by one'], 200_000);
    await made.startDaemon(config('1GB', { memory: { ...memory, size: 16 } }));
    expect((await routeOf(made, 'far')).state).toBe('disabled');
    await sleep(1500);
    const after = await used(made, 'one');
    expect(after - before).toBeGreaterThan(400_000);
    expect(after - before).toBeLessThan(440_000);
  });
});
