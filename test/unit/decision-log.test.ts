/** Decisions of a real engine, handed over in parts and written to real files. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { readDecision } from '../../src/core/decision-columns.js';
import { DecisionLog } from '../../src/daemon/decision-log/decision-log.js';
import { RotatingFile } from '../../src/daemon/decision-log/rotating-file.js';
import { Numbers } from '../../src/daemon/numbers.js';
import { Pins } from '../../src/daemon/pins.js';
import type { RaceClient } from '../../src/daemon/race-client.js';
import type { LogConfig } from '../../src/model/config.js';
import { Harness } from '../sim/engine-harness.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-decisions-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const RING = 64;
const LONG_AGO = Number.NEGATIVE_INFINITY;
const ALL = Number.POSITIVE_INFINITY;

/** An engine that has raced so many connections, one after the other. */
function raced(count: number, h = new Harness(2, { decisions: RING }), first = 40_000): Harness {
  for (let i = 0; i < count; i++) {
    h.connection(first + i, [10, 30]);
    h.pass(100);
  }
  return h;
}

describe('a part of the ring', () => {
  it('has the decisions from a number on, as the ring tells them, in the order in which they were made', () => {
    const h = raced(5);
    const { part } = { part: h.engine.shard.decisions.part(2, 10, ALL) };
    expect(part).toMatchObject({ count: 3, missed: 0, next: 5 });
    const records = Array.from({ length: 3 }, (_, i) => readDecision(part.columns, i, part.routes, 2 + i));
    expect(records).toEqual(h.engine.latestDecisions(3).reverse());
    // It is a copy.
    raced(RING, h, 50_000);
    expect(readDecision(part.columns, 0, part.routes, 2)).toEqual(records[0]);
  });

  it('begins with what is to come, and goes on behind the end of the arrays', () => {
    const h = raced(RING - 2);
    const ring = h.engine.shard.decisions;
    expect(ring.part(-1, 10, ALL)).toMatchObject({ count: 0, missed: 0, next: RING - 2 });
    raced(4, h, 50_000);
    expect(ring.part(RING - 2, 10, ALL)).toMatchObject({ count: 2, next: RING });
    expect(ring.part(RING, 10, ALL)).toMatchObject({ count: 2, missed: 0, next: RING + 2 });
    expect(ring.part(RING + 2, 10, ALL)).toMatchObject({ count: 0, next: RING + 2 });
  });

  it('counts what has given way, and begins anew with a new ring', () => {
    const h = raced(RING + 10);
    const ring = h.engine.shard.decisions;
    expect(ring.part(3, 5, ALL)).toMatchObject({ count: 5, missed: 7, next: 15 });
    expect(ring.part(1000, 5, ALL)).toMatchObject({ missed: 10, next: 15 });
  });

  it('waits for losers, unless half of the ring has been written since', () => {
    const h = raced(10);
    const ring = h.engine.shard.decisions;
    expect(ring.part(0, 10, LONG_AGO)).toMatchObject({ count: 0, missed: 0, next: 0 });
    const [, fifth] = [ring.part(4, 1, ALL), ring.part(5, 1, ALL)];
    expect(ring.part(0, 10, readDecision(fifth.columns, 0, 2, 5).at)).toMatchObject({ count: 5, next: 5 });
    raced(RING / 2, h, 50_000);
    expect(ring.part(0, 100, LONG_AGO)).toMatchObject({ count: 10, next: 10 });
  });
});

const YAML = 'lan: [lan0]\nroutes: { a: { interface: wan1 }, b: { interface: wan2 } }\n';

/** A gateway of two routes whose engine is `h`; `settings` are those of `log.decisions`. */
function logOf(h: Harness, settings: () => LogConfig['decisions']): DecisionLog {
  const base = parseConfig(YAML, 'x');
  const routes = new Numbers(4);
  routes.assign(['a', 'b']);
  const services = new Numbers(4);
  const race: Pick<RaceClient, 'decisionPart' | 'hasEnded'> = {
    hasEnded: false,
    decisionPart: async (from, limit, isLast) => ({
      part: h.engine.shard.decisions.part(from, limit, isLast ? ALL : h.now - 5_000_000),
      originMs: 0,
    }),
  };
  return new DecisionLog({
    get config() {
      return { ...base, log: { ...base.log, decisions: settings() } };
    },
    numbers: { routes, services },
    pins: new Pins(),
    race: race as RaceClient,
  });
}

