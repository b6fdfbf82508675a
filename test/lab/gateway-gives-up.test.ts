/** The race thread may end, and the gateway give up: what was remembered stays, nothing leaks, and nobody's connection notices. */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import type { ConfigOverrides } from '../../lab/index.js';
import type { MemoryEntry } from '../../src/api/contract.js';
import { Breakage } from './support/breakage.js';
import {
  connectMs,
  eventually,
  FAR,
  type GatewayLab,
  NEAR,
  NEAR6,
  withGateway,
} from './support/gateway-lab.js';

const PORT = 7;
const SCENARIO = {
  servers: [{ name: 'near' }, { name: 'far' }],
  providers: [
    { name: 'a', link: { delayMs: 90 } },
    { name: 'b', link: { delayMs: 5, rateMbit: 16 } },
    { name: 'c', link: { delayMs: 120 } },
  ],
};
const TARGETS = [NEAR, FAR, NEAR6].map((address) => ({ address, port: PORT }));
/** Something of everything that opens sockets: sessions counted, answers of name servers read. */
const SERVICES = [
  { name: 'raced', match: { tcp: PORT }, select: 'race', affinity: 'none' },
  { name: 'counted', match: { tcp: 9 }, select: 'least-connections', affinity: 'none' },
  { name: 'named', match: { domain: ['example.org'], tcp: 10 }, select: 'race' },
  { name: 'everything', match: { tcp: 'any' }, select: 'race' },
];

const limited = new Breakage();
const unlimited = new Breakage(true);
afterAll(() => {
  limited.close();
  unlimited.close();
});

function config(made: GatewayLab): ConfigOverrides {
  const store = join(made.lab.directory, 'memory.store');
  return { services: SERVICES, memory: { trust: '10m', refresh: 0, store }, rest: { route: 'a' } };
}

async function memory(made: GatewayLab): Promise<string[]> {
  const entries = JSON.parse(await made.command('memory')) as MemoryEntry[];
  return entries
    .map(({ destination, best, routes }) => {
      const times = Object.entries(routes).map(([name, { rttMicros }]) => `${name} ${rttMicros}`);
      return `${destination} ${best} ${times.sort().join()}`;
    })
    .sort();
}

const descriptors = (pid: number): string[] => readdirSync(`/proc/${pid}/fd`);

/** Resident memory, MiB. */
const resident = (pid: number): number =>
  Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

async function threadEnds(made: GatewayLab, breakage: Breakage, how: 'boundary' | 'exit'): Promise<void> {
  const count = (): number => made.daemon.stderr().split('race-thread-ended').length;
  const before = count();
  breakage.now(how);
  await eventually(
    async () => count(),
    (now) => now > before,
    5000,
  );
  expect(count()).toBe(before + 1);
  const races = await eventually(
    () =>
      made.status().then(
        ({ races }) => races !== undefined,
        () => false,
      ),
    Boolean,
    8000,
  );
  expect(races).toBe(true);
}

test('a race thread that ends ten times: memory is what it was, no descriptor is left behind', async () => {
  const { preload, env } = unlimited;
  const options = { preload, env, expectedEvents: ['broken', 'race-thread-ended', 'change-failed'] };
  await withGateway(SCENARIO, options, async (made) => {
    await made.restart(config(made));
    await made.lab.server().echo({ ports: [PORT] });
    connectMs(await made.lab.client().connect({ targets: TARGETS }));
    await sleep(500);
    const known = await memory(made);
    expect(known).toHaveLength(3);
    const holder = made.lab.client().connector();
    connectMs(await holder.run({ targets: TARGETS, count: 12, hold: true, bytes: 100 }));
    // The first one warms up what is opened once.
    await threadEnds(made, unlimited, 'boundary');
    await sleep(1500);
    const { pid } = made.daemon;
    const before = descriptors(pid);
    const residentBefore = resident(pid);
    for (let i = 0; i < 10; i++) await threadEnds(made, unlimited, 'boundary');
    await sleep(1500);
    const after = descriptors(pid);
    process.stdout.write(
      `descriptors ${before.length} before, ${after.length} after ten restarts; ` +
        `resident ${residentBefore.toFixed(0)} and ${resident(pid).toFixed(0)} MiB\n`,
    );
    expect(after.length).toBeLessThanOrEqual(before.length);
    expect(await memory(made)).toEqual(known);
    expect((await made.status()).alarms.join()).toContain('the race thread has ended 11 times');
    expect(await holder.check(1000)).toEqual({ held: 12, ok: 12, errors: {} });
    // It decides in the kernel, as it did.
    await made.lab.wire.reset();
    connectMs(await made.lab.client().connect({ targets: TARGETS, count: 6, bytes: 100 }));
    const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
    expect(syns.map(({ provider }) => provider)).toEqual(Array(6).fill('b'));
    await holder.stop();
    await made.stopDaemon();
    await made.startDaemon();
    expect(await memory(made)).toEqual(known);
  });
});

