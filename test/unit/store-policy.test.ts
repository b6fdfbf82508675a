/** When the store is written, and how much that is in a day. */
import { describe, expect, it } from 'vitest';
import { createRows, type MemoryRows } from '../../src/core/memory/rows.js';
import type { StoreContent } from '../../src/daemon/store/content.js';
import { BYTES_PER_DAY, factsOf, LEARNT_MS, SavePolicy, TIMES_MS } from '../../src/daemon/store/policy.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

interface World {
  /** Of each destination when it was last used, milliseconds. */
  used: number[];
  /** Verdict of each about its first route. */
  verdicts: number[];
  pathMtu: number;
}

const world = (rows = 3): World => ({
  used: Array<number>(rows).fill(-DAY),
  verdicts: Array<number>(rows).fill(1),
  pathMtu: 1500,
});

function contentAt({ used, verdicts, pathMtu }: World, nowMs: number): StoreContent {
  const memory: MemoryRows = createRows(used.length, 2);
  memory.count = used.length;
  for (const [row, at] of used.entries()) {
    memory.address[row * 4 + 3] = row;
    memory.usedAge[row] = nowMs - at;
    memory.racedAge[row] = nowMs - at;
    memory.verdict[row * 2] = verdicts[row];
    memory.age.fill(nowMs - at, row * 2, row * 2 + 2);
  }
  const route = { name: 'a', pathMtu: { ipv4: pathMtu }, statistics: {} };
  return { savedAtMs: nowMs, routes: [route], services: ['web'], statistics: {}, memory };
}

/** A day, looked at every minute; what is written, in bytes. */
function day(policy: SavePolicy, bytes: number, live: (world: World, nowMs: number) => void): number {
  const it = world();
  policy.wrote(contentAt(it, 0), 0, bytes);
  let sum = 0;
  for (let now = MINUTE; now <= DAY; now += MINUTE) {
    live(it, now);
    const content = contentAt(it, now);
    if (!policy.mayBeDue(factsOf(content.routes, content.services), now)) continue;
    if (!policy.isDue(content, now, false)) continue;
    policy.wrote(content, now, bytes);
    sum += bytes;
  }
  return sum;
}

describe('a day of the store', () => {
  it('is not a byte where nothing happens', () => {
    expect(day(new SavePolicy(), 5_400_000, () => {})).toBe(0);
  });

  it('is 48 writes at most where only times are new', () => {
    const written = day(new SavePolicy(), 1000, (it, now) => {
      it.used[1] = now - 1;
    });
    expect(written / 1000).toBeLessThanOrEqual(DAY / TIMES_MS);
    expect(written / 1000).toBeGreaterThan(40);
  });

  it('is a write every five minutes where something is learnt all the time', () => {
    const written = day(new SavePolicy(), 1000, (it, now) => {
      it.verdicts[1] = now / MINUTE;
    });
    expect(written / 1000).toBe(DAY / LEARNT_MS);
  });

  it('stays within its bytes also with the largest memory', () => {
    const written = day(new SavePolicy(), 5_400_000, (it, now) => {
      it.verdicts[1] = now / MINUTE;
      it.used[0] = now;
    });
    process.stderr.write(
      `100 000 destinations, learning all day: ${(written / 1e6).toFixed(0)} MB written\n`,
    );
    expect(written).toBeLessThanOrEqual(BYTES_PER_DAY);
    expect(written).toBeGreaterThan(BYTES_PER_DAY / 2);
  });
});

describe('what is due', () => {
  it('is what a path carries at once, whatever was written a moment ago', () => {
    const policy = new SavePolicy();
    const it = world();
    policy.wrote(contentAt(it, 0), 0, 5_400_000);
    it.pathMtu = 1400;
    const content = contentAt(it, 10);
    expect(policy.mayBeDue(factsOf(content.routes, content.services), 10)).toBe(true);
    expect(policy.isDue(content, 10, false)).toBe(true);
  });

  it.each([
    ['a destination that was used', (it: World) => it.used.fill(50), true],
    ['another verdict', (it: World) => it.verdicts.fill(2), true],
    [
      'a destination more',
      (it: World) => Object.assign(it, { used: [...it.used, 60], verdicts: [...it.verdicts, 1] }),
      true,
    ],
    ['nothing', () => {}, false],
  ] as const)('at the end: %s', (_, change, expected) => {
    const policy = new SavePolicy();
    const it = world();
    policy.wrote(contentAt(it, 0), 0, 100);
    change(it);
    expect(policy.isDue(contentAt(it, 100), 100, true)).toBe(expected);
    expect(policy.isDue(contentAt(it, 100), 100, false)).toBe(false);
  });

  it('is everything that was never written', () => {
    expect(new SavePolicy().isDue(contentAt(world(), 0), 0, false)).toBe(true);
  });

  it('does not depend on the order of rows', () => {
    const policy = new SavePolicy();
    policy.wrote(contentAt(world(2), 0), 0, 100);
    const swapped = contentAt(world(2), 100);
    swapped.memory.address[3] = 1;
    swapped.memory.address[7] = 0;
    expect(policy.isDue(swapped, 100, true)).toBe(false);
  });
});
