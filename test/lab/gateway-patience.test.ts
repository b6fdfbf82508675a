/** Round trips that are longer than a client waits before it sends its SYN again, and servers that let one provider in. */
import { expect, test } from 'vitest';
import type { MemoryEntry } from '../../src/api/contract.js';
import { connectMs, NEAR, NEAR6 } from './support/gateway-lab.js';
import {
  describeRoundTrips,
  echo,
  made,
  PORT,
  REMEMBERING,
  roundTrips,
  usePatienceLab,
} from './support/patience-lab.js';

usePatienceLab();
describeRoundTrips(1300);

test('a slow route that is wanted is remembered as slow, and waited for', async () => {
  await roundTrips(1200, 40, 40);
  await made.startDaemon(REMEMBERING);
  try {
    const client = made.lab.client();
    const targets = [{ address: NEAR, port: PORT.cheapest }];
    // The first is rescued; then a moment, in which the answer to the client's own repeat comes.
    connectMs(await client.connect({ targets }));
    connectMs(await client.connect({ targets, count: 2, rate: 0.5 }));
    await echo.forget();
    connectMs(await client.connect({ targets, count: 5, bytes: 100 }));
    const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
    expect(sources).toEqual(Array(5).fill('203.0.1.2'));
    const [entry] = JSON.parse(await made.command('memory')) as MemoryEntry[];
    expect(entry?.routes.a?.answer).not.toBe('silent');
    expect(entry?.routes.a?.rttMicros).toBeGreaterThan(1_100_000);
    expect((await made.status()).routes.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
  } finally {
    await made.stopDaemon();
  }
});

test('two fast providers are refused by the server, the slow one is let in: every connection is made', async () => {
  await roundTrips(20, 30, 300);
  for (const name of ['a', 'b'] as const) await made.lab.link(name).set({ reject: { '*': 'rst' } });
  await made.startDaemon(REMEMBERING);
  try {
    for (const address of [NEAR, NEAR6]) {
      const targets = [{ address, port: PORT.race }];
      const results = await made.lab.client().connect({ targets, count: 5, bytes: 100 });
      const times = connectMs(results);
      expect(Math.min(...times)).toBeGreaterThan(299);
      // Nobody waits for more than the slow route's own time.
      expect(Math.max(...times)).toBeLessThan(300 + 900);
    }
    const sources = (await echo.connections()).map(({ remoteAddress }) => remoteAddress);
    expect(sources).toEqual([...Array(5).fill('203.0.3.2'), ...Array(5).fill('fd03:3::2')]);
    const entries = JSON.parse(await made.command('memory')) as MemoryEntry[];
    for (const { best, trusted, routes } of entries) {
      expect({ best, trusted }).toEqual({ best: 'c', trusted: true });
      expect([routes.a?.answer, routes.b?.answer]).toEqual(['failed', 'failed']);
    }
  } finally {
    for (const name of ['a', 'b'] as const) await made.lab.link(name).set({ reject: {} });
    await made.stopDaemon();
  }
});
