/** A changed file is taken over while the gateway works: what can change now changes, and no connection notices. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ConfigOverrides, Connector, EchoServer } from '../../lab/index.js';
import type { MemoryEntry, ReloadReport } from '../../src/api/contract.js';
import {
  connectMs,
  eventually,
  FAR,
  type GatewayLab,
  NEAR,
  NEAR6,
  PATHRACE,
  withGateway,
} from './support/gateway-lab.js';
import { routeOf, routesOf } from './support/routes.js';

const SCENARIO = {
  servers: [{ name: 'near' }, { name: 'far' }],
  providers: [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 15 } },
    { name: 'c', link: { delayMs: 30 } },
  ],
};
const PORTS = { a: 11, b: 12, raced: 13, turns: 14 } as const;
const FIXED_A = { name: 'onlyA', match: { tcp: PORTS.a }, select: 'a' };
const FIXED_B = { name: 'onlyB', match: { tcp: PORTS.b }, select: 'b' };
const RACED = { name: 'raced', match: { tcp: PORTS.raced }, select: 'race', affinity: 'none' };
const TURNS = { name: 'turns', match: { tcp: PORTS.turns }, select: 'round-robin', affinity: 'none' };
const BASE: ConfigOverrides = {
  services: [FIXED_A, FIXED_B, RACED, TURNS],
  memory: { trust: '10m', refresh: 0 },
  rest: { route: 'a' },
};

interface Reloaded {
  readonly made: GatewayLab;
  readonly echo: EchoServer;
}

function withBase<Value>(action: (all: Reloaded) => Promise<Value>, config = BASE): Promise<Value> {
  return withGateway(SCENARIO, { config }, async (made) =>
    action({ made, echo: await made.lab.server().echo({ ports: Object.values(PORTS) }) }),
  );
}

async function reload(made: GatewayLab, config: ConfigOverrides): Promise<ReloadReport> {
  made.rewriteConfig(config);
  return JSON.parse(await made.command('reload')) as ReloadReport;
}

function target(port: number, address = NEAR): { address: string; port: number } {
  return { address, port };
}

/** Providers that new connections to a port go by. */
async function usedBy({ made, echo }: Reloaded, port: number, count = 6): Promise<string[]> {
  await echo.forget();
  const targets = [target(port), target(port, NEAR6)];
  connectMs(await made.lab.client().connect({ targets, count, concurrency: 1, bytes: 10 }));
  const names = (await echo.connections()).map(({ remoteAddress }) => providerOf(remoteAddress));
  return [...new Set(names)].sort();
}

function providerOf(address: string): string {
  const number = Number(/^(?:203\.0\.|fd03:)(\d+)/.exec(address)?.[1] ?? 0);
  return SCENARIO.providers[number - 1]?.name ?? address;
}

async function hold({ made }: Reloaded, ...ports: number[]): Promise<Connector> {
  const holder = made.lab.client().connector();
  const targets = ports.flatMap((port) => [target(port), target(port, NEAR6)]);
  connectMs(await holder.run({ targets, count: 12, hold: true, bytes: 100 }));
  return holder;
}

const LIVING = { held: 12, ok: 12, errors: {} };

