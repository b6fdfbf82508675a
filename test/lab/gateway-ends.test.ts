/** The end comes within seconds and leaves nothing, whatever hangs, and whatever was asked for just before. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { ConfigOverrides } from '../../lab/index.js';
import { Breakage } from './support/breakage.js';
import { connectMs, eventually, type GatewayLab, NEAR, withGateway } from './support/gateway-lab.js';

const PORT = 7;
/** Two for the disk, and what a busy machine takes for all else. */
const SECONDS = 10_000;
/** All last writes together; and what is left to a machine that is busy with others. */
const LAST_WRITE_MS = 2000;
const SLACK_MS = 1000;
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

type Hung = '.store' | '.state';
const COMBINATIONS: readonly (readonly [string, boolean, readonly Hung[]])[] = [
  ['the store and the state file', true, ['.store', '.state']],
  ['the store alone', true, ['.store']],
  ['the state file, with a store', true, ['.state']],
  ['the state file, without a store', false, ['.state']],
];

describe.each(COMBINATIONS)('a disk that hangs: %s', (_, stores, hung) => {
  const config = (made: GatewayLab): Promise<ConfigOverrides> =>
    stores ? withStore(made) : Promise.resolve({});
  /** What says so. */
  const stuck = hung.map((name) => `"event":"${name.slice(1)}-stuck"`);
  const expectTold = (made: GatewayLab): void => {
    for (const word of stuck) expect(made.daemon.stderr()).toContain(word);
    for (const word of ['"event":"store-stuck"', '"event":"state-stuck"'])
      if (!stuck.includes(word)) expect(made.daemon.stderr()).not.toContain(word);
  };

  test('SIGTERM ends within the time for the last write, with a write that hangs already, and nothing is left', async () => {
    await withGateway(SCENARIO, OPTIONS, async (made) => {
      await made.lab.server().echo({ ports: [PORT] });
      await made.restart(await config(made));
      const connect = async (): Promise<unknown> =>
        connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], bytes: 10 }));
      await connect();
      const quietMs = await endWith(made, 'SIGTERM');
      // All that is learnt is new.
      rmSync(join(made.lab.directory, 'store', 'memory.store'), { force: true });
      await made.startDaemon();
      breakage.hangDisk('writes', hung);
      // A write that hangs already, and the last one behind it.
      const commanded = made.command('drain', 'c').catch(() => undefined);
      await sleep(500);
      await connect();
      const ms = await endWith(made, 'SIGTERM');
      process.stdout.write(
        `ends after ${ms.toFixed(0)} ms, without such a disk after ${quietMs.toFixed(0)} ms\n`,
      );
      expect(ms).toBeLessThan(LAST_WRITE_MS + 3 * quietMs + SLACK_MS);
      await commanded;
      expectTold(made);
      await made.expectCleanState();
      breakage.hangDisk(null);
      await made.startDaemon();
    });
  });

  test('at the start: it starts without, says so, ends; and takes over what comes late', async () => {
    await withGateway(SCENARIO, OPTIONS, async (made) => {
      await made.lab.server().echo({ ports: [PORT] });
      await made.restart(await config(made));
      await made.command('disable', 'c');
      await made.stopDaemon();
      const stateOfC = async (): Promise<string | undefined> =>
        (await made.status()).routes.find(({ name }) => name === 'c')?.state;
      for (const comes of [false, true]) {
        breakage.hangDisk('reads', hung);
        await made.startDaemon();
        connectMs(await made.lab.client().connect({ targets: [{ address: NEAR, port: PORT }], bytes: 10 }));
        expectTold(made);
        const waits = hung.includes('.state');
        if (waits) expect((await made.status()).alarms.join()).toMatch(/does not get read, the disk hangs/);
        if (comes) {
          breakage.hangDisk(null);
          expect(await eventually(stateOfC, (state) => state === 'disabled', 5000)).toBe('disabled');
          expect((await made.status()).alarms.join()).not.toMatch(/disk hangs/);
        }
        const ms = await endWith(made, 'SIGTERM');
        process.stdout.write(`ends after ${ms.toFixed(0)} ms\n`);
        expect(ms).toBeLessThan(SECONDS);
        await made.expectCleanState();
        breakage.hangDisk(null);
      }
      // What was commanded has not been forgotten by any of them.
      await made.startDaemon();
      expect(await stateOfC()).toBe('disabled');
    });
  });
});

test('a command and a reload that wait for the disk when the end comes', async () => {
  await withGateway(SCENARIO, OPTIONS, async (made) => {
    await made.restart(await withStore(made));
    const quietMs = await endWith(made, 'SIGTERM');
    await made.startDaemon();
    breakage.hangDisk('writes');
    const waiting = [made.command('drain', 'c'), made.command('drain', 'b')];
    made.rewriteConfig({ ...(await withStore(made)), rest: { route: 'b' } });
    waiting.push(made.command('reload'));
    const settled = Promise.allSettled(waiting);
    await sleep(700);
    // Links are followed meanwhile: nothing waits for the disk but the answers.
    await made.lab.gateway.must(['ip', 'link', 'set', 'wan3', 'mtu', '1400']);
    await made.lab.gateway.must(['ip', 'link', 'set', 'wan3', 'mtu', '1500']);
    const ms = await endWith(made, 'SIGTERM');
    process.stdout.write(
      `ends after ${ms.toFixed(0)} ms, without such a disk after ${quietMs.toFixed(0)} ms\n`,
    );
    expect(ms).toBeLessThan(LAST_WRITE_MS + 3 * quietMs + SLACK_MS);
    await settled;
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
