/** Commands and money: kept apart from the memory, on the disk before anybody is answered. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { createRows } from '../../src/core/memory/rows.js';
import { Books } from '../../src/daemon/books.js';
import { Commands } from '../../src/daemon/commands.js';
import { Numbers } from '../../src/daemon/numbers.js';
import { MAX_PINS, Pins } from '../../src/daemon/pins.js';
import { decodeState, encodeState } from '../../src/daemon/state/content.js';
import { StoreFile } from '../../src/daemon/store/file.js';
import { readOldRoutes } from '../../src/daemon/store/old-routes.js';
import { monotonicMs } from '../../src/kernel/clock.js';
import type { GatewayConfig } from '../../src/model/config.js';
import type { Log } from '../../src/observe/log.js';

let folder: string;
let path: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-books-'));
  path = join(folder, 'control.state');
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const log = {
  info: (_: object, text: string) => said.push(text),
  warn: (_: object, text: string) => said.push(text),
} as unknown as Log;

function config(more = '', state = path): GatewayConfig {
  return parseConfig(
    `lan: lan0
routes:
  a: { interface: wan1 }
  lte: { interface: wan2, quota: { volume: 1MB${more} } }
rest: { route: a }
state: ${state}
`,
    'test.yaml',
  );
}

const numbers = new Numbers(4);
numbers.assign(['a', 'lte']);

interface Opened {
  readonly books: Books;
  readonly commands: Commands;
  readonly pins: Pins;
  carry(bytes: number, wallMs?: number): void;
}

/** `boot`: the kernel's name for the time since the machine was started. */
function open(of = config(), boot?: string): Opened {
  const commands = new Commands();
  const pins = new Pins();
  const books = new Books(() => of, commands, pins, log, boot);
  const carry = (bytes: number, wallMs = Date.now()): void =>
    books.accounts.charge(of.routes, numbers, {
      traffic: new Map([['wan2', { received: bytes, sent: 0 }]]),
      usage: new Map(),
      monotonicMs: monotonicMs(),
      wallMs,
    });
  return { books, commands, pins, carry };
}

const none = async (): Promise<[]> => [];
const notLate = async (): Promise<void> => expect.unreachable('nothing hangs');

