/** What an operator's tools see of a real gateway: a service manager, `services`, `why` of what the kernel alone has decided, the file in use. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Decision, ServiceStatus, Status } from '../../src/api/contract.js';
import { FIELDS } from '../../src/cli/json-fields.js';
import { listenForNotifications, type NotifyListener } from '../unit/notify-listener.js';
import { eventually, GatewayLab, NEAR, PATHRACE } from './support/gateway-lab.js';

const PORTS = { raced: 7, turns: 9, fixed: 11 } as const;

let folder: string;
let listener: NotifyListener;
let made: GatewayLab;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-habits-'));
  const socket = join(folder, 'notify.sock');
  listener = listenForNotifications(socket);
  made = await GatewayLab.start(
    {
      providers: [
        { name: 'a', link: { delayMs: 5 } },
        { name: 'b', link: { delayMs: 15 } },
      ],
      servers: [{ name: 'near' }],
    },
    {
      env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '600000' },
      config: {
        services: [
          { name: 'turns', match: { tcp: PORTS.turns }, select: 'round-robin', affinity: 'none' },
          { name: 'fixed', match: { tcp: PORTS.fixed }, select: 'b' },
          { name: 'raced', match: { tcp: PORTS.raced }, select: 'race', affinity: 'none' },
        ],
        memory: { trust: '10m', refresh: 0 },
      },
    },
  );
  await made.lab.server().echo({ ports: Object.values(PORTS) });
});

afterAll(async () => {
  // As a manager that listens: its queue has room for ten.
  listener.read();
  await made?.stop();
  const last = listener.read().join('\n');
  listener.close();
  rmSync(folder, { recursive: true, force: true });
  expect(last).toContain('STOPPING=1');
});

/** Opens connections that stay open while `work` looks at them. */
async function whileOpen(port: number, count: number, work: () => Promise<void>): Promise<void> {
  const connector = made.lab.client().connector();
  try {
    const targets = [{ address: NEAR, port }];
    const results = await connector.run({ targets, count, concurrency: 1, timeoutMs: 5000, hold: true });
    expect(results).toHaveLength(count);
    await work();
  } finally {
    await connector.release();
    await connector.stop();
  }
}

test('a service manager hears that it works, that it lives, and of reloads', async () => {
  const heard = listener.read();
  expect(heard[0]).toMatch(/^READY=1\nSTATUS=2 of 2 routes up$/);
  await eventually(
    async () => heard.push(...listener.read()),
    () => heard.filter((text) => text === 'WATCHDOG=1').length > 3,
    3000,
  );
  await made.command('reload');
  const texts = await eventually(
    async () => listener.read(),
    (found) => found.join().includes('READY=1'),
    1000,
  );
  const reload = texts.filter((text) => !text.startsWith('WATCHDOG'));
  expect(reload).toEqual([expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/), 'READY=1']);
  // Of the machine's monotonic clock, by which the manager tells an old message from a new one.
  const ageMs = Number(process.hrtime.bigint() / 1000n) / 1000 - Number(reload[0]?.split('=').at(-1)) / 1000;
  expect(ageMs).toBeGreaterThanOrEqual(0);
  expect(ageMs).toBeLessThan(20_000);
});

test('a refused file makes the reload fail with every mistake, and status says that the file is not what runs', async () => {
  const state = async (): Promise<string | undefined> => (await made.status()).configuration?.state;
  expect(await state()).toBe('same');
  appendFileSync(made.configFile, '\nnonsense: 7\nmore: 8\n');
  expect(await state()).toBe('changed');
  const { code, stdout } = await made.lab.gateway.run([
    PATHRACE,
    'reload',
    '--control',
    made.lab.controlSocket,
  ]);
  expect([code, stdout.trim().split('\n').length]).toEqual([1, 2]);
  expect(stdout).toMatch(/nonsense: Unknown key.*\n.*more: Unknown key/);
  expect(await state()).toBe('changed');
  made.rewriteConfig({
    services: [
      { name: 'turns', match: { tcp: PORTS.turns }, select: 'round-robin', affinity: 'none' },
      { name: 'fixed', match: { tcp: PORTS.fixed }, select: 'b' },
      { name: 'raced', match: { tcp: PORTS.raced }, select: 'race', affinity: 'none' },
    ],
    memory: { trust: '10m', refresh: 0 },
  });
  await made.command('reload');
  expect(await state()).toBe('same');
});

