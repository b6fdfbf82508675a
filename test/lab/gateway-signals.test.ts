/** Every signal at every moment, readers that leave, errors that nobody catches, and users without rights: none ends the gateway, or keeps it from starting. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { Breakage } from './support/breakage.js';
import {
  connectMs,
  eventually,
  type GatewayLab,
  NEAR,
  PATHRACE,
  withGateway,
} from './support/gateway-lab.js';

const PORT = 7;
const TARGETS = [{ address: NEAR, port: PORT }];
const SCENARIO = { providers: [{ name: 'a', link: { delayMs: 5 } }, { name: 'b' }, { name: 'c' }] };
const HARMLESS = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGPIPE', 'SIGWINCH', 'SIGCONT', 'SIGALRM'] as const;
const ENDS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
const PHASES = ['before', 'start', 'running', 'reload'] as const;

const breakage = new Breakage();
afterEach(() => breakage.heal());
afterAll(() => breakage.close());
const OPTIONS = { preload: breakage.preload, env: breakage.env };

/** The process takes signals itself: from here on none has its default. */
function takesSignals(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const caught = BigInt(`0x${/SigCgt:\s*(\w+)/.exec(status)?.[1] ?? '0'}`);
    return (caught & (1n << BigInt(constants.signals.SIGQUIT - 1))) !== 0n;
  } catch {
    return false;
  }
}

const tables = (made: GatewayLab): Promise<string> => made.lab.gateway.must(['nft', 'list', 'tables']);

/** Starts a daemon and brings it to a moment of its life; its tools are slow, so that the moment lasts. */
async function bringTo(made: GatewayLab, phase: (typeof PHASES)[number]): Promise<void> {
  const { pid } = made.daemon;
  if (phase === 'before') {
    expect(await eventually(async () => takesSignals(pid), Boolean, 5000)).toBe(true);
    expect(await tables(made)).toBe('');
  } else if (phase === 'start') {
    expect(
      await eventually(
        () => tables(made),
        (text) => text !== '',
        10_000,
      ),
    ).not.toBe('');
    expect(made.daemon.stdout()).toBe('');
  } else {
    await made.daemon.waitForLine(/^ready/, 20_000);
    if (phase === 'running') return;
    breakage.slowTools(0.3);
    made.daemon.signal('SIGHUP');
    await sleep(200);
  }
}

async function expectNoDebugger(made: GatewayLab): Promise<void> {
  expect(await made.lab.gateway.must(['ss', '-Hltn'])).not.toContain(':9229');
  expect(made.daemon.stderr()).not.toMatch(/Debugger listening/);
}

async function copiesOfOne(made: GatewayLab): Promise<number> {
  await made.lab.wire.reset();
  connectMs(await made.lab.client().connect({ targets: TARGETS, bytes: 10 }));
  return (await made.lab.wire.trace({ kind: 'syn' })).length;
}

describe('signals', () => {
  test('those that do not mean the end change nothing, at no moment', async () => {
    await withGateway(SCENARIO, OPTIONS, async (made) => {
      await made.lab.server().echo({ ports: [PORT] });
      await made.stopDaemon();
      breakage.slowTools(0.2);
      made.launch();
      for (const phase of PHASES) {
        await bringTo(made, phase);
        for (const signal of HARMLESS) made.daemon.signal(signal);
        await sleep(100);
        await expectNoDebugger(made);
      }
      breakage.slowTools(0);
      // What was asked for before it was ready was done afterwards.
      await made.daemon.waitForLine(/"event":"reload"/, 5000);
      await sleep(500);
      expect(await copiesOfOne(made)).toBe(3);
      breakage.slowTools(0.3);
      made.daemon.signal('SIGTERM');
      await sleep(200);
      for (const signal of [...HARMLESS, 'SIGTERM', 'SIGINT', 'SIGQUIT'] as const) made.daemon.signal(signal);
      await expectNoDebugger(made);
      expect((await made.daemon.done).code).toBe(0);
      await made.expectCleanState();
      breakage.slowTools(0);
      await made.startDaemon();
    });
  });

  test.each(ENDS)('%s ends it with 0 at every moment, and a second one changes nothing', async (signal) => {
    await withGateway(SCENARIO, OPTIONS, async (made) => {
      await made.lab.server().echo({ ports: [PORT] });
      await made.stopDaemon();
      for (const phase of PHASES) {
        breakage.slowTools(phase === 'running' ? 0 : 0.2);
        made.launch();
        await bringTo(made, phase);
        made.daemon.signal(signal);
        await sleep(50);
        made.daemon.signal(signal);
        const { code, stderr } = await made.daemon.done;
        expect({ phase, code }, stderr).toEqual({ phase, code: 0 });
        await expectNoDebugger(made);
        breakage.slowTools(0);
        if (signal !== 'SIGQUIT') await made.expectCleanState();
        else if (phase !== 'before') expect(await tables(made)).toContain('inet pathrace');
        if (signal === 'SIGQUIT') await made.lab.gateway.must([PATHRACE, 'cleanup']);
        await made.expectCleanState();
      }
      // Told to end for good after all.
      made.launch();
      await bringTo(made, 'running');
      breakage.slowTools(0.3);
      made.daemon.signal('SIGHUP');
      await sleep(100);
      made.daemon.signal('SIGQUIT');
      made.daemon.signal('SIGTERM');
      expect((await made.daemon.done).code).toBe(0);
      breakage.slowTools(0);
      await made.expectCleanState();
      await made.startDaemon();
      expect(await copiesOfOne(made)).toBe(3);
    });
  });
});

