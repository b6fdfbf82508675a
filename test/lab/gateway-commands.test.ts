/** What an operator commands: each command on one route, and what the reports look like to other tools. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Connector, EchoServer } from '../../lab/index.js';
import type { RouteCommandReport, RouteStatus, Status } from '../../src/api/contract.js';
import { connectMs, type GatewayLab, NEAR, NEAR6, PATHRACE, withGateway } from './support/gateway-lab.js';
import { routeOf } from './support/routes.js';

const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 15 } },
    { name: 'c', link: { delayMs: 30 } },
  ],
};
const ORDER = { routes: ['a', 'b', 'c'] };
const PORTS = { raced: 11, priority: 12, turns: 13, pinned: 14 } as const;
const SERVICES = [
  { name: 'raced', match: { tcp: PORTS.raced }, select: 'race', affinity: 'none' },
  {
    name: 'priority',
    match: { tcp: PORTS.priority },
    select: { criterion: 'priority', ...ORDER },
    affinity: 'none',
  },
  { name: 'turns', match: { tcp: PORTS.turns }, select: 'round-robin', affinity: 'none' },
  { name: 'pinned', match: { tcp: PORTS.pinned }, select: 'race', affinity: 'client' },
];

interface Commanded {
  readonly made: GatewayLab;
  readonly echo: EchoServer;
}

function withRoutes<Value>(memory: object, action: (lab: Commanded) => Promise<Value>): Promise<Value> {
  const config = {
    services: SERVICES,
    memory: { trust: '10m', refresh: 0, ...memory },
    rest: { route: 'c' },
  };
  return withGateway(SCENARIO, { config }, async (made) =>
    action({ made, echo: await made.lab.server().echo({ ports: Object.values(PORTS) }) }),
  );
}

/** Providers that the next connections of every service go by; each must connect at once. */
async function usedBy({ made, echo }: Commanded): Promise<Set<string>> {
  await echo.forget();
  const targets = [NEAR, NEAR6].flatMap((address) => Object.values(PORTS).map((port) => ({ address, port })));
  const results = await made.lab.client().connect({ targets, count: 48, concurrency: 4, bytes: 10 });
  expect(Math.max(...connectMs(results))).toBeLessThan(500);
  return new Set((await echo.connections()).map(({ remoteAddress }) => providerOf(remoteAddress)));
}

function providerOf(address: string): string {
  const number = Number(/^(?:203\.0\.|fd03:)(\d+)/.exec(address)?.[1] ?? 0);
  return SCENARIO.providers[number - 1]?.name ?? address;
}

/** Ten connections of each family over the first route, kept open. */
async function hold({ made }: Commanded): Promise<Connector> {
  const holder = made.lab.client().connector();
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORTS.priority }));
  connectMs(await holder.run({ targets, count: 20, hold: true, bytes: 100 }));
  return holder;
}

async function command(made: GatewayLab, ...words: string[]): Promise<RouteCommandReport> {
  return JSON.parse(await made.command(...words)) as RouteCommandReport;
}

const LIVING = { held: 20, ok: 20, errors: {} };