test('why knows round-robin connections that are open, and by which route each goes', async () => {
  await whileOpen(PORTS.turns, 4, async () => {
    const found = await made.why(`${NEAR}:${PORTS.turns}`);
    const open = found.filter((decision) => decision.open);
    expect(open).toHaveLength(4);
    for (const decision of open) {
      expect(decision).toMatchObject({
        by: 'kernel',
        service: 'turns',
        criterion: 'round-robin',
        reasons: ['criterion'],
        protocol: 'tcp',
      });
    }
    expect(new Set(open.map(({ route }) => route))).toEqual(new Set(['a', 'b']));
    const byRoute = JSON.parse(await made.command('why', '--route', 'a', '--service', 'turns')) as Decision[];
    expect(byRoute.length).toBe(open.filter(({ route }) => route === 'a').length);
    const client = open[0]!.client.replace(/:\d+$/, '');
    expect(
      (JSON.parse(await made.command('why', '--client', client, '--limit', '2')) as Decision[]).length,
    ).toBe(2);
    expect(JSON.parse(await made.command('why', '--client', '192.0.2.99'))).toEqual([]);
  });
});

test('and those of a fixed route, and ping', async () => {
  await whileOpen(PORTS.fixed, 2, async () => {
    const found = (await made.why(`${NEAR}:${PORTS.fixed}`)).filter(({ open }) => open);
    expect(found).toHaveLength(2);
    for (const decision of found)
      expect(decision).toMatchObject({ by: 'kernel', route: 'b', reasons: ['fixed'] });
  });
  await made.lab.client().run(['ping', '-n', '-c', '1', '-W', '2', NEAR]);
  const [ping] = (await made.why(NEAR)).filter(({ protocol }) => protocol === 'icmp');
  expect(ping).toMatchObject({
    by: 'kernel',
    destination: NEAR,
    service: null,
    reasons: ['rest'],
    open: true,
  });
});

test('and each of those by memory, beside the race that taught it', async () => {
  await made.lab
    .client()
    .connect({ targets: [{ address: NEAR, port: PORTS.raced }], count: 1, concurrency: 1, timeoutMs: 5000 });
  await eventually(
    () => made.status(),
    ({ memory }) => memory.inKernel > 0,
    3000,
  );
  await whileOpen(PORTS.raced, 6, async () => {
    const found = await made.why(`${NEAR}:${PORTS.raced}`);
    const kernel = found.filter(({ by }) => by === 'kernel');
    expect(kernel).toHaveLength(6);
    for (const decision of kernel)
      expect(decision).toMatchObject({ route: 'a', reasons: ['remembered'], open: true });
    const race = found.find(({ by }) => by === 'race');
    expect(race?.routes.map(({ route }) => route)).toEqual(['a', 'b']);
    for (const { answeredMicros = -1, rttMicros = -1, sentMicros = -1 } of race?.routes ?? []) {
      expect(sentMicros).toBeGreaterThanOrEqual(0);
      expect(Math.abs(answeredMicros - sentMicros - rttMicros)).toBeLessThan(2000);
    }
    const { stdout } = await made.lab.gateway.run([
      PATHRACE,
      'why',
      `${NEAR}:${PORTS.raced}`,
      '--control',
      made.lab.controlSocket,
    ]);
    expect(stdout).toMatch(/^open now {2}.*\n {2}goes by a: chosen as the fastest that is remembered/m);
    expect(stdout).not.toContain('Nothing is known');
  });
});

test('services counts what each takes, and says what the kernel does with the next', async () => {
  const services = JSON.parse(await made.command('services')) as ServiceStatus[];
  const of = (name: string) => services.find((service) => service.name === name);
  expect(services.map(({ name }) => name)).toEqual(['turns', 'fixed', 'raced']);
  expect(of('turns')).toMatchObject({
    hits: 4,
    plan: { ipv4: { kind: 'turns', routes: { a: 0.5, b: 0.5 } } },
  });
  expect(of('fixed')).toMatchObject({ hits: 2, plan: { ipv4: { kind: 'one', routes: { b: 1 } } } });
  expect(of('raced')?.plan.ipv4.kind).toBe('memory');
  expect(of('raced')?.hits).toBeGreaterThanOrEqual(7);
});

test('status --check is 0 while all is well', async () => {
  const check = () =>
    made.lab.gateway.run([PATHRACE, 'status', '--check', '--control', made.lab.controlSocket]);
  expect(await check()).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^PATHRACE OK - 2 of 2 routes up \|/),
  });
  const alarms = (status: Status): readonly string[] => status.alarms;
  expect(alarms(await made.status())).toEqual([]);
});

test('cleanup --json has the fields of its page', async () => {
  const { stdout } = await made.lab.gateway.run([PATHRACE, 'cleanup', '--json']);
  // A gateway runs: it removes nothing.
  expect(JSON.parse(stdout)).toMatchObject({ format: 1, ok: false, error: { code: 'E_ALREADY_RUNNING' } });
  expect(FIELDS.cleanup?.map(([path]) => path)).toEqual([
    'format',
    'ok',
    'removed[]',
    'restored[]',
    'left[]',
  ]);
});
