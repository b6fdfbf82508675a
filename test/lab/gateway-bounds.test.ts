/** Everything is bounded: whoever meets a bound goes on by one route, and no connection is lost. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { connectMs, GatewayLab, halfOpen, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;

let made: GatewayLab;
let echo: EchoServer;

beforeAll(async () => {
  made = await GatewayLab.start({
    providers: [
      { name: 'a', link: { delayMs: 20 } },
      { name: 'b', link: { delayMs: 10 } },
      { name: 'c', link: { delayMs: 30 } },
    ],
  });
  echo = await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

test.each([
  ['one race per client', { racesPerClient: 1 }, 'client-race-limit', 200],
  ['one race per second', { raceRatePerClient: 1, raceBurstPerClient: 1 }, 'client-flood', 200],
  ['sixteen races', { races: 16 }, 'race-table-full', 200],
  ['a short queue', { queue: 64 }, undefined, 1000],
] as const)('%s: by one route, never lost', async (_, limits, reason, count) => {
  const { lab } = made;
  await made.restart({ limits });
  await echo.forget();
  const results = await lab.client().connect({
    targets: [
      { address: NEAR, port: PORT },
      { address: NEAR6, port: PORT },
    ],
    count,
    concurrency: 100,
    bytes: 100,
    timeoutMs: 5000,
  });
  const times = connectMs(results);
  expect(Math.max(...times)).toBeLessThan(1400);
  expect(await halfOpen(lab)).toBe(0);
  expect(await echo.count()).toMatchObject({ accepted: count });
  if (reason === undefined) return;
  const { races, packets } = await made.status();
  expect({ ...races.single, ...packets.ignored }[reason]).toBeGreaterThan(0);
});