test('readers of its output that leave: it goes on without, and counts what nobody read', async () => {
  await withGateway(SCENARIO, OPTIONS, async (made) => {
    await made.lab.server().echo({ ports: [PORT] });
    made.daemon.child.stdout?.destroy();
    made.daemon.child.stderr?.destroy();
    await sleep(100);
    for (const mtu of ['1400', '1401', '1500']) {
      await made.lab.gateway.must(['ip', 'link', 'set', 'wan3', 'mtu', mtu]);
      await sleep(400);
    }
    expect(await copiesOfOne(made)).toBe(3);
    const { alarms } = await made.status();
    expect(alarms.join()).toMatch(/\d+ lines of the log had no reader/);
    made.daemon.signal('SIGTERM');
    expect((await made.daemon.done).code).toBe(0);
    await made.expectCleanState();
    await made.startDaemon();
  });
});

test('errors that nobody catches, in either thread: told, and everything goes on', async () => {
  const options = { ...OPTIONS, expectedEvents: ['broken'] };
  await withGateway(SCENARIO, options, async (made) => {
    await made.lab.server().echo({ ports: [PORT] });
    for (const [i, what] of (
      ['rejection', 'exception', 'thread-rejection', 'thread-exception'] as const
    ).entries()) {
      breakage.now(what);
      const broken = async (): Promise<number> =>
        Number(/caught (\d+) times/.exec((await made.status()).alarms.join())?.[1] ?? 0);
      expect(await eventually(broken, (count) => count > i, 5000)).toBe(i + 1);
      expect(await copiesOfOne(made)).toBe(3);
    }
    expect(made.daemon.stderr()).toMatch(/"event":"broken".*a rejection of the test/);
    expect(made.daemon.stderr()).not.toMatch(/race-thread-ended/);
  });
});

describe('the lock', () => {
  test('a user without rights can keep neither start nor cleanup from working', async () => {
    await withGateway(SCENARIO, OPTIONS, async (made) => {
      const { gateway } = made.lab;
      await made.stopDaemon();
      const bind = `
        const { createServer } = require('node:net');
        createServer().listen('\\0pathrace-gateway', () => console.log('bound'));
        createServer().listen('\\0pathrace', () => {});`;
      const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
      const squatter = gateway.spawn([...nobody, process.execPath, '-e', bind]);
      await squatter.waitForLine(/^bound/);
      await made.startDaemon();
      // The lock itself: refused to them, taken or not.
      const lock = `
        const { lockNamespace } = await import('${new URL('../../dist/src/kernel/namespace-lock.js', import.meta.url).href}');
        try { lockNamespace(); console.log('locked'); } catch ({ code }) { console.log(code); }`;
      const attempt = (as: readonly string[], where = gateway) =>
        where.must([...as, process.execPath, '--input-type=module', '-e', lock]);
      expect(await attempt([])).toBe('E_ALREADY_RUNNING\n');
      expect(await attempt(nobody)).toBe('E_PRIVILEGE\n');
      // Another namespace with the same file system has a lock of its own.
      expect(await attempt([], made.lab.client())).toBe('locked\n');
      made.daemon.signal('SIGKILL');
      await made.daemon.done;
      expect(await attempt(nobody)).toBe('E_PRIVILEGE\n');
      expect(await attempt([])).toBe('locked\n');
      await gateway.must([PATHRACE, 'cleanup']);
      await made.expectCleanState();
      await made.startDaemon();
      await squatter.stop();
    });
  });
});
