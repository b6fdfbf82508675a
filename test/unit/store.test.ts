import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRows } from '../../src/core/memory/rows.js';
import { EARLIEST_MS } from '../../src/core/quota/clock.js';
import { elapsedSince, type StoreContent } from '../../src/daemon/store/content.js';
import { StoreFile, type StoreRead } from '../../src/daemon/store/file.js';
import { maxFileBytes } from '../../src/daemon/store/format.js';

const LIMITS = { destinations: 100 };
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-store-'));
  path = join(folder, 'state', 'memory');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function contentOf(rows: number, routes = 3, savedAtMs = 1_750_000_000_000): StoreContent {
  const memory = createRows(rows, routes);
  memory.count = rows;
  for (const column of [memory.address, memory.rtt, memory.age, memory.usedAge, memory.verdict])
    for (let i = 0; i < column.length; i++) column[i] = i * 7 + rows;
  return {
    savedAtMs,
    routes: Array.from({ length: Math.max(1, routes) }, (_, n) => ({
      name: `route ${n} ü`,
      admin: n === 1 ? 'draining' : 'enabled',
      quota: { month: '2026-07', bytes: n * 1e9 },
      statistics: { wins: n, 'bytes-in': 1.5 },
    })),
    services: ['web', '', 'bank'],
    statistics: { races: 12 },
    memory,
  };
}

function file(limits = LIMITS): StoreFile {
  return new StoreFile(path, limits);
}

async function written(content: StoreContent, limits = LIMITS): Promise<Uint8Array> {
  const result = await file(limits).write(content);
  expect(result).toEqual({ ok: true, bytes: statSync(path).size });
  return readFileSync(path);
}

/** Puts bytes in the place of the store. */
function place(bytes: Uint8Array | string): void {
  mkdirSync(join(folder, 'state'), { recursive: true });
  writeFileSync(path, bytes);
}

function mode(of: string): number {
  return statSync(of).mode & 0o777;
}

/** The same bytes with a check sum that fits: what somebody could write who knows the format. */
function signed(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const body = copy.subarray(0, -32);
  copy.set(createHash('sha256').update(body).digest(), body.length);
  return copy;
}

function refused(reason: string, keptAs: string | null = `${path}.corrupt`): unknown {
  return { kind: 'refused', reason, message: expect.stringMatching(/./), keptAs };
}

describe('a store file', () => {
  it.each([
    [0, 1],
    [1, 1],
    [7, 3],
    [100, 16],
  ])('gives back %d rows of %d routes', async (rows, routes) => {
    const content = contentOf(rows, routes);
    const bytes = await written(content);
    expect(bytes.length).toBeLessThanOrEqual(maxFileBytes(LIMITS));
    expect(await file().read()).toEqual({ kind: 'content', content });
  });

  it('leaves out the spare room of the rows', async () => {
    const content = contentOf(10);
    content.memory.count = 4;
    await written(content);
    const found = await file().read();
    expect(found.kind === 'content' && found.content.memory.address.length).toBe(16);
  });

  it('is for its owner alone, and so is the folder that it makes', async () => {
    const before = process.umask(0);
    try {
      await written(contentOf(1));
    } finally {
      process.umask(before);
    }
    expect(mode(path)).toBe(0o600);
    expect(mode(join(folder, 'state'))).toBe(0o700);
    chmodSync(join(folder, 'state'), 0o755);
    chmodSync(path, 0o644);
    await written(contentOf(2));
    expect(mode(path)).toBe(0o600);
    expect(mode(join(folder, 'state'))).toBe(0o755);
  });

  it('may be missing, with its folder', async () => {
    expect(await file().read()).toEqual({ kind: 'missing' });
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });

  it('has no neighbours after a write: the first one removes those of interrupted ones', async () => {
    place('');
    const own = ['memory.0123456789ab.tmp', 'memory.ffffffffffff.tmp'];
    const others = ['memory.tmp', 'memory.0123456789AB.tmp', 'other.0123456789ab.tmp', 'memory.old'];
    for (const name of [...own, ...others]) writeFileSync(join(folder, 'state', name), 'x');
    await written(contentOf(1));
    expect(readdirSync(join(folder, 'state')).sort()).toEqual(['memory', ...others].sort());
  });
});