describe('commands on a route', () => {
  test('drain and undrain: nothing new, nothing cut, and back again', async () => {
    await withRoutes({}, async (all) => {
      const { made } = all;
      expect(await usedBy(all)).toEqual(new Set(['a', 'b', 'c']));
      const holder = await hold(all);
      const before = Date.now();
      expect(await command(made, 'drain', 'a')).toEqual({ route: 'a', state: 'draining', cut: 0 });
      await made.lab.wire.reset();
      expect(await usedBy(all)).toEqual(new Set(['b', 'c']));
      expect((await made.lab.wire.of('a')).out.kinds.syn).toBe(0);
      expect(await holder.check()).toEqual(LIVING);
      const route = await routeOf(made, 'a');
      expect(route).toMatchObject({ state: 'draining', reasons: ['by-command'], connections: 20 });
      expect(Date.parse(route.since)).toBeGreaterThanOrEqual(before);
      expect(await command(made, 'undrain', 'a')).toEqual({ route: 'a', state: 'up', cut: 0 });
      expect(await usedBy(all)).toContain('a');
      expect(await holder.check()).toEqual(LIVING);
      expect((await routeOf(made, 'a')).reasons).toEqual([]);
      await holder.stop();
    });
  });

  test('kill: its flows only, their clients are told at once; the route goes on', async () => {
    await withRoutes({}, async (all) => {
      const { made } = all;
      const onA = await hold(all);
      await command(made, 'drain', 'a');
      const onB = await hold(all);
      await command(made, 'undrain', 'a');
      const startedAt = performance.now();
      expect(await command(made, 'kill', 'a')).toEqual({ route: 'a', state: 'up', cut: 20 });
      while ((await made.lab.client().sockets('established')) > 20 && performance.now() - startedAt < 3000)
        await sleep(20);
      expect(await made.lab.client().sockets('established')).toBe(20);
      expect(await onA.check()).toMatchObject({ ok: 0, errors: { ECONNRESET: 20 } });
      expect(await onB.check()).toEqual(LIVING);
      expect(await usedBy(all)).toContain('a');
      expect(await command(made, 'kill', 'c')).toMatchObject({ cut: 0 });
      await Promise.all([onA.stop(), onB.stop()]);
    });
  });

  test('disable and enable: nothing uses it, what it had is reset as `onDown` says', async () => {
    await withRoutes({}, async (all) => {
      const { made } = all;
      const holder = await hold(all);
      expect(await command(made, 'disable', 'a')).toEqual({ route: 'a', state: 'disabled', cut: 20 });
      expect(await holder.check()).toMatchObject({ ok: 0 });
      await made.lab.wire.reset();
      expect(await usedBy(all)).toEqual(new Set(['b', 'c']));
      expect((await made.lab.wire.of('a')).out.kinds.syn).toBe(0);
      expect(await routeOf(made, 'a')).toMatchObject({ state: 'disabled', reasons: ['by-command'] });
      expect(await command(made, 'enable', 'a')).toEqual({ route: 'a', state: 'up', cut: 0 });
      expect(await usedBy(all)).toContain('a');
      await holder.stop();
    });
  });

  test('all routes drained: what is new goes nowhere, what lives lives', async () => {
    await withRoutes({}, async (all) => {
      const { made } = all;
      const holder = await hold(all);
      for (const name of ['a', 'b', 'c']) await command(made, 'drain', name);
      const [result] = await made.lab
        .client()
        .connect({ targets: [{ address: NEAR, port: PORTS.raced }], timeoutMs: 1000 });
      expect(result?.connected).toBe(false);
      expect(await holder.check()).toEqual(LIVING);
      await command(made, 'undrain', 'b');
      expect(await usedBy(all)).toEqual(new Set(['b']));
      await holder.stop();
    });
  });

  test('a route that is not there, and a name that cannot be one: exit 2, E_ARGUMENT', async () => {
    await withRoutes({}, async ({ made }) => {
      for (const name of ['nobody', 'a b', '../a']) {
        for (const word of ['drain', 'undrain', 'kill', 'disable', 'enable']) {
          const words = [PATHRACE, word, name, '--control', made.lab.controlSocket];
          const { code, stdout, stderr } = await made.lab.gateway.run(words);
          expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
          expect(stderr).toContain('E_ARGUMENT');
        }
      }
      const { code } = await made.lab.gateway.run([PATHRACE, 'drain', '--control', made.lab.controlSocket]);
      expect(code).toBe(2);
    });
  });

  test('survive a restart, with the store', async () => {
    await withGateway(SCENARIO, {}, async (made) => {
      const store = join(made.lab.directory, 'commands.store');
      await made.restart({ services: SERVICES, memory: { trust: '10m', refresh: 0, store } });
      const echo = await made.lab.server().echo({ ports: Object.values(PORTS) });
      await command(made, 'drain', 'a');
      await command(made, 'disable', 'c');
      await made.stopDaemon();
      await made.startDaemon();
      const states = async (): Promise<string[]> =>
        (JSON.parse(await made.command('routes')) as RouteStatus[]).map(({ state }) => state);
      expect(await states()).toEqual(['draining', 'up', 'disabled']);
      expect(await usedBy({ made, echo })).toEqual(new Set(['b']));
      await command(made, 'undrain', 'a');
      await command(made, 'enable', 'c');
      // Killed: what was commanded has been written before.
      await sleep(500);
      made.daemon.signal('SIGKILL');
      await made.daemon.done;
      await made.startDaemon();
      expect(await states()).toEqual(['up', 'up', 'up']);
    });
  });
});

test('routes, status, memory and why as JSON have the keys that other tools rely on', async () => {
  await withRoutes({}, async ({ made }) => {
    const targets = [
      { address: NEAR, port: PORTS.raced },
      { address: NEAR6, port: PORTS.priority },
    ];
    connectMs(await made.lab.client().connect({ targets, bytes: 10 }));
    await sleep(300);
    const routes = JSON.parse(await made.command('routes')) as RouteStatus[];
    expect(routes.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    const status = JSON.parse(await made.command('status')) as Status;
    expect(status.routes.map((route) => Object.keys(route))).toEqual(
      routes.map((route) => Object.keys(route)),
    );
    for (const route of routes) {
      expect(route).toMatchObject({ state: 'up', reasons: [], attempts: 1, connections: expect.any(Number) });
      expect(route.since).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(route.traffic).toEqual({ in: expect.any(Number), out: expect.any(Number) });
      const zone = expect.any(String);
      expect(route.quota).toMatchObject({ used: expect.any(Number), bytes: null, spent: false, zone });
      expect(route).toMatchObject({ rescues: 0, portUse: expect.any(Number) });
    }
    const memory = JSON.parse(await made.command('memory')) as unknown;
    const timed = { rttMicros: expect.any(Number), ageSeconds: expect.any(Number) };
    expect(memory).toMatchObject([
      { destination: NEAR, routes: { a: timed, b: timed, c: timed }, best: 'a', trusted: true },
    ]);
    expect(JSON.parse(await made.command('memory', '203.0.113.0/24'))).toEqual([]);
    expect(JSON.parse(await made.command('memory', '198.51.100.0/24', '--limit', '1'))).toHaveLength(1);
    const [decision] = JSON.parse(await made.command('why', `${NEAR}:${PORTS.raced}`)) as unknown[];
    expect(decision).toMatchObject({
      time: expect.stringMatching(/Z$/),
      destination: `${NEAR}:${PORTS.raced}`,
      route: 'a',
      criterion: 'race',
      reasons: ['first-reply'],
    });
    // Without --json they are for people, and end well.
    for (const words of [['routes'], ['memory'], ['status'], ['why', NEAR]]) {
      const line = [PATHRACE, ...words, '--control', made.lab.controlSocket];
      expect(await made.lab.gateway.must(line)).toContain('a');
    }
  });
});
