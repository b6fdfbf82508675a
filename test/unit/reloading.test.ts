import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReloadPlan } from '../../src/config/plan.js';
import { ConfigSource } from '../../src/daemon/config-source.js';
import { Numbers } from '../../src/daemon/numbers.js';
import { Reloading } from '../../src/daemon/reloading.js';
import type { GatewayConfig } from '../../src/model/config.js';
import { PathraceError } from '../../src/model/errors.js';
import { createLog } from '../../src/observe/log.js';
import { parse, read } from './config-tools.js';

const text = (weight: number): string =>
  `lan: [lan0]\nroutes: { a: { interface: wan1, weight: ${weight} }, b: { interface: wan2 } }\nrest: { route: a }\n`;

let folder: string;
let file: string;
/** What is in force. */
let config: GatewayConfig;
/** What applying it ends in, the next first; none: it works. */
let failures: Error[];
let applied: number[];
let lines: string[];
/** How often what must not be forgotten was kept. */
let kept: number;
/** What was read last. */
let parsed: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-reloading-'));
  file = join(folder, 'f.yaml');
  config = read(text(1));
  failures = [];
  applied = [];
  lines = [];
  kept = 0;
  parsed = '';
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

function reloading(enqueue = (work: () => Promise<void>) => work()): Reloading {
  return new Reloading({
    log: createLog({ level: 'info', write: (line) => void lines.push(line) }),
    source: new ConfigSource(file, config, (...asked) => {
      parsed = asked[0];
      return parse(...asked);
    }),
    atStart: 2,
    inForce: () => ({
      config,
      flows: { counts: { perRoute: () => new Map([[1, 7]]) } },
      numbers: { routes: new Numbers(4) },
    }),
    isOver: async () => void kept++,
    enqueue,
    takeOver: async ({ live }: ReloadPlan) => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      config = live;
      applied.push(live.routes[0].weight);
    },
  });
}

/** A file is read by threads that no false clock holds up. */
async function hasParsed(wanted: string): Promise<void> {
  while (parsed !== wanted) await new Promise((resolve) => setImmediate(resolve));
}

const refused = new PathraceError('E_COMMAND_FAILED', 'nft said no.');

describe('a reload', () => {
  it('is taken over, and there is nothing to do the second time', async () => {
    writeFileSync(file, text(5));
    const one = reloading();
    expect(await one.preview(text(5))).toEqual({
      changes: [{ key: 'routes.a.weight', before: '1', after: '5', apply: 'live' }],
      effects: [],
    });
    expect(applied).toEqual([]);
    expect((await one.reload()).applied).toBe(true);
    expect(await one.reload()).toEqual({ applied: false, changes: [], effects: [] });
    expect(applied).toEqual([5]);
    expect(kept).toBe(1);
  });

  it('that fails is an error, an alarm, no “nothing to change”, and is tried again after 1, 2, 4 s', async () => {
    writeFileSync(file, text(5));
    failures = [refused, refused, refused];
    const one = reloading();
    await expect(one.reload()).rejects.toMatchObject({
      code: 'E_RELOAD_FAILED',
      message: expect.stringContaining('nft said no'),
    });
    expect({ kept, isOwed: one.isOwed }).toEqual({ kept: 0, isOwed: true });
    expect(one.alarms()).toEqual(['a changed configuration is not in force: nft said no. It is tried again']);
    expect((await one.preview(text(5))).changes).toHaveLength(1);
    for (const [pauseMs, left] of [
      [999, 2],
      [1, 1],
      [1999, 1],
      [1, 0],
      [3999, 0],
    ]) {
      await vi.advanceTimersByTimeAsync(pauseMs);
      expect([failures.length, applied]).toEqual([left, []]);
      expect(one.alarms()).toHaveLength(1);
    }
    await vi.advanceTimersByTimeAsync(1);
    expect([applied, one.alarms()]).toEqual([[5], []]);
    expect((await one.preview(text(5))).changes).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives way to a later one, in either order of their ends', async () => {
    const one = reloading();
    writeFileSync(file, text(5));
    failures = [refused];
    await expect(one.reload()).rejects.toThrow();
    writeFileSync(file, text(6));
    await one.reload();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([applied, one.alarms()]).toEqual([[6], []]);

    // Both are on their way: what fails first is out of date.
    let begin = (): void => {};
    const gate = new Promise<void>((resolve) => {
      begin = resolve;
    });
    let queue: Promise<void> = gate;
    const two = reloading((work) => {
      const done = queue.then(work);
      queue = done.catch(() => undefined);
      return done;
    });
    failures = [refused];
    writeFileSync(file, text(7));
    const first = two.reload().catch((error: unknown) => String(error));
    await hasParsed(text(7));
    writeFileSync(file, text(8));
    const second = two.reload();
    // Both have been read before the first is applied.
    await hasParsed(text(8));
    begin();
    expect(await first).toMatch(/E_RELOAD_FAILED/);
    expect((await second).applied).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([applied, two.alarms()]).toEqual([[6, 8], []]);
  });

  it('with mistakes changes nothing and keeps what is tried again', async () => {
    const one = reloading();
    writeFileSync(file, text(5));
    failures = [refused];
    await expect(one.reload()).rejects.toThrow();
    writeFileSync(file, 'lan: 7\n');
    await expect(one.reload()).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' });
    expect(one.alarms()).toHaveLength(1);
    one.reloadOnSignal();
    await vi.advanceTimersByTimeAsync(1000);
    // The file is read by another thread.
    await vi.waitFor(() => expect(lines.join('')).toContain('"event":"reload-failed"'));
    expect(applied).toEqual([5]);
  });

  it('says nothing and begins nothing once it is closed', async () => {
    const one = reloading();
    writeFileSync(file, text(5));
    failures = [refused];
    await expect(one.reload()).rejects.toThrow();
    one.close();
    one.reloadOnSignal();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([applied, one.alarms(), vi.getTimerCount()]).toEqual([[], [], 0]);
  });
});
