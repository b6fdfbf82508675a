/** The network survives the daemon: killed, hung, started again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectResult, Provider } from '../../lab/index.js';
import { GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const TARGETS = [
  { address: NEAR, port: PORT },
  { address: NEAR6, port: PORT },
];
/** One SYN repeat, and what a busy machine adds. */
const ONE_REPEAT_MS = 1400;
const PROVIDERS: Provider[] = [
  { name: 'a', link: { delayMs: 20 } },
  { name: 'b', link: { delayMs: 10 } },
  { name: 'c', link: { delayMs: 30 } },
];

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start({ providers: PROVIDERS, lan: { clients: 2 } });
  await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

/** Opens connections at an even pace while `disturb` does its work, and holds others through it. */
async function underLoad(seconds: number, disturb: () => Promise<void>): Promise<ConnectResult[]> {
  const { lab } = made;
  const holder = lab.client(0).connector();
  const held = await holder.run({ targets: TARGETS, count: 40, hold: true, bytes: 100 });
  expect(held.filter(({ ok }) => !ok)).toEqual([]);
  const opener = lab.client(1).connector();
  const sources = [lab.client(1).ipv4];
  const load = opener.run({
    targets: TARGETS.slice(0, 1),
    sources,
    count: seconds * 50,
    rate: 50,
    concurrency: 100,
    bytes: 200,
    timeoutMs: 5000,
  });
  const alive: boolean[] = [];
  const checks = (async () => {
    for (let second = 0; second < seconds; second++) {
      const { ok } = await holder.check(500);
      alive.push(ok === 40);
      await sleep(700);
    }
  })();
  await sleep(800);
  await disturb();
  const results = await load;
  await checks;
  expect(alive.every(Boolean)).toBe(true);
  expect(await holder.check(50_000)).toEqual({ held: 40, ok: 40, errors: {} });
  await Promise.all([holder.stop(), opener.stop()]);
  return results;
}

function expectNoneLost(results: readonly ConnectResult[]): void {
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  const slowest = Math.max(...results.map(({ connectMicros }) => connectMicros / 1000));
  expect(slowest).toBeLessThan(ONE_REPEAT_MS);
}

/** How many SYN copies a new connection makes now. */
async function copiesOfOne(): Promise<number> {
  await made.lab.wire.reset();
  const [result] = await made.lab.client().connect({ targets: TARGETS.slice(0, 1), bytes: 10 });
  expect(result?.ok).toBe(true);
  return (await made.lab.wire.trace({ kind: 'syn' })).length;
}

test('killed under load, what would be raced goes on by the rest route', async () => {
  const results = await underLoad(4, async () => {
    made.daemon.signal('SIGKILL');
    await made.daemon.done;
  });
  expectNoneLost(results);
  expect(await copiesOfOne()).toBe(1);
  const syns = await made.lab.wire.trace({ kind: 'syn' });
  expect(syns.map(({ provider }) => provider)).toEqual(['a']);
  expect(syns[0]?.sourcePort).toBeGreaterThanOrEqual(32_768);
});

test('started again it adopts what runs, and races', async () => {
  const { lab } = made;
  const holder = lab.client(0).connector();
  await holder.run({ targets: TARGETS, count: 20, hold: true, bytes: 10 });
  await made.startDaemon();
  expect(await copiesOfOne()).toBe(3);
  await holder.run({ targets: TARGETS, count: 20, hold: true, bytes: 10 });
  made.daemon.signal('SIGKILL');
  await made.daemon.done;
  await made.startDaemon();
  expect(await copiesOfOne()).toBe(3);
  expect(await holder.check(20_000)).toEqual({ held: 40, ok: 40, errors: {} });
  const { routes } = await made.status();
  expect(routes.reduce((sum, { connections }) => sum + connections, 0)).toBeGreaterThanOrEqual(40);
  await holder.stop();
});

test('stopped by SIGSTOP under load it is replaced by the kernel, and comes back with SIGCONT', async () => {
  const results = await underLoad(5, async () => {
    made.daemon.signal('SIGSTOP');
    await sleep(2500);
    made.daemon.signal('SIGCONT');
  });
  expectNoneLost(results);
  expect(await copiesOfOne()).toBe(3);
});

test('ended by SIGQUIT for a restart it leaves the kernel what it needs', async () => {
  const results = await underLoad(5, async () => {
    made.daemon.signal('SIGQUIT');
    expect((await made.daemon.done).code).toBe(0);
    expect(await made.lab.gateway.must(['nft', 'list', 'tables'])).toContain('inet pathrace');
    await sleep(700);
    await made.startDaemon();
  });
  expectNoneLost(results);
  expect(await copiesOfOne()).toBe(3);
});