describe('commands and quotas', () => {
  it('of a start that ends before it has read them stay as they are', async () => {
    const first = open();
    await first.books.load(none, notLate);
    first.commands.set('lte', 'disabled', monotonicMs());
    await first.books.keep();
    const before = readFileSync(path, 'utf8');
    const second = open();
    await second.books.keep();
    await second.books.keepLast();
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('are written once more at the end, and by nobody who comes later', async () => {
    const { books, commands } = open();
    await books.load(none, notLate);
    books.end();
    commands.set('lte', 'disabled', monotonicMs());
    await books.keep();
    expect(existsSync(path)).toBe(false);
    await books.keepLast();
    const next = open();
    await next.books.load(none, notLate);
    expect(next.commands.of('lte')).toBe('disabled');
    expect(books.alarms()).toEqual([]);
  });

  it('are on the disk when a command is answered, for the owner alone', async () => {
    const { books, commands, carry } = open();
    await books.load(none, notLate);
    carry(1000);
    carry(501_000);
    commands.set('lte', 'disabled', monotonicMs());
    await books.keep();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['control.state']);
    // No word of a stop: as after kill -9.
    const next = open();
    await next.books.load(none, notLate);
    expect(next.commands.of('lte')).toBe('disabled');
    expect(next.books.accounts.of('lte').used).toBe(0);
    next.carry(501_000);
    expect(next.books.accounts.of('lte').used).toBe(500_000);
    expect(next.books.alarms()).toEqual([]);
  });

  it('what was carried while no daemon was there is charged by the next one, as the kernel has counted it', async () => {
    const first = open();
    await first.books.load(none, notLate);
    first.carry(1000);
    await first.books.keep();
    const next = open();
    await next.books.load(none, notLate);
    next.carry(301_000);
    expect(next.books.accounts.of('lte').used).toBe(300_000);
    // Another boot: the counters have begun from zero.
    await next.books.keep();
    writeFileSync(path, readFileSync(path, 'utf8'));
    const later = open();
    await later.books.load(none, notLate);
    later.carry(250_000);
    expect(later.books.accounts.of('lte').used).toBe(550_000);
  });

  it.each([
    ['half of it', (text: string) => text.slice(0, text.length / 2)],
    ['one letter', (text: string) => text.replace('disabled', 'disablee')],
    ['another number', (text: string) => text.replace(/"undated":\d+/, '"undated":7')],
    ['nothing', () => ''],
  ])('a corrupt file (%s) is kept aside, an alarm, and no reason not to run', async (_, corrupt) => {
    const { books, commands } = open();
    await books.load(none, notLate);
    commands.set('lte', 'disabled', monotonicMs());
    await books.keep();
    writeFileSync(path, corrupt(readFileSync(path, 'utf8')));
    const next = open();
    await next.books.load(none, notLate);
    expect(next.commands.of('lte')).toBe('enabled');
    expect(next.books.alarms()).toEqual([
      expect.stringMatching(/control\.state cannot be used.*kept as .*\.corrupt/),
    ]);
    expect(existsSync(`${path}.corrupt`)).toBe(true);
    await next.books.keep();
    expect(next.books.alarms()).toHaveLength(1);
    const again = open();
    await again.books.load(none, notLate);
    expect(again.books.alarms()).toEqual([]);
  });

  it('somebody else’s file is left alone, which is an alarm', async () => {
    writeFileSync(path, 'root:x:0:0:root:/root:/bin/bash\n');
    const { books, commands } = open();
    await books.load(none, notLate);
    commands.set('lte', 'disabled', monotonicMs());
    await books.keep();
    expect(readFileSync(path, 'utf8')).toMatch(/^root:x/);
    expect(books.alarms()).toEqual([expect.stringMatching(/not a state file of Pathrace/)]);
  });

  it('a disk that takes nothing: the command is answered, an alarm until it does again', async () => {
    const blocked = join(folder, 'file');
    writeFileSync(blocked, '');
    const { books, commands } = open(config('', join(blocked, 'control.state')));
    await books.load(none, notLate);
    commands.set('lte', 'disabled', monotonicMs());
    await books.keep();
    await books.keep();
    expect(books.alarms()).toContainEqual(
      expect.stringMatching(/could not write .*commands and quotas are not kept/),
    );
    expect(said.filter((text) => text.startsWith('could not write'))).toHaveLength(1);
    rmSync(blocked);
    mkdirSync(blocked);
    await books.keepIfDue();
    expect(books.alarms().filter((alarm) => alarm.startsWith('could not write'))).toEqual([]);
  });

  it('are taken over from the store of before, also when its memory is larger than it may be now', async () => {
    const store = join(folder, 'control.store');
    const memory = createRows(50, 2);
    memory.count = 50;
    const now = new Date();
    const month = `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, '0')}`;
    const route = (name: string, admin: 'enabled' | 'draining', bytes: number) => ({
      name,
      admin,
      quota: { month, bytes },
      statistics: {},
    });
    const routes = [route('a', 'enabled', 5), route('lte', 'draining', 700_000)];
    const content = { savedAtMs: now.getTime(), routes, services: [], statistics: {}, memory };
    expect(await new StoreFile(store, { destinations: 50 }).write(content)).toMatchObject({ ok: true });
    const { books, commands, carry } = open();
    await books.load(() => readOldRoutes(store), notLate);
    carry(0);
    expect(commands.of('lte')).toBe('draining');
    expect(books.accounts.of('lte').used).toBe(700_000);
    expect(await readOldRoutes(join(folder, 'nothing'))).toEqual([]);
    await books.keep();
    // From now on the state file says it, whatever the store does.
    const next = open();
    await next.books.load(() => readOldRoutes(store), notLate);
    expect(next.commands.of('lte')).toBe('draining');
  });
});

describe('pins', () => {
  const HOUR_MS = 3_600_000;

  /** One destination for an hour, written down, and what the next run of this boot has of it. */
  async function restarted(
    boot: string,
    wallMs = Date.now(),
  ): Promise<Opened & { readonly untilMs: number }> {
    const first = open(config(), 'one');
    await first.books.load(none, notLate);
    first.carry(0, wallMs);
    const untilMs = monotonicMs() + HOUR_MS;
    first.pins.set({ destination: '2001:db8::7', route: 'lte', untilMs, untilDateMs: null });
    await first.books.keep();
    const next = open(config(), boot);
    await next.books.load(none, notLate);
    return { ...next, untilMs };
  }

  /** As once a second (pin-command.ts). */
  function look({ books, pins }: Opened): void {
    const dateMs = books.accounts.dateAt(monotonicMs());
    if (dateMs !== null) pins.settle(monotonicMs(), dateMs);
    pins.expire(monotonicMs(), ['a', 'lte']);
  }

  it.each([0, -400 * 24 * HOUR_MS, 400 * 24 * HOUR_MS])(
    'end when they were to, in the boot in which they were made, whatever the wall clock has done (%d ms)',
    async (jump) => {
      const next = await restarted('one');
      next.carry(0, Date.now() + jump);
      look(next);
      expect(next.pins.all()).toEqual([
        { destination: '2001:db8::7', route: 'lte', untilMs: next.untilMs, untilDateMs: null },
      ]);
      // The next but one as well.
      await next.books.keep();
      const later = open(config(), 'one');
      await later.books.load(none, notLate);
      expect(later.pins.of('2001:db8::7')).toMatchObject({ untilMs: next.untilMs, untilDateMs: null });
    },
  );

  it('end at their date after another start of the machine, which took half an hour', async () => {
    const next = await restarted('two');
    next.carry(0, Date.now() + HOUR_MS / 2);
    look(next);
    const leftMs = (next.pins.of('2001:db8::7')?.untilMs ?? 0) - monotonicMs();
    expect(leftMs / HOUR_MS).toBeCloseTo(0.5, 2);
    const late = await restarted('two');
    late.carry(0, Date.now() + 2 * HOUR_MS);
    look(late);
    expect(late.pins.all()).toEqual([]);
  });

  it('last for what they had left where a clock begins in 1970, and end by their date once it is set', async () => {
    const next = await restarted('two');
    next.carry(0, 1000);
    look(next);
    expect(next.pins.of('2001:db8::7')?.untilMs).toBeLessThanOrEqual(monotonicMs() + HOUR_MS);
    expect(next.pins.all()).toHaveLength(1);
    // Once more before anybody has set it: the date is not forgotten.
    await next.books.keep();
    const later = open(config(), 'two');
    await later.books.load(none, notLate);
    later.carry(0, 1000);
    look(later);
    expect(later.pins.all()).toHaveLength(1);
    later.carry(0, Date.now() + HOUR_MS + 60_000);
    look(later);
    expect(later.pins.all()).toEqual([]);
  });

  it('that are let go stay so, and what was held since the start is the newer word', async () => {
    const next = await restarted('one');
    next.pins.remove(null);
    await next.books.keep();
    const later = open(config(), 'one');
    await later.books.load(none, notLate);
    expect(later.pins.all()).toEqual([]);
    const again = open(config(), 'one');
    const newer = { destination: '2001:db8::7', route: 'a', untilMs: 1e12, untilDateMs: null };
    again.pins.set(newer);
    again.pins.restore([{ ...newer, route: 'lte' }]);
    expect(again.pins.all()).toEqual([newer]);
  });

  it('are as many as may be held, and none that nobody could look up', () => {
    const pin = { route: 'a', untilMs: 5, leftMs: 5, untilDateMs: 0, waitsForDate: false };
    const state = { clock: { lastMs: 0, steadyMs: 0 }, boot: 'one', counters: {}, routes: [] };
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ ...pin, destination: `198.51.${i >> 8}.${i & 255}` }));
    const full = { ...state, pins: many(MAX_PINS) };
    expect(decodeState(encodeState(full))).toEqual(full);
    expect(decodeState(encodeState({ ...state, pins: many(MAX_PINS + 1) }))).toBe('corrupt');
    expect(decodeState(encodeState({ ...state, pins: [{ ...pin, destination: '2001:DB8::7' }] }))).toBe(
      'corrupt',
    );
    // Whoever knows no pins can read what has none.
    expect(encodeState({ ...state, pins: [] })).toContain('"version":1,');
    expect(encodeState({ ...state, pins: [] })).not.toContain('pins');
    expect(decodeState(encodeState({ ...state, pins: [] }))).toEqual({ ...state, pins: [] });
  });
});

