/** What is remembered outlives the daemon: over a restart, a crash, and the loss of the kernel's table. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ConfigOverrides } from '../../lab/index.js';
import type { MemoryEntry } from '../../src/api/contract.js';
import {
  connectMs,
  eventually,
  FAR,
  type GatewayLab,
  NEAR,
  NEAR6,
  withGateway,
} from './support/gateway-lab.js';
import { routesOf } from './support/routes.js';

const PORT = 7;
const PINNED = 8;
/** Of the third server. */
const OTHER = '198.51.100.3';
const SCENARIO = {
  servers: [{ name: 'near' }, { name: 'far' }, { name: 'other' }],
  providers: [
    { name: 'a', link: { delayMs: 20 } },
    { name: 'b', link: { delayMs: 5 } },
    { name: 'c', link: { delayMs: 40 } },
  ],
};
const SERVICES = [
  { name: 'raced', match: { tcp: PORT }, select: 'race', affinity: 'none' },
  { name: 'pinned', match: { tcp: PINNED }, select: 'round-robin', affinity: 'client+destination' },
];
const TARGETS = [NEAR, FAR, NEAR6].map((address) => ({ address, port: PORT }));

function withStore<Value>(
  action: (made: GatewayLab, store: string, config: ConfigOverrides) => Promise<Value>,
): Promise<Value> {
  return withGateway(SCENARIO, {}, async (made) => {
    const store = join(made.lab.directory, 'memory.store');
    const config = { services: SERVICES, memory: { trust: '10m', refresh: 0, store }, rest: { route: 'a' } };
    await made.restart(config);
    await made.lab.server().echo({ ports: [PORT, PINNED] });
    return action(made, store, config);
  });
}

async function memory(made: GatewayLab): Promise<string[]> {
  const entries = JSON.parse(await made.command('memory')) as MemoryEntry[];
  return entries.map(({ destination, best, trusted }) => `${destination} ${best} ${trusted}`).sort();
}

/** Numbers of services, as the kernel has them. */
async function services(made: GatewayLab): Promise<Record<string, number>> {
  const listed = await made.lab.gateway.must(['nft', '-s', 'list', 'table', 'inet', 'pathrace']);
  const found = [...listed.matchAll(/chain service_(\d+) \{\s[^}]*?comment "([^"]+)"/g)];
  return Object.fromEntries(found.map(([, number, name]) => [name, Number(number)]));
}

/** Races to every target, until the kernel knows them all. */
async function learn(made: GatewayLab): Promise<string[]> {
  connectMs(await made.lab.client().connect({ targets: TARGETS }));
  const status = await eventually(
    () => made.status(),
    ({ memory }) => memory.inKernel >= TARGETS.length,
    2000,
  );
  expect(status.memory.inKernel).toBe(TARGETS.length);
  await sleep(100);
  return memory(made);
}

/** Connections to every target go by `b` without a race and without a packet to the daemon. */
async function expectTierZero(made: GatewayLab): Promise<void> {
  const before = await made.status();
  await made.lab.wire.reset();
  connectMs(await made.lab.client().connect({ targets: TARGETS, count: 15, bytes: 100 }));
  const after = await made.status();
  expect(after.packets.queue.lan).toBe(before.packets.queue.lan);
  expect(after.races.started).toBe(before.races.started);
  const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
  expect(syns.map(({ provider }) => provider)).toEqual(Array(15).fill('b'));
}

const KNOWN = [`${FAR} b true`, `${NEAR} b true`, `${NEAR6.replace(/:1$/, '')}:/64 b true`].sort();