describe('a damaged store file', () => {
  it('is never used, whatever byte is wrong', async () => {
    const bytes = await written(contentOf(3));
    for (let at = 0; at < bytes.length; at++) {
      const wrong = Uint8Array.from(bytes);
      wrong[at] ^= 1 << (at % 8);
      place(wrong);
      const found = await file().read();
      expect(found.kind, `byte ${at}`).toBe('refused');
      expect(existsSync(path)).toBe(false);
      expect(readFileSync(`${path}.corrupt`).equals(wrong)).toBe(true);
    }
  });

  it('is never used, wherever it ends', async () => {
    const bytes = await written(contentOf(2));
    for (let length = 0; length < bytes.length; length++) {
      place(bytes);
      truncateSync(path, length);
      expect(await file().read(), `${length} bytes`).toEqual(refused('truncated'));
    }
    place(Buffer.concat([bytes, Buffer.of(0)]));
    expect(await file().read()).toEqual(refused('corrupt'));
  });

  it('is never used, whatever was written over it', async () => {
    const bytes = await written(contentOf(5));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        async (at, over) => {
          const wrong = Uint8Array.from(bytes);
          wrong.set(over.subarray(0, wrong.length - at), at);
          fc.pre(!bytes.every((byte, i) => byte === wrong[i]));
          place(wrong);
          expect((await file().read()).kind).toBe('refused');
        },
      ),
      { numRuns: 200 },
    );
  });

  it('makes room for the next one', async () => {
    place('');
    expect(await file().read()).toEqual(refused('truncated'));
    await written(contentOf(1));
    expect((await file().read()).kind).toBe('content');
  });

  it('of a newer version, or with more than the configuration allows, is kept aside', async () => {
    const bytes = await written(contentOf(50));
    expect(await file({ destinations: 49 }).read()).toEqual(refused('too-large'));
    const newer = Uint8Array.from(bytes);
    newer[8] = 3;
    place(signed(newer));
    expect(await file().read()).toEqual(refused('newer-version'));
    place(bytes);
    truncateSync(path, maxFileBytes(LIMITS) + 1);
    expect(await file().read()).toEqual(refused('too-large'));
  });
});

