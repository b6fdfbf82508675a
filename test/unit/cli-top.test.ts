/** `pathrace top`: rates of two looks, orders by keys, and a terminal that is left as it was. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControlBackend, Status } from '../../src/api/contract.js';
import { startControl } from '../../src/api/server.js';
import { inOrder, ORDERS } from '../../src/cli/top/order.js';
import { type Look, ratesOf } from '../../src/cli/top/sample.js';
import { runCommand, WORST_DECISION, WORST_STATUS, worstRoute } from './cli-tools.js';

/** A status after `seconds`, in which `wins` races were won by each route. */
function statusOf(seconds: number, wins: readonly number[], started = 0, single = 0): Status {
  const routes = wins.map((won, at) => ({
    ...worstRoute(at + 1),
    name: 'abc'[at]!,
    state: 'up' as const,
    wins: won,
    attempts: 3 * won,
    connections: 10 - at,
    traffic: { in: at, out: 5 - at },
  }));
  const races = { ...WORST_STATUS.races, started, single: { group: single } };
  return { ...WORST_STATUS, alarms: [], uptimeSeconds: seconds, routes, races };
}

const lookAt = (atMs: number, status: Status): Look => ({ atMs, status, decisions: [] });

describe('rates', () => {
  const first = lookAt(1000, statusOf(10, [100, 200], 300, 7));

  it('are of the time between two looks', () => {
    const now = lookAt(3000, statusOf(12, [130, 210], 340, 11));
    const { racesPerSecond, singlePerSecond, routes } = ratesOf(first, now);
    expect([racesPerSecond, singlePerSecond]).toEqual([20, 2]);
    expect(
      routes.map(({ winsPerSecond, copiesPerSecond, share }) => [winsPerSecond, copiesPerSecond, share]),
    ).toEqual([
      [15, 45, 0.75],
      [5, 15, 0.25],
    ]);
  });

  it.each([
    ['there is no look before', null, statusOf(12, [130, 210], 340)],
    ['the gateway has started anew', first, statusOf(1, [130, 210], 340)],
    ['a count is less than before', first, statusOf(12, [1, 2], 3)],
  ])('are not known where %s', (_, before, status) => {
    const { racesPerSecond, routes } = ratesOf(before, lookAt(3000, status));
    expect(racesPerSecond).toBeNull();
    expect(routes.map(({ winsPerSecond, share }) => [winsPerSecond, share])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it('of a route that is new are not known, and those of the others are', () => {
    const { routes } = ratesOf(first, lookAt(2000, statusOf(11, [101, 200, 5], 400)));
    expect(routes.map(({ winsPerSecond }) => winsPerSecond)).toEqual([1, 0, null]);
  });
});

describe('an order', () => {
  const { routes } = ratesOf(lookAt(0, statusOf(1, [0, 0, 0])), lookAt(1000, statusOf(2, [1, 3, 2])));
  const names = (key: string, reverse = false) =>
    inOrder(routes, key, reverse)
      .map(({ route }) => route.name)
      .join('');

  it.each([
    ['f', 'abc', 'cba'],
    ['c', 'abc', 'cba'],
    ['w', 'bca', 'acb'],
    ['i', 'cba', 'abc'],
    ['o', 'abc', 'cba'],
  ])('by %s', (key, forth, back) => {
    expect([names(key), names(key, true)]).toEqual([forth, back]);
    expect(Object.keys(ORDERS)).toContain(key);
  });
});

describe('pathrace top', () => {
  let folder: string;
  let control: string;
  let asked = 0;
  let close: () => Promise<void>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pathrace-top-'));
    control = join(folder, 'control.sock');
    const status: ControlBackend['status'] = async () =>
      statusOf(++asked, [asked, 3 * asked, 2 * asked], asked);
    const why: ControlBackend['why'] = async () => [{ ...WORST_DECISION, client: `192.0.2.${asked}:1` }];
    const started = await startControl(control, { status, why } as ControlBackend);
    close = () => started.close();
  });

  afterAll(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** On a terminal of 30 lines on which `pressed` is pressed, a key each 150 ms. */
  async function onTerminal(pressed: string, args: readonly string[] = []) {
    let left = 0;
    const keys = (hear: (key: string) => void): (() => void) => {
      const timers = [...pressed].map((key, at) => setTimeout(() => hear(key), 150 * (at + 1)));
      return () => {
        left++;
        timers.forEach(clearTimeout);
      };
    };
    const io = { isTTY: true, rows: 30, keys };
    const ran = await runCommand(
      ['top', '--every', '60', ...args, '--control', control],
      { NO_COLOR: '1' },
      io,
    );
    return { ...ran, left, frames: ran.out.split('\x1b[H').slice(1) };
  }

  const orderOf = (frame: string) =>
    [...frame.matchAll(/^([abc]) {2,}up /gm)].map(([, name]) => name).join('');

  it('sorts at once when a key is pressed, and ends with q, the terminal as it was', async () => {
    const { code, err, frames, left, out } = await onTerminal('wrxq');
    expect([code, err, left]).toEqual([0, '', 1]);
    expect(frames.map(orderOf)).toEqual(['abc', 'abc', 'cba']);
    expect(frames.every((frame) => frame.includes('q quit'))).toBe(true);
    expect(out.endsWith('\x1b[?7h\x1b[?25h')).toBe(true);
  });

  it('ends with Ctrl-C, which is a key there', async () => {
    expect((await onTerminal('\x03')).code).toBe(0);
  });

  it('sorts by wins once there are two looks', async () => {
    const { out, code } = await runCommand([
      'top',
      '--every',
      '0.1',
      '--count',
      '3',
      '--sort',
      'wins',
      '--control',
      control,
    ]);
    expect(code).toBe(0);
    expect(out).not.toContain('\x1b');
    expect(out).not.toContain('q quit');
    const pages = out.split(/^(?=\d{4}-\d\d-\d\d )/m);
    expect(pages.map(orderOf)).toEqual(['abc', 'bca', 'bca']);
  });

  it('prints a line for each look with --json, and each decision once', async () => {
    const { out } = await runCommand([
      'top',
      '--every',
      '0.1',
      '--count',
      '3',
      '--json',
      '--control',
      control,
    ]);
    const documents = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(documents.map(({ decisions }) => decisions.length)).toEqual([1, 1, 1]);
    expect(documents.map(({ racesPerSecond }) => racesPerSecond === null)).toEqual([true, false, false]);
  });

  it.each([
    ['--every', '0'],
    ['--count', '0'],
    ['--count', 'x'],
    ['--sort', 'nonsense'],
  ])('takes no %s %s', async (option, value) => {
    expect((await runCommand(['top', option, value, '--control', control])).code).toBe(2);
  });
});