describe('the store', () => {
  test('what was remembered decides right after a restart, in the kernel', async () => {
    await withStore(async (made, store) => {
      expect(await learn(made)).toEqual(KNOWN);
      await expectTierZero(made);
      await made.stopDaemon();
      expect(statSync(store).mode & 0o077).toBe(0);
      await made.startDaemon();
      expect(await memory(made)).toEqual(KNOWN);
      await sleep(100);
      await expectTierZero(made);
      // Measured before the restart, and as old as it is.
      const [entry] = JSON.parse(await made.command('memory', NEAR)) as MemoryEntry[];
      expect(entry?.routes.b?.rttMicros).toBeGreaterThan(9000);
      expect(entry?.routes.a?.rttMicros).toBeGreaterThan(39_000);
    });
  });

  test('routes in another order, one of them gone: what is remembered stays with its name', async () => {
    await withStore(async (made, _store, config) => {
      expect(await learn(made)).toEqual(KNOWN);
      await made.restart({ ...config, routes: { a: null }, rest: { route: 'c' } });
      const known = JSON.parse(await made.command('memory', NEAR)) as MemoryEntry[];
      expect(known).toMatchObject([{ best: 'b', trusted: true }]);
      expect(Object.keys(known[0]?.routes ?? {}).sort()).toEqual(['b', 'c']);
      await expectTierZero(made);
    });
  });

  test('services in another order after a clean stop: their numbers stay with their names', async () => {
    await withStore(async (made, _store, config) => {
      const before = await services(made);
      expect(before).toEqual({ raced: 1, pinned: 2 });
      await made.restart({
        ...config,
        services: [{ name: 'new', match: { tcp: 9 }, select: 'b' }, ...SERVICES],
      });
      expect(await services(made)).toEqual({ ...before, new: 3 });
    });
  });

  test.each([
    [
      'garbage',
      (bytes: Buffer) =>
        Buffer.from('not a store at all, but long enough to be one'.repeat(20) + bytes.length),
    ],
    ['half of it', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['one bit', (bytes: Buffer) => bytes.map((byte, i) => (i === bytes.length - 40 ? byte ^ 1 : byte))],
    ['nothing', () => Buffer.alloc(0)],
  ] as const)('a corrupt file (%s) is an empty memory and a warning', async (_, corrupt) => {
    await withStore(async (made, store) => {
      await learn(made);
      await made.stopDaemon();
      writeFileSync(store, corrupt(readFileSync(store)));
      await made.startDaemon();
      expect(made.daemon.stderr()).toMatch(/"level":"warn".*"event":"store-refused"/);
      expect(await memory(made)).toEqual([]);
      expect(await learn(made)).toEqual(KNOWN);
      await expectTierZero(made);
    });
  });

  test('`store: none` writes nothing, and remembers nothing', async () => {
    await withStore(async (made, store, config) => {
      const none = { ...config, memory: { trust: '10m', refresh: 0, store: 'none' } };
      await made.stopDaemon();
      const before = existsSync(store) ? readFileSync(store) : null;
      await made.startDaemon(none);
      await learn(made);
      await made.command('drain', 'c');
      await made.stopDaemon();
      expect(existsSync(store) ? readFileSync(store) : null).toEqual(before);
      await made.startDaemon();
      expect(await memory(made)).toEqual([]);
      expect((await routesOf(made)).map(({ state }) => state)).toEqual(['up', 'up', 'up']);
    });
  });
});

describe('the kernel loses what it was told', () => {
  test('`nft flush ruleset`: the rules come back, memory is told again, connections live', async () => {
    await withStore(async (made) => {
      await learn(made);
      const holder = made.lab.client().connector();
      const targets = [...TARGETS, { address: NEAR, port: PINNED }];
      connectMs(await holder.run({ targets, count: 12, hold: true, bytes: 100 }));
      await made.lab.gateway.must(['nft', 'flush', 'ruleset']);
      const rules = (): Promise<string> => made.lab.gateway.must(['nft', 'list', 'ruleset']);
      expect(await eventually(rules, (text) => text.includes('pathrace'), 3000)).toContain('pathrace');
      await sleep(300);
      expect(await holder.check(1000)).toEqual({ held: 12, ok: 12, errors: {} });
      expect(await memory(made)).toEqual(KNOWN);
      await expectTierZero(made);
      // And the daemon still hears of what is not known.
      const before = (await made.status()).races.started;
      connectMs(await made.lab.client().connect({ targets: [{ address: OTHER, port: PORT }] }));
      expect((await made.status()).races.started).toBe(before + 1);
      await holder.stop();
    });
  });

  test('kill -9 and a new daemon: its maps are what the store says, new connections are right, old ones live', async () => {
    await withStore(async (made, _store, config) => {
      await learn(made);
      await made.restart(config);
      await sleep(200);
      const holder = made.lab.client().connector();
      connectMs(await holder.run({ targets: TARGETS, count: 12, hold: true, bytes: 100 }));
      made.daemon.signal('SIGKILL');
      await made.daemon.done;
      // Alone the kernel goes on by what it was told.
      expect(await holder.check(100)).toEqual({ held: 12, ok: 12, errors: {} });
      connectMs(await made.lab.client().connect({ targets: TARGETS, count: 6, bytes: 100 }));
      await made.lab.link('b').set({ delayMs: 60 });
      await made.startDaemon();
      await sleep(200);
      expect(await memory(made)).toEqual(KNOWN);
      await expectTierZero(made);
      expect(await holder.check(100)).toEqual({ held: 12, ok: 12, errors: {} });
      const elements = await made.lab.gateway.must(['sh', '-c', 'nft list map inet pathrace memory4_e']);
      expect(elements.match(/198\.51\.100\.\d+/g)?.sort()).toEqual([NEAR, FAR].sort());
      await holder.stop();
    });
  });

  test('kill -9 without a store: nothing that the old one told the kernel is believed', async () => {
    await withStore(async (made, _store, config) => {
      await made.restart({ ...config, memory: { trust: '10m', refresh: 0, store: 'none' } });
      await learn(made);
      made.daemon.signal('SIGKILL');
      await made.daemon.done;
      await made.lab.link('b').set({ delayMs: 60 });
      await made.startDaemon();
      const elements = await made.lab.gateway.must(['nft', 'list', 'map', 'inet', 'pathrace', 'memory4_e']);
      expect(elements).not.toContain('198.51.100');
      await made.lab.wire.reset();
      connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }] }));
      expect(await made.why(`${NEAR}:${PORT}`)).toMatchObject([{ route: 'a', reasons: ['first-reply'] }]);
    });
  });
});
