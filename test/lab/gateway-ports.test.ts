/** A source port that a living flow uses towards a server belongs to it, whatever the daemon has forgotten meanwhile. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Connector, ConnectResult } from '../../lab/index.js';
import { connectMs, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const ONE_REPEAT_MS = 1400;
/** The smallest that is allowed, and more connections than it remembers. */
const PORT_MEMORY = 1024;
const CHURN = 4000;

let made: GatewayLab;
let holder: Connector;

beforeAll(async () => {
  // One route only answers: there is no way around a port that is taken on it.
  made = await GatewayLab.start(
    {
      lan: { clients: 2 },
      providers: [
        { name: 'a', link: { delayMs: 1 } },
        { name: 'b', link: { blackhole: true } },
        { name: 'c', link: { blackhole: true } },
      ],
    },
    {
      config: {
        limits: { portMemory: PORT_MEMORY, raceRatePerClient: 100_000, raceBurstPerClient: 100_000 },
      },
    },
  );
  await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await holder?.stop();
  await made?.stop();
});

beforeEach(async () => {
  await holder?.stop();
  holder = made.lab.client(0).connector();
});

/** A connection of one client from a port of its own, held; gives the same attempt of the other client. */
async function holdFrom(
  family: 'ipv4' | 'ipv6',
  sourcePort: number,
): Promise<() => Promise<ConnectResult[]>> {
  const targets = [{ address: family === 'ipv4' ? NEAR : NEAR6, port: PORT }];
  const from = (index: number) => ({ sources: [made.lab.client(index)[family]], sourcePorts: [sourcePort] });
  connectMs(await holder.run({ targets, ...from(0), hold: true, bytes: 100 }));
  return () => made.lab.client(1).connect({ targets, ...from(1), bytes: 100, timeoutMs: 4000 });
}

async function expectBoth(results: readonly ConnectResult[]): Promise<void> {
  expect(await holder.check(1000)).toEqual({ held: 1, ok: 1, errors: {} });
  expect(Math.max(...connectMs(results))).toBeLessThan(ONE_REPEAT_MS);
}

test.each([
  ['ipv4', 45_001],
  ['ipv6', 45_003],
] as const)('%s: remembered', async (family, sourcePort) => {
  const other = await holdFrom(family, sourcePort);
  await expectBoth(await other());
});

test.each([
  ['ipv4', 45_011],
  ['ipv6', 45_013],
] as const)('%s: after a new start', async (family, sourcePort) => {
  const other = await holdFrom(family, sourcePort);
  made.daemon.signal('SIGKILL');
  await made.daemon.done;
  await made.startDaemon();
  await expectBoth(await other());
});

test('after more connections than are remembered', async () => {
  const other = await holdFrom('ipv4', 45_021);
  const targets = [{ address: NEAR, port: PORT }];
  const before = (await made.status()).races.started;
  connectMs(await made.lab.client(0).connect({ targets, count: CHURN, concurrency: 16 }));
  expect((await made.status()).races.started - before).toBeGreaterThanOrEqual(CHURN);
  await expectBoth(await other());
});
