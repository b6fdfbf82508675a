/** The unit, what the gateway tells systemd, and the lines of the journal. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ServiceManager } from '../../src/daemon/service-manager.js';
import { sendNotification } from '../../src/kernel/notify-socket.js';
import { journalPriority, logForm } from '../../src/observe/journal.js';
import { createLog } from '../../src/observe/log.js';
import { listenForNotifications, type NotifyListener } from './notify-listener.js';

let folder: string;
let socket: string;
let listener: NotifyListener;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-notify-'));
  socket = join(folder, 'notify.sock');
  listener = listenForNotifications(socket);
});

const told: ServiceManager[] = [];

afterEach(() => {
  for (const one of told.splice(0)) one.close();
  listener.read();
});

afterAll(() => {
  listener.close();
  rmSync(folder, { recursive: true, force: true });
});

const io = { send: sendNotification, monotonicMicros: () => 1234n, pid: process.pid };

function manager(env: object = {}): ServiceManager {
  const one = new ServiceManager({ NOTIFY_SOCKET: socket, ...env }, io);
  told.push(one);
  return one;
}

describe('what systemd is told', () => {
  it('is READY with a status, RELOADING with its time and READY again, STOPPING', async () => {
    const one = manager();
    one.ready(() => '2 of 2 routes up');
    expect(listener.read()).toEqual(['READY=1\nSTATUS=2 of 2 routes up']);
    expect(await one.reloading(async () => listener.read())).toEqual(['RELOADING=1\nMONOTONIC_USEC=1234']);
    expect(listener.read()).toEqual(['READY=1']);
    one.stopping('stopping (SIGTERM)');
    expect(listener.read()).toEqual(['STOPPING=1\nSTATUS=stopping (SIGTERM)']);
  });

  it('is READY again after a reload that fails, and once after two at a time', async () => {
    const one = manager();
    await expect(one.reloading(() => Promise.reject(new RangeError('no')))).rejects.toThrow('no');
    expect(listener.read().at(-1)).toBe('READY=1');
    await Promise.all([one.reloading(() => sleep(5)), one.reloading(() => sleep(20))]);
    expect(listener.read().filter((text) => text === 'READY=1')).toHaveLength(1);
  });

  it('is one line of status, whatever is in it, and only when it is a new one', async () => {
    let status = 'a\nREADY=0\x00';
    manager({ WATCHDOG_USEC: '60000' }).ready(() => status);
    await sleep(90);
    status = 'b';
    await sleep(60);
    const lines = listener.read().flatMap((text) => text.split('\n'));
    expect(lines.filter((line) => line !== 'WATCHDOG=1')).toEqual([
      'READY=1',
      'STATUS=a READY=0',
      'STATUS=b',
    ]);
  });

  it('arrives at an abstract socket, too, and nowhere is no error', () => {
    const name = `@pathrace-test-${process.pid}`;
    const abstract = listenForNotifications(name);
    expect(sendNotification(name, 'READY=1')).toBe(true);
    expect(abstract.read()).toEqual(['READY=1']);
    abstract.close();
    for (const path of [name, '/nowhere/x', 'relative', '', '@', `/${'x'.repeat(200)}`])
      expect(sendNotification(path, 'READY=1')).toBe(false);
  });

  it('is told again, in its order, while the manager does not listen', async () => {
    const heard: string[] = [];
    let deaf = true;
    const send = (_: string, text: string): boolean => !deaf && heard.push(text) > 0;
    const one = new ServiceManager({ NOTIFY_SOCKET: socket }, { ...io, send });
    told.push(one);
    await one.reloading(async () => undefined);
    one.stopping('x');
    deaf = false;
    await sleep(150);
    expect(heard).toEqual(['RELOADING=1\nMONOTONIC_USEC=1234', 'READY=1', 'STOPPING=1\nSTATUS=x']);
  });

  it('is nothing where nobody asked', () => {
    const sent: string[] = [];
    const silent = new ServiceManager({}, { ...io, send: (_, text) => sent.push(text) > 0 });
    silent.ready(() => 'x');
    silent.stopping('y');
    expect(sent).toEqual([]);
  });
});

describe('the watchdog', () => {
  const signs = (): number => listener.read().filter((text) => text.includes('WATCHDOG=1')).length;

  it('hears of a loop that turns, three times in its time, and nothing of one that does not', async () => {
    manager({ WATCHDOG_USEC: '90000', WATCHDOG_PID: String(process.pid) }).ready(() => '');
    await sleep(200);
    expect(signs()).toBeGreaterThanOrEqual(3);
    // The thread stands still, as in an endless loop.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    expect(signs()).toBe(0);
    await sleep(100);
    expect(signs()).toBeGreaterThan(0);
  });

  it.each([
    { WATCHDOG_PID: '1', WATCHDOG_USEC: '30000' },
    { WATCHDOG_USEC: '0' },
    { WATCHDOG_USEC: 'x' },
    {},
  ])('is not ours with %j', async (env) => {
    listener.read();
    const told = new ServiceManager(
      { NOTIFY_SOCKET: socket, ...env },
      { ...io, send: (_, text) => seen.push(text) > 0 },
    );
    const seen: string[] = [];
    told.ready(() => '');
    await sleep(80);
    expect(seen.join()).not.toContain('WATCHDOG');
  });
});

describe('the journal', () => {
  it('gets readable lines with their priority and without a clock of their own', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'debug', form: 'journal', write: (line) => void lines.push(line) });
    log.info({ event: 'route', route: 'fiber' }, 'route fiber is up');
    log.warn({ reasons: ['a b'] }, 'route cable is down');
    log.error({}, 'bad\nnews\x1b[2J');
    log.debug('more');
    log.fatal('the end');
    expect(lines).toEqual([
      '<6>route fiber is up  event=route  route=fiber\n',
      '<4>route cable is down  reasons=["a b"]\n',
      '<3>bad news [2J\n',
      '<7>more\n',
      '<2>the end\n',
    ]);
    expect(journalPriority('of the future')).toBe('<6>');
  });

  it('is known by what standard error is, not by a variable alone', () => {
    const file = join(folder, 'stderr');
    const fd = openSync(file, 'w');
    const { dev, ino } = statSync(file);
    expect(logForm({ JOURNAL_STREAM: `${dev}:${ino}` }, fd)).toBe('journal');
    expect(logForm({ JOURNAL_STREAM: `${dev}:${ino + 1}` }, fd)).toBe('json');
    expect(logForm({ JOURNAL_STREAM: '' }, fd)).toBe('json');
    expect(logForm({}, fd)).toBe('json');
    expect(logForm({ JOURNAL_STREAM: '1:2' }, 9999)).toBe('json');
  });
});

describe('the unit', () => {
  const path = fileURLToPath(new URL('../../packaging/pathrace.service', import.meta.url));
  const unit = new Map(
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => /^\w+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

  it('waits for the gateway, watches it, tries for ever, and reloads by a command that can fail', () => {
    expect(unit.get('Type')).toBe('notify');
    expect(Number(unit.get('WatchdogSec'))).toBeGreaterThan(0);
    expect(unit.get('StartLimitIntervalSec')).toBe('0');
    expect(unit.get('Restart')).toBe('always');
    expect(unit.get('KillMode')).toBe('mixed');
    expect(unit.get('ExecReload')).toMatch(/\/pathrace reload$/);
    expect(unit.get('RestartKillSignal')).toBe('SIGQUIT');
  });

  it.runIf(existsSync('/usr/bin/systemd-analyze'))('exposes less than 3 of 10', () => {
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', path], {
      encoding: 'utf8',
    });
    const level = Number(/exposure level for pathrace.service: ([\d.]+)/.exec(stdout)?.[1]);
    expect(level).toBeGreaterThan(0);
    expect(level).toBeLessThan(3);
  });
});