describe('a quota that is used up', () => {
  it.each([
    ['', 'last-resort', 'enabled'],
    [', then: last-resort', 'last-resort', 'enabled'],
    [', then: down', 'down', 'disabled'],
    [', then: alarm', 'alarm', 'enabled'],
  ])('{ volume: 1MB%s } is %s, until the volume is raised', async (then, action, admin) => {
    const of = config(then);
    const { books, carry } = open(of);
    await books.load(none, notLate);
    carry(0);
    expect(books.follow()).toBe(false);
    carry(999_999);
    expect(books.follow()).toBe(false);
    carry(1_000_000);
    expect(books.follow()).toBe(true);
    expect(books.spent.of('lte')).toBe(action);
    expect(books.adminOf('lte')).toBe(admin);
    expect(books.spent.takeFallen('lte')).toBe(action === 'down');
    expect(books.follow()).toBe(false);
    const [a, lte] = of.routes;
    (of as { routes: unknown }).routes = [a, { ...lte, quota: { ...lte.quota, bytes: 2e6 } }];
    expect(books.follow()).toBe(true);
    expect([books.spent.of('lte'), books.adminOf('lte')]).toEqual([null, 'enabled']);
  });

  it('is no reason to enable what an operator has closed', async () => {
    const { books, commands, carry } = open(config(', then: down'));
    await books.load(none, notLate);
    carry(0);
    commands.set('lte', 'draining', monotonicMs());
    carry(2_000_000);
    books.follow();
    expect(books.adminOf('lte')).toBe('draining');
  });
});