describe('a made-up store file', () => {
  const text = (bytes: Uint8Array, from: string, to: string): Uint8Array => {
    expect(from.length).toBe(to.length);
    const at = Buffer.from(bytes).indexOf(from);
    expect(at).toBeGreaterThan(0);
    const copy = Uint8Array.from(bytes);
    copy.set(Buffer.from(to), at);
    return signed(copy);
  };

  it.each([
    ['"draining"', '"drowning"'],
    ['"2026-07"', '"2026-13"'],
    ['"wins"', '"win\\"'],
    ['"route 1', '"route 0'],
    ['"route 1', '"route \u0001'],
    ['"bytes":1000000000', '"bytes":-100000000'],
    ['"rows":7', '"rows":8'],
    ['"rows":7', '"rows":0'],
    ['"rows":7,"routes":3', '"rows":7,"routes":2'],
    ['"routes":3', '"routes":0'],
    ['"statistics":{"races"', '"statisticz":{"races"'],
    ['"savedAtMs":1750000000000', '"savedAtMs":9999999999e99'],
    ['{"savedAtMs', '["savedAtMs'],
  ])('with %s as %s is not used', async (from, to) => {
    const bytes = await written(contentOf(7));
    place(text(bytes, from, to));
    expect(await file().read()).toEqual(refused('corrupt'));
  });

  it('of before, without names of services, is read as having none', async () => {
    const bytes = await written({ ...contentOf(7), services: [] });
    place(text(bytes, '"services":[],', ' '.repeat(14)));
    const read = await file().read();
    expect(read).toMatchObject({ kind: 'content', content: { services: [], savedAtMs: 1_750_000_000_000 } });
  });

  it('with text that is not UTF-8 is not used', async () => {
    const wrong = Uint8Array.from(await written(contentOf(7)));
    wrong[Buffer.from(wrong).indexOf('ü') + 1] = 0x28;
    place(signed(wrong));
    expect(await file().read()).toEqual(refused('corrupt'));
  });

  it('with other lengths of its sections is not used', async () => {
    const bytes = await written(contentOf(7));
    for (let section = 0; section < 9; section++)
      for (const change of [1, 8, -1, -8, 0x7fffff00]) {
        const wrong = Uint8Array.from(bytes);
        const view = new DataView(wrong.buffer);
        view.setUint32(16 + 4 * section, view.getUint32(16 + 4 * section, true) + change, true);
        place(signed(wrong));
        expect((await file().read()).kind).toBe('refused');
      }
  });

  it('never throws', async () => {
    const bytes = await written(contentOf(7));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 33),
        fc.uint8Array({ minLength: 1, maxLength: 16 }),
        async (at, over) => {
          const wrong = Uint8Array.from(bytes);
          wrong.set(over.subarray(0, wrong.length - 32 - at), at);
          place(signed(wrong));
          expect(['content', 'refused']).toContain((await file().read()).kind);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('what is not a store file', () => {
  it('is left alone by reads and by writes', async () => {
    for (const other of ['root:x:0:0:root:/root:/bin/bash\n', 'x', 'PATHRACE SOMETHING ELSE']) {
      place(other);
      expect(await file().read()).toEqual(refused('foreign', null));
      expect(await file().write(contentOf(1))).toMatchObject({ ok: false, reason: 'foreign' });
      expect(readFileSync(path, 'utf8')).toBe(other);
    }
    expect(readdirSync(join(folder, 'state'))).toEqual(['memory']);
  });

  it('may be a folder, a device, a pipe or a folder that is a file', async () => {
    mkdirSync(path, { recursive: true });
    expect(await file().read()).toEqual(refused('not-a-file', null));
    expect(await file().write(contentOf(1))).toMatchObject({ ok: false });
    rmSync(path, { recursive: true });
    symlinkSync('/dev/zero', path);
    expect(await file().read()).toEqual(refused('not-a-file', null));
    expect(await file().write(contentOf(1))).toMatchObject({ ok: false, reason: 'foreign' });
    rmSync(path);
    execFileSync('mkfifo', [path]);
    expect(await file().read()).toEqual(refused('not-a-file', null));
    expect(await file().write(contentOf(1))).toMatchObject({ ok: false, reason: 'foreign' });
    rmSync(join(folder, 'state'), { recursive: true });
    writeFileSync(join(folder, 'state'), '');
    expect(await file().read()).toEqual(refused('unreadable', null));
    expect(await file().write(contentOf(1))).toMatchObject({ ok: false, reason: 'failed' });
  });
});

describe('overlapping calls', () => {
  it('end with the newest content, and write what is waiting once', async () => {
    const store = file();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.write(contentOf(n + 1, 3, n))),
    );
    expect(results.every(({ ok }) => ok)).toBe(true);
    const found = await store.read();
    expect(found.kind === 'content' && found.content.savedAtMs).toBe(19);
    const sizes = new Set(results.map((result) => result.ok && result.bytes));
    expect(sizes.size).toBe(1);
  });

  it('of reads and writes see whole files only', async () => {
    const store = file({ destinations: 20_000 });
    await store.write(contentOf(10_000));
    const writes = Array.from({ length: 10 }, async (_, n) => {
      await sleep(n);
      return store.write(contentOf(10_000 + n, 3, n));
    });
    // Another process that only looks.
    const reads: Promise<StoreRead>[] = [];
    for (let n = 0; n < 10; n++) {
      reads.push(new StoreFile(path, { destinations: 20_000 }).read());
      await sleep(1);
    }
    for (const { kind } of await Promise.all(reads)) expect(kind).toBe('content');
    for (const { ok } of await Promise.all(writes)) expect(ok).toBe(true);
    expect((await store.read()).kind).toBe('content');
    expect(readdirSync(join(folder, 'state'))).toEqual(['memory']);
  });

  it('go on after one that failed', async () => {
    const store = file();
    const bad = { ...contentOf(1), savedAtMs: -1 };
    await expect(store.write(bad)).rejects.toThrow(/would not be read again/);
    expect(await store.write(contentOf(1))).toMatchObject({ ok: true });
  });
});

describe('the age of what was saved', () => {
  it('is not known when the clock has run backwards', () => {
    expect(elapsedSince(EARLIEST_MS + 1000, EARLIEST_MS + 5000, 600_000)).toBe(4000);
    expect(elapsedSince(EARLIEST_MS + 5000, EARLIEST_MS + 1000, 600_000)).toBe(600_000);
  });

  it('is not known when the clock had not been set then', () => {
    expect(elapsedSince(1000, EARLIEST_MS + 5000, 600_000)).toBe(600_000);
  });
});