test('a race thread that ends without a word: memory is what was saved last, and the store keeps it', async () => {
  const { preload, env } = unlimited;
  const options = { preload, env, expectedEvents: ['race-thread-ended', 'change-failed'] };
  await withGateway(SCENARIO, options, async (made) => {
    await made.restart(config(made));
    await made.lab.server().echo({ ports: [PORT] });
    connectMs(await made.lab.client().connect({ targets: TARGETS }));
    await sleep(300);
    const known = await memory(made);
    const store = join(made.lab.directory, 'memory.store');
    // A stop saves it.
    await made.stopDaemon();
    await made.startDaemon();
    const size = statSync(store).size;
    const before = descriptors(made.daemon.pid).length;
    await threadEnds(made, unlimited, 'exit');
    await sleep(1000);
    expect(descriptors(made.daemon.pid).length).toBeLessThanOrEqual(before);
    expect(await memory(made)).toEqual(known);
    // In the moment in which there is no thread, a stop writes no less either.
    unlimited.now('exit');
    await sleep(150);
    await made.stopDaemon();
    expect(statSync(store).size).toBe(size);
    await made.startDaemon();
    expect(await memory(made)).toEqual(known);
  });
});

test('a gateway that gives up leaves the kernel its state: a download ends well, new connections work', async () => {
  const { preload, env } = limited;
  const options = { preload, env, expectedEvents: ['broken', 'race-thread-ended', 'race-thread-failed'] };
  await withGateway(SCENARIO, options, async (made) => {
    const { lab } = made;
    await made.restart(config(made));
    await lab.server().echo({ ports: [PORT] });
    const bytes = 40_000_000;
    await lab.server().nginx({ bodyBytes: bytes });
    const body = randomBytes(bytes);
    writeFileSync(join(lab.directory, `nginx-${lab.server().namespace}-80`, 'index.html'), body);
    connectMs(await lab.client().connect({ targets: [TARGETS[0]!] }));
    const download = lab
      .client()
      .spawn(['sh', '-c', `curl -sS --max-time 60 http://${NEAR}/ | sha256sum; echo done`]);
    await sleep(1500);
    limited.now('boundary', 'always');
    const { code, stderr } = await made.daemon.done;
    expect(download.stdout()).toBe('');
    expect(code).toBe(1);
    expect(stderr).toMatch(/E_INTERNAL[\s\S]*`pathrace cleanup` removes it/);
    expect(stderr.match(/race-thread-(?:ended|failed)/g)).toHaveLength(6);
    expect(await lab.gateway.must(['nft', 'list', 'tables'])).toContain('inet pathrace');
    const results = await lab
      .client()
      .connect({ targets: [NEAR, NEAR6].map((address) => ({ address, port: PORT })), count: 10, bytes: 100 });
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    await download.waitForLine(/^done/, 60_000);
    expect(download.stdout()).toContain(createHash('sha256').update(body).digest('hex'));
    // A new start takes it over, and its end leaves nothing.
    limited.heal();
    await made.startDaemon();
    await lab.wire.reset();
    connectMs(await lab.client().connect({ targets: [{ address: FAR, port: PORT }], count: 1 }));
    expect((await lab.wire.trace({ kind: 'syn', direction: 'out' })).length).toBe(3);
  });
});
