/** The network survives the daemon: killed, hung, started again; ended, it leaves nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectResult, EchoServer, Provider } from '../../lab/index.js';
import { GatewayLab, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';

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
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start({ providers: PROVIDERS, lan: { clients: 2 } });
  echo = await made.lab.server().echo({ ports: [PORT] });
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

test('killed under load, new connections go on by the rest route', async () => {
  const results = await underLoad(4, async () => {
    made.daemon.signal('SIGKILL');
    await made.daemon.done;
  });
  expectNoneLost(results);
  expect(await copiesOfOne()).toBe(1);
  const syns = await made.lab.wire.trace({ kind: 'syn' });
  expect(syns.map(({ provider }) => provider)).toEqual(['a']);
  expect(syns[0]?.sourcePort).toBeLessThan(32_768);
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

test('a second gateway in the namespace is refused and disturbs nothing', async () => {
  const { lab } = made;
  const rules = await lab.gateway.must(['nft', '-s', 'list', 'ruleset']);
  const ipRules = await lab.gateway.must(['ip', 'rule']);
  for (const control of [lab.controlSocket, `${lab.directory}/other.sock`]) {
    const config = lab.configYaml({ control, rest: { route: 'c' } });
    const second = await lab.gateway.run([PATHRACE, 'gateway', '--config', config]);
    expect(second.code).not.toBe(0);
    expect(second.timedOut).toBe(false);
    expect(`${second.stdout}${second.stderr}`).toContain('E_ALREADY_RUNNING');
    expect(withoutSet(await lab.gateway.must(['nft', '-s', 'list', 'ruleset']))).toBe(withoutSet(rules));
    expect(await lab.gateway.must(['ip', 'rule'])).toBe(ipRules);
    expect(await copiesOfOne()).toBe(3);
  }
});

test('cleanup refuses while it runs; after kill -9 it restores everything', async () => {
  const { lab } = made;
  expect((await lab.gateway.run([PATHRACE, 'cleanup'])).code).not.toBe(0);
  expect(await copiesOfOne()).toBe(3);
  made.daemon.signal('SIGKILL');
  await made.daemon.done;
  await lab.gateway.must([PATHRACE, 'cleanup']);
  await made.expectCleanState();
  expect((await lab.gateway.run([PATHRACE, 'cleanup'])).code).toBe(0);
  await made.startDaemon();
  expect(await copiesOfOne()).toBe(3);
});

test('SIGTERM and SIGINT end it with 0, also under load, and nothing is left', async () => {
  const { lab } = made;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const load = lab.client().connect({ targets: TARGETS, count: 60, rate: 100, timeoutMs: 500 });
    await sleep(200);
    const startedAt = performance.now();
    made.daemon.signal(signal);
    const { code, stderr } = await made.daemon.done;
    expect(code, stderr).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(3000);
    await made.expectCleanState();
    await load;
    await made.startDaemon();
  }
  await echo.forget();
  expect(await copiesOfOne()).toBe(3);
  expect(await echo.count()).toMatchObject({ accepted: 1 });
});

/** The ruleset without the elements of its sets, which come and go with time. */
function withoutSet(ruleset: string): string {
  return ruleset.replace(/elements = \{[^}]*\}/g, '');
}
