/** The end comes within seconds and leaves nothing, whatever hangs, and whatever was asked for just before. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { ConfigOverrides } from '../../lab/index.js';
import { Breakage } from './support/breakage.js';
import { connectMs, type GatewayLab, NEAR, withGateway } from './support/gateway-lab.js';

const PORT = 7;
/** Two for the disk, and what a busy machine takes for all else. */
const SECONDS = 10_000;
const SCENARIO = { providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] };

const breakage = new Breakage();
afterEach(() => breakage.heal());
afterAll(() => breakage.close());
const OPTIONS = { preload: breakage.preload, env: breakage.env };

/** Ends the gateway; how long it took, milliseconds. */
async function endWith(made: GatewayLab, signal: NodeJS.Signals): Promise<number> {
  const at = performance.now();
  made.daemon.signal(signal);
  const { code, stderr } = await made.daemon.done;
  expect(code, stderr.slice(-2000)).toBe(0);
  return performance.now() - at;
}

async function withStore(made: GatewayLab): Promise<ConfigOverrides> {
  const folder = join(made.lab.directory, 'store');
  mkdirSync(folder, { recursive: true });
  return { memory: { trust: '10m', store: join(folder, 'memory.store') } };
}

test('a disk that hangs while the store is written: SIGTERM ends within seconds, and nothing is left', async () => {
  await withGateway(SCENARIO, OPTIONS, async (made) => {
    await made.lab.server().echo({ ports: [PORT] });
    await made.restart(await withStore(made));
    connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], bytes: 10 }));
    breakage.hangDisk('writes');
    // A write that hangs already, and the last one behind it.
    await made.command('drain', 'c');
    connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], bytes: 10 }));
    expect(await endWith(made, 'SIGTERM')).toBeLessThan(SECONDS);
    expect(made.daemon.stderr()).toContain('"event":"store-stuck"');
    await made.expectCleanState();
    breakage.hangDisk(null);
    await made.startDaemon();
  });
});

test('SIGQUIT with such a disk leaves the state, as configured', async () => {
  await withGateway(SCENARIO, OPTIONS, async (made) => {
    await made.restart(await withStore(made));
    breakage.hangDisk('writes');
    expect(await endWith(made, 'SIGQUIT')).toBeLessThan(SECONDS);
    expect((await made.lab.gateway.run(['nft', 'list', 'table', 'inet', 'pathrace'])).code).toBe(0);
    breakage.hangDisk(null);
    await made.startDaemon();
  });
});

test('a disk that hangs at the start: it starts without what was remembered, and ends', async () => {
  await withGateway(SCENARIO, OPTIONS, async (made) => {
    await made.lab.server().echo({ ports: [PORT] });
    const config = await withStore(made);
    await made.restart(config);
    await made.stopDaemon();
    breakage.hangDisk('reads');
    await made.startDaemon();
    connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], bytes: 10 }));
    expect(await endWith(made, 'SIGTERM')).toBeLessThan(SECONDS);
    await made.expectCleanState();
    breakage.hangDisk(null);
    await made.startDaemon();
  });
});

test('SIGTERM within 50 ms of SIGHUP, 30 times: no table is left, and nothing asks to be reported', async () => {
  await withGateway(SCENARIO, {}, async (made) => {
    for (let round = 0; round < 30; round++) {
      made.rewriteConfig({
        rest: { route: round % 2 === 0 ? 'b' : 'a' },
        routes: { c: { weight: round + 2 } },
      });
      made.daemon.signal('SIGHUP');
      await sleep((round * 50) / 29);
      await endWith(made, 'SIGTERM');
      const { code } = await made.lab.gateway.run(['nft', 'list', 'table', 'inet', 'pathrace']);
      expect({ round, left: code === 0 }).toEqual({ round, left: false });
      expect(made.daemon.stderr(), `round ${round}`).not.toMatch(/report it|E_INTERNAL|"level":"error"/i);
      made.launch();
      await made.daemon.waitForLine(/^ready/, 60_000);
    }
  });
}, 900_000);