describe('reload', () => {
  test('says what differs, takes it over, and touches no connection and no memory', async () => {
    await withBase(async (all) => {
      const { made } = all;
      const holder = await hold(all, PORTS.a, PORTS.b, PORTS.raced);
      connectMs(await made.lab.client().connect({ targets: [target(PORTS.raced, FAR)] }));
      await sleep(300);
      const memory = async (): Promise<MemoryEntry[]> =>
        JSON.parse(await made.command('memory')) as MemoryEntry[];
      const before = (await memory()).map(({ destination, best }) => `${destination} ${best}`).sort();
      expect(before).toHaveLength(3);
      const changed: ConfigOverrides = {
        ...BASE,
        routes: { b: { weight: 3, cost: '2/GB' } },
        services: [FIXED_A, { ...FIXED_B, select: 'c' }, RACED, { ...TURNS, select: 'weighted' }],
        rest: { route: 'b' },
      };
      const report = await reload(made, changed);
      expect(report.applied).toBe(true);
      expect(
        report.changes.map(({ key, before, after, apply }) => `${key}: ${before} -> ${after} (${apply})`),
      ).toEqual(
        expect.arrayContaining([
          'routes.b.weight: 1 -> 3 (live)',
          'services.onlyB.select: b -> c (live)',
          'services.turns.select: round-robin -> weighted (live)',
          'rest.route: a -> b (live)',
        ]),
      );
      expect(await holder.check()).toEqual(LIVING);
      expect(await usedBy(all, PORTS.b)).toEqual(['c']);
      expect(await usedBy(all, PORTS.a)).toEqual(['a']);
      expect((await memory()).map(({ destination, best }) => `${destination} ${best}`).sort()).toEqual(
        before,
      );
      // And the kernel still knows it.
      const races = (await made.status()).races.started;
      expect(await usedBy(all, PORTS.raced)).toEqual(['a']);
      expect((await made.status()).races.started).toBe(races);
      expect(await reload(made, changed)).toEqual({ applied: false, changes: [], effects: [] });
      await holder.stop();
    });
  });

  test('under load, by command and by SIGHUP: no connection is lost, none waits', async () => {
    await withBase(async (all) => {
      const { made } = all;
      const holder = await hold(all, PORTS.a, PORTS.raced, PORTS.turns);
      const other: ConfigOverrides = {
        ...BASE,
        routes: { a: { weight: 2 } },
        services: [RACED, { ...TURNS, select: 'least-connections' }, FIXED_B, FIXED_A],
      };
      const ports = [PORTS.a, PORTS.b, PORTS.raced, PORTS.turns];
      const targets = ports.flatMap((port) => [target(port), target(port, NEAR6)]);
      let ended = false;
      const stream = (async () => {
        const times: number[] = [];
        const plan = { targets, count: 100, rate: 100, concurrency: 64, bytes: 100 };
        while (!ended) times.push(...connectMs(await made.lab.client().connect(plan)));
        return times;
      })();
      for (let reloads = 0; reloads < 10; reloads++) {
        const config = reloads % 2 === 0 ? other : BASE;
        if (reloads % 3 === 0) {
          made.rewriteConfig(config);
          made.daemon.signal('SIGHUP');
        } else expect((await reload(made, config)).applied).toBe(true);
        await sleep(250);
      }
      ended = true;
      const times = await stream;
      process.stderr.write(
        `10 reloads, ${times.length} connections, slowest ${Math.max(...times).toFixed(0)} ms\n`,
      );
      expect(times.length).toBeGreaterThan(300);
      expect(Math.max(...times)).toBeLessThan(900);
      expect(await holder.check()).toEqual(LIVING);
      await holder.stop();
    });
  });

  test('numbers stay with names when the order in the file changes: flows stay on their wires', async () => {
    await withBase(async (all) => {
      const { made } = all;
      const holder = await hold(all, PORTS.a, PORTS.b);
      const before = await made.lab.gateway.must(['ip', 'rule', 'show']);
      const text = readFileSync(made.configFile, 'utf8');
      const [head = '', routes = '', tail = ''] = text.split(/^(?=routes:|services:)/m);
      const [first = '', ...each] = routes.split(/^(?= {2}[abc]:)/m);
      writeFileSync(made.configFile, head + first + each.reverse().join('') + tail);
      const report = JSON.parse(await made.command('reload')) as ReloadReport;
      expect(report).toMatchObject({
        applied: true,
        changes: [{ key: 'routes', before: 'a, b, c', after: 'c, b, a' }],
      });
      expect((await routesOf(made)).map(({ name }) => name)).toEqual(['c', 'b', 'a']);
      expect(await made.lab.gateway.must(['ip', 'rule', 'show'])).toBe(before);
      await made.lab.wire.reset();
      expect(await holder.check()).toEqual(LIVING);
      const [onA, onB, onC] = await Promise.all(['a', 'b', 'c'].map((name) => made.lab.wire.of(name)));
      expect([onA, onB, onC].map((counts) => counts?.out.kinds.data)).toEqual([6, 6, 0]);
      expect(await usedBy(all, PORTS.a)).toEqual(['a']);
      expect(await usedBy(all, PORTS.b)).toEqual(['b']);
      expect(await routeOf(made, 'b')).toMatchObject({ interface: 'wan2', state: 'up' });
      await holder.stop();
    });
  });

  test('a route added works at once; removed, its flows are cut and nothing of it is left', async () => {
    const without: ConfigOverrides = { ...BASE, routes: { c: null } };
    await withBase(async (all) => {
      const { made } = all;
      expect(await usedBy(all, PORTS.turns)).toEqual(['a', 'b']);
      const holder = await hold(all, PORTS.a, PORTS.b);
      const objects = async (): Promise<string> => {
        const parts = [
          'nft list ruleset | grep -v comment',
          'ip rule show',
          'ip -6 rule show',
          'ip route show table all proto 82',
        ];
        return made.lab.gateway.must(['sh', '-c', parts.join('; ')]);
      };
      expect(await objects()).not.toContain('wan3');
      expect(await reload(made, BASE)).toMatchObject({
        applied: true,
        changes: [{ key: 'routes.c', before: null }],
      });
      expect(await objects()).toContain('wan3');
      expect((await routeOf(made, 'c')).state).toMatch(/up|suspect/);
      const used = await eventually(
        () => usedBy(all, PORTS.turns, 12),
        (names) => names.includes('c'),
        6000,
      );
      expect(used).toEqual(['a', 'b', 'c']);
      const onC = made.lab.client().connector();
      await onC.run({ targets: [target(PORTS.turns)], count: 6, concurrency: 1, hold: true, bytes: 10 });
      expect(await reload(made, without)).toMatchObject({
        applied: true,
        changes: [{ key: 'routes.c', after: null }],
      });
      await sleep(200);
      expect(await objects()).not.toMatch(/wan3|snat_3|table 20503|lookup 20503/);
      expect((await routesOf(made)).map(({ name }) => name)).toEqual(['a', 'b']);
      expect(await onC.check()).toEqual({ held: 6, ok: 4, errors: { ECONNRESET: 2 } });
      expect(await holder.check()).toEqual(LIVING);
      expect(await usedBy(all, PORTS.turns)).toEqual(['a', 'b']);
      await Promise.all([holder.stop(), onC.stop()]);
    }, without);
  });

  test("a route removed whose interface has the main table's default route: nothing falls back to it", async () => {
    const services = [RACED, TURNS];
    const config = { ...BASE, services, rest: { route: 'b' } };
    await withBase(async (all) => {
      const { made } = all;
      expect(await usedBy(all, PORTS.turns)).toEqual(['a', 'b', 'c']);
      const holder = await hold(all, PORTS.turns);
      expect((await reload(made, { ...config, routes: { a: null } })).applied).toBe(true);
      await sleep(200);
      await made.lab.wire.reset();
      expect(await usedBy(all, PORTS.turns)).toEqual(['b', 'c']);
      expect(await usedBy(all, PORTS.raced)).toEqual(['b']);
      // What no service names goes by the rest.
      expect(await usedBy(all, PORTS.a)).toEqual(['b']);
      expect(await holder.check()).toEqual({ held: 12, ok: 8, errors: { ECONNRESET: 4 } });
      const leaked = await made.lab.wire.trace({ provider: 'a', direction: 'out' });
      expect(leaked.filter(({ protocol }) => protocol === 'tcp')).toEqual([]);
      await holder.stop();
    }, config);
  });

  test('another kind of affinity, and another order of services: new connections follow', async () => {
    const pinned = { ...TURNS, affinity: 'client' };
    await withBase(
      async (all) => {
        const { made } = all;
        expect((await usedBy(all, PORTS.turns, 8)).length).toBeLessThanOrEqual(2);
        for (const affinity of ['client+destination', 'client+prefix', 'client+site', 'none', 'client']) {
          const report = await reload(made, {
            ...BASE,
            services: [{ ...TURNS, affinity }, FIXED_A, FIXED_B, RACED],
          });
          expect(report.applied).toBe(true);
          // IPv4 and IPv6 are two groups.
          const used = await usedBy(all, PORTS.turns, 12);
          if (affinity === 'none') expect(used).toEqual(['a', 'b', 'c']);
          else expect(used.length).toBeLessThanOrEqual(2);
        }
      },
      { ...BASE, services: [FIXED_A, FIXED_B, RACED, pinned] },
    );
  });

  test('a bad file changes nothing and shows every mistake; what needs a restart is said and waits', async () => {
    await withBase(async (all) => {
      const { made } = all;
      const good = readFileSync(made.configFile, 'utf8');
      const rules = await made.lab.gateway.must(['nft', '-s', 'list', 'ruleset']);
      const bad = good.replace('select: b', 'select: nobody').replace('trust: 10m', 'trust: soon');
      writeFileSync(made.configFile, `${bad}surprise: 1\n`);
      const words = [PATHRACE, 'reload', '--control', made.lab.controlSocket];
      const { code, stdout, stderr } = await made.lab.gateway.run(words);
      expect(code).toBe(1);
      for (const found of ['nobody', 'soon', 'surprise']) expect(stdout + stderr).toContain(found);
      expect(await usedBy(all, PORTS.b)).toEqual(['b']);
      expect(await made.lab.gateway.must(['nft', '-s', 'list', 'ruleset'])).toBe(rules);
      made.daemon.signal('SIGHUP');
      await made.daemon.waitForLine(/reload-failed/);
      expect(await usedBy(all, PORTS.b)).toEqual(['b']);

      const waits: ConfigOverrides = {
        ...BASE,
        limits: { races: 100 },
        memory: { trust: '5m', refresh: 0, size: 500 },
      };
      const report = await reload(made, waits);
      expect(report.applied).toBe(true);
      expect(report.changes.map(({ key, apply }) => `${key} ${apply}`).sort()).toEqual([
        'limits.races restart',
        'memory.size restart',
        'memory.trust live',
      ]);
      expect((await made.status()).memory.size).toBe(100_000);
      const diff = await made.lab.gateway.must([
        ...[PATHRACE, 'check', '--diff', '--control', made.lab.controlSocket, made.configFile],
      ]);
      expect(diff).toMatch(/~ limits\.races: .* -> 100 \(needs a restart\)/);
      expect(diff).toMatch(/~ memory\.size: 100000 -> 500 \(needs a restart\)/);
      expect(diff).not.toContain('trust');
      expect(await made.lab.gateway.must(words)).toMatch(/not applied; 2 changes at the next start/);
      // What the SIGHUP complained of was asked for.
      await made.stopDaemon();
      await made.startDaemon();
      expect((await made.status()).memory.size).toBe(500);
    });
  });
});
