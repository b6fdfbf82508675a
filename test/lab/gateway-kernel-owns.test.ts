/** Decided flows belong to the kernel: the daemon sees the packets of the set-up, four per race over three routes, and no other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { LOCK_QUEUE } from '../../src/kernel/constants.js';
import { connectMs, GatewayLab, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const ROUTES = 3;
const SMALL = 300;
/** Of one step there and back: the connector gives each five seconds. */
const STEP_BYTES = 20_000_000;
const STEPS = 5;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  // Bare interfaces: an emulator in user space would be the bottleneck, and does not matter here.
  made = await GatewayLab.start({
    plain: true,
    providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
  });
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

interface QueueCounters {
  /** What the daemon says that it got. */
  readonly daemon: number;
  /** What the kernel says that it handed over, by the daemon's report and by its own. */
  readonly reported: number;
  readonly kernel: number;
  readonly lost: number;
}

async function queueCounters(): Promise<QueueCounters> {
  const { queue } = (await made.status()).packets;
  const text = await made.lab.gateway.must(['cat', '/proc/net/netfilter/nfnetlink_queue']);
  // Columns: number, port id, waiting, copy mode, copy range, dropped, dropped by user, last id, 1.
  const queues = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const columns = queues.filter(([number]) => number !== LOCK_QUEUE);
  // Of the LAN, of providers, of calls.
  expect(columns.length).toBe(3);
  const sum = (of: (line: number[]) => number): number =>
    columns.reduce((total, line) => total + of(line), 0);
  return {
    daemon: (queue.lan ?? 0) + (queue.wan ?? 0) + (queue.calls ?? 0),
    reported: (queue['lan-kernel-total'] ?? 0) + (queue['wan-kernel-total'] ?? 0),
    kernel: sum((line) => line[7] ?? 0),
    lost: sum((line) => (line[5] ?? 0) + (line[6] ?? 0)),
  };
}

function expectGrowth(before: QueueCounters, after: QueueCounters, packets: number): void {
  expect(after).toEqual({
    daemon: before.daemon + packets,
    reported: before.reported + packets,
    kernel: before.kernel + packets,
    lost: before.lost,
  });
}

test('200 MB of one connection pass beside the daemon', async () => {
  const bulk = made.lab.client().connector();
  const start = await queueCounters();
  const targets = [{ address: NEAR, port: PORT }];
  connectMs(await bulk.run({ targets, count: 1, hold: true, bytes: 1 }));
  const opened = await queueCounters();
  expectGrowth(start, opened, 1 + ROUTES);
  for (let step = 0; step < STEPS; step++) {
    expect(await bulk.check(STEP_BYTES)).toEqual({ held: 1, ok: 1, errors: {} });
  }
  await bulk.stop();
  expectGrowth(opened, await queueCounters(), 0);
  // There and back: twice that many bytes went through the gateway.
  expect((await echo.count()).bytes).toBe(STEPS * STEP_BYTES + 1);
});

test.each([
  ['ipv4', NEAR],
  ['ipv6', NEAR6],
] as const)(
  'beside a bulk transfer: %s connections cost their set-up and nothing else',
  async (_, address) => {
    const bulk = made.lab.client().connector();
    connectMs(await bulk.run({ targets: [{ address, port: PORT }], count: 1, hold: true, bytes: 1 }));
    await echo.forget();
    const before = await queueCounters();
    const transfer = bulk.check(STEP_BYTES);
    const targets = [{ address, port: PORT }];
    const small = await made.lab.client().connect({ targets, count: SMALL, concurrency: 8, bytes: 20_000 });
    connectMs(small);
    expect(await transfer).toEqual({ held: 1, ok: 1, errors: {} });
    expectGrowth(before, await queueCounters(), SMALL * (1 + ROUTES));
    expect((await echo.count()).bytes).toBe(STEP_BYTES + SMALL * 20_000);
    expect(await halfOpen(made.lab)).toBe(0);
    await bulk.stop();
  },
);