const lines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the file of decisions', () => {
  const NOBODY = { failed() {}, worked() {} };

  it('has each decision as `why` says it, complete, once', async () => {
    const file = join(folder, 'new/decisions.jsonl');
    const h = raced(3);
    const log = logOf(h, () => ({ file, size: 1e6, keep: 2 }));
    const end = log.begin(NOBODY);
    await log.look();
    raced(2, h, 50_000);
    await log.look();
    expect(existsSync(file) ? lines(file) : []).toEqual([]);
    h.pass(6000);
    await log.look();
    await log.look();
    expect(lines(file).slice(0, 3)).toMatchObject(
      [40_000, 40_001, 40_002].map((port) => ({ client: `10.0.0.2:${port}` })),
    );
    expect(lines(file).slice(3)).toMatchObject([
      {
        by: 'race',
        protocol: 'tcp',
        client: '10.0.0.2:50000',
        destination: '198.51.100.1:443',
        route: 'a',
        reasons: ['first-reply'],
        routes: [
          { route: 'a', answer: 'syn-ack', rttMicros: 10_000 },
          { route: 'b', answer: 'syn-ack', rttMicros: 30_000 },
        ],
      },
      { client: '10.0.0.2:50001' },
    ]);
    raced(1, h, 51_000);
    await end();
    expect(lines(file)).toHaveLength(6);
    expect(log.counts).toEqual({ written: 6, missed: 0 });
  });

  it('says how many it has missed, in a line of its own, where they would be', async () => {
    const file = join(folder, 'd.jsonl');
    const h = raced(1);
    const log = logOf(h, () => ({ file, size: 1e6, keep: 2 }));
    await log.look();
    raced(RING + 20, h, 50_000);
    h.pass(6000);
    await log.look();
    const [missed, first] = lines(file);
    expect(missed).toEqual({ time: expect.any(String), missed: 21 });
    expect(first).toMatchObject({ client: '10.0.0.2:50020' });
    expect(log.counts).toEqual({ written: RING, missed: 21 });
  });

  it('goes on with another file, or none, when the configuration says so', async () => {
    let to: string | null = null;
    const h = raced(1);
    const log = logOf(h, () => (to === null ? null : { file: to, size: 1e6, keep: 0 }));
    const next = async (file: string | null, port: number): Promise<void> => {
      to = file;
      await log.look();
      raced(1, h, port);
      h.pass(6000);
      await log.look();
    };
    await next(null, 50_000);
    await next(join(folder, '1'), 50_001);
    await next(join(folder, '2'), 50_002);
    await next(null, 50_003);
    await next(join(folder, '1'), 50_004);
    const clients = (name: string) => lines(join(folder, name)).map(({ client }) => client);
    expect(clients('1')).toEqual(['10.0.0.2:50001', '10.0.0.2:50004']);
    expect(clients('2')).toEqual(['10.0.0.2:50002']);
  });

  it('counts what it cannot write, says why, and goes on when it can', async () => {
    const file = join(folder, 'd.jsonl');
    mkdirSync(file);
    const h = raced(1);
    const log = logOf(h, () => ({ file, size: 1e6, keep: 2 }));
    await log.look();
    raced(3, h, 50_000);
    h.pass(6000);
    await expect(log.look()).rejects.toThrow(/EISDIR/);
    rmSync(file, { recursive: true });
    raced(1, h, 51_000);
    h.pass(6000);
    await log.look();
    expect(lines(file)).toMatchObject([{ missed: 4 }, { client: '10.0.0.2:51000' }]);
    expect(log.counts).toEqual({ written: 1, missed: 4 });
  });
});

describe('a file that turns', () => {
  const content = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    );

  it('keeps so many, the newest with the lowest number, and removes what is more', async () => {
    writeFileSync(join(folder, 'f.7'), 'of an earlier configuration\n');
    writeFileSync(join(folder, 'f.other'), 'of somebody else\n');
    const file = new RotatingFile({ file: join(folder, 'f'), size: 10, keep: 2 });
    for (const line of ['1\n', '23456789\n', 'a\n', 'longer than all of a file\n', 'b\n', 'c\n'])
      await file.add(line);
    await file.close();
    expect(content()).toEqual({
      f: 'b\nc\n',
      'f.1': 'longer than all of a file\n',
      'f.2': 'a\n',
      'f.other': 'of somebody else\n',
    });
  });

  it('keeps none besides, and goes on with what is there', async () => {
    writeFileSync(join(folder, 'f'), '1234\n');
    const file = new RotatingFile({ file: join(folder, 'f'), size: 10, keep: 0 });
    await file.add('56\n');
    expect(content()).toEqual({ f: '1234\n56\n' });
    await file.add('789\n');
    await file.close();
    expect(content()).toEqual({ f: '789\n' });
  });

  it('follows no link, and writes to nothing but files', async () => {
    writeFileSync(join(folder, 'victim'), 'x');
    symlinkSync(join(folder, 'victim'), join(folder, 'link'));
    const of = (path: string): RotatingFile => new RotatingFile({ file: path, size: 10, keep: 0 });
    await expect(of(join(folder, 'link')).add('1\n')).rejects.toThrow(/ELOOP/);
    await expect(of('/dev/null').add('1\n')).rejects.toThrow(/not a regular file/);
    expect(content().victim).toBe('x');
  });
});
