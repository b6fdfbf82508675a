/** The wall clock is set while the gateway runs: nothing but dates may change, and no byte of a quota. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connectMs, type GatewayLab, NEAR, withGateway } from './support/gateway-lab.js';
import { routeOf } from './support/routes.js';

const PORT = 11;
const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 2 } },
    { name: 'b', link: { delayMs: 20 } },
  ],
};
const DAY_MS = 86_400_000;

async function carry(made: GatewayLab, bytes: number): Promise<void> {
  const targets = [{ address: NEAR, port: PORT }];
  connectMs(await made.lab.client().connect({ targets, count: 1, bytes }));
}

/** How long ago the last decision was made, by the clock as it is now, seconds. */
async function lastDecision(made: GatewayLab, wrongMs: number): Promise<number> {
  const [newest] = await made.why(`${NEAR}:${PORT}`);
  return (Date.now() + wrongMs - Date.parse(newest?.time ?? '')) / 1000;
}

test('a boot in 1970, then the clock is set, and set again: uptime, `why` and `since` are right, the quota goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pathrace-clock-'));
  const clock = join(folder, 'clock');
  const set = (wrongMs: number): void => writeFileSync(clock, String(Math.round(wrongMs)));
  const bootMs = -Date.now() + 60_000;
  set(bootMs);
  const options = {
    config: {
      routes: { a: { quota: { volume: '1GB', day: 31 } } },
      services: [{ name: 'raced', match: { tcp: PORT }, select: 'race', affinity: 'none' }],
    },
    preload: fileURLToPath(new URL('support/wrong-clock.mjs', import.meta.url)),
    env: { PATHRACE_TEST_CLOCK: clock, TZ: 'Europe/Berlin' },
  };
  try {
    await withGateway(SCENARIO, options, async (made) => {
      await made.lab.server().echo({ ports: [PORT] });
      const used = async (): Promise<number> => (await routeOf(made, 'a')).quota.used;
      const settled = async (): Promise<number> => {
        await sleep(1500);
        return used();
      };
      await carry(made, 500_000);
      const first = await settled();
      expect(first).toBeGreaterThan(1_000_000);
      const { quota } = await routeOf(made, 'a');
      // No date is known: no period is named.
      expect(quota.since).toBeUndefined();
      expect(await lastDecision(made, bootMs)).toBeLessThan(60);

      for (const wrongMs of [0, 400 * DAY_MS, -20 * DAY_MS, 0]) {
        set(wrongMs);
        await carry(made, 100_000);
        await sleep(1500);
        const { uptimeSeconds, routes } = await made.status();
        expect(uptimeSeconds).toBeGreaterThan(0);
        expect(uptimeSeconds).toBeLessThan(120);
        const nowMs = Date.now() + wrongMs;
        for (const { since } of routes) {
          expect(nowMs - Date.parse(since)).toBeGreaterThanOrEqual(0);
          expect(nowMs - Date.parse(since)).toBeLessThan(120_000);
        }
        const age = await lastDecision(made, wrongMs);
        expect(age).toBeGreaterThanOrEqual(0);
        expect(age).toBeLessThan(60);
        await made.command('drain', 'b');
        const { since } = await routeOf(made, 'b');
        expect(Math.abs(nowMs - Date.parse(since))).toBeLessThan(60_000);
        await made.command('undrain', 'b');
      }
      const last = await routeOf(made, 'a');
      // All that was sent today, whatever day it was called meanwhile.
      expect(last.quota.used).toBeGreaterThan(first + 4 * 200_000);
      expect(last.quota.used).toBeLessThan(first + 4 * 220_000 + 50_000);
      expect(last.quota.zone).toBe('Europe/Berlin');
      expect(Date.parse(last.quota.since ?? '')).toBeLessThan(Date.now());
      expect(Date.parse(last.quota.until ?? '')).toBeGreaterThan(Date.now());
      expect(Date.parse(last.quota.until ?? '') - Date.parse(last.quota.since ?? '')).toBeLessThan(
        32 * DAY_MS,
      );
      // The next run begins where the machine was switched off: the period goes on.
      const before = await settled();
      set(-DAY_MS);
      await made.stopDaemon();
      await made.startDaemon();
      expect(await settled()).toBeGreaterThanOrEqual(before);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
