import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathSearch, RAISE_MS } from '../../src/core/path/search.js';

const NARROW = { kind: 'narrow', largest: 1400 } as const;
const WIDE = { kind: 'wide', largest: 1500 } as const;
const UNKNOWN = { kind: 'unknown', largest: 0 } as const;
const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** Connections to `networks` hang. */
function stalled(search: PathSearch, nowMs: number, ...networks: string[]): PathSearch {
  for (const network of networks) search.stalled(network, nowMs);
  return search;
}

describe('when a path is asked', () => {
  it('not without connections that hang, nor for one or two of one network', () => {
    const search = new PathSearch();
    expect(search.isDue(HOUR)).toBe(false);
    expect(stalled(search, HOUR, 'a', 'a').isDue(HOUR)).toBe(false);
  });

  it('for two networks, or one again and again', () => {
    expect(stalled(new PathSearch(), HOUR, 'a', 'b').isDue(HOUR)).toBe(true);
    expect(stalled(new PathSearch(), HOUR, 'a', 'a', 'a').isDue(HOUR)).toBe(true);
    expect(stalled(new PathSearch(), HOUR, 'a', 'b').isDue(HOUR + 61 * SECOND)).toBe(false);
  });

  it('for three networks while others are served', () => {
    const search = stalled(new PathSearch(), HOUR, 'a', 'b', 'a', 'a');
    search.passed(HOUR);
    expect(search.isDue(HOUR)).toBe(false);
    expect(stalled(search, HOUR, 'c').isDue(HOUR)).toBe(true);
  });

  it('ever more rarely where nothing comes of it, two minutes at most', () => {
    const search = new PathSearch();
    let now = HOUR;
    const pauses: number[] = [];
    for (let asked = 0; asked < 6; asked++) {
      search.take(asked % 2 === 0 ? WIDE : UNKNOWN, now);
      const from = now;
      while (!stalled(search, now, 'a', 'b').isDue(now)) now += SECOND;
      pauses.push((now - from) / SECOND);
    }
    expect(pauses).toEqual([10, 20, 40, 80, 120, 120]);
  });
});

describe('what is found', () => {
  it('lowers, and is asked again after 30 s, one minute, ... ten minutes', () => {
    const search = new PathSearch();
    expect(search.take(NARROW, HOUR)).toEqual({ kind: 'lowered', from: null, to: 1400 });
    expect(search).toMatchObject({ found: 1400, sinceMs: HOUR });
    let now = HOUR;
    const pauses: number[] = [];
    for (let asked = 0; asked < 8; asked++) {
      const from = now;
      while (!search.isDue(now)) now += SECOND;
      pauses.push((now - from) / SECOND);
      expect(search.take(asked % 2 === 0 ? NARROW : UNKNOWN, now)).toBeNull();
    }
    expect(pauses).toEqual([30, 60, 120, 240, 480, 600, 600, 600]);
  });

  it('raises when larger packets pass, also where nobody can tell whether still larger ones do', () => {
    const search = new PathSearch();
    search.take({ kind: 'narrow', largest: 1280 }, HOUR);
    expect(search.take({ kind: 'unknown', largest: 1400 }, HOUR)).toEqual({
      kind: 'raised',
      from: 1280,
      to: 1400,
    });
    expect(search.take({ kind: 'unknown', largest: 576 }, HOUR)).toBeNull();
    expect(search.take({ kind: 'narrow', largest: 1460 }, HOUR)).toEqual({
      kind: 'raised',
      from: 1400,
      to: 1460,
    });
    expect(search.take(WIDE, HOUR)).toEqual({ kind: 'raised', from: 1460, to: null });
  });

  it('is not lowered by who answers nothing', () => {
    const search = new PathSearch();
    expect(search.take(UNKNOWN, HOUR)).toBeNull();
    expect(search.found).toBeNull();
  });

  it('goes lower where the path has become narrower', () => {
    const search = new PathSearch();
    search.take(NARROW, HOUR);
    expect(search.take({ kind: 'narrow', largest: 1300 }, HOUR)).toEqual({
      kind: 'lowered',
      from: 1400,
      to: 1300,
    });
  });

  it('what comes and goes is not raised ever sooner', () => {
    const search = new PathSearch();
    let now = HOUR;
    for (let i = 0; i < 6; i++) {
      search.take(NARROW, now);
      now += 60 * SECOND;
      search.take(WIDE, now);
    }
    search.take(NARROW, now);
    expect(search.isDue(now + RAISE_MS.most - SECOND)).toBe(false);
    expect(search.isDue(now + RAISE_MS.most)).toBe(true);
    search.take(WIDE, now);
    search.take(NARROW, now + HOUR);
    expect(search.isDue(now + HOUR + RAISE_MS.first)).toBe(true);
  });

  it('is known again after a restart, and asked about soon', () => {
    const search = new PathSearch();
    search.recall(1400, 5 * SECOND);
    expect(search.found).toBe(1400);
    expect(search.isDue(5 * SECOND + RAISE_MS.first - 1)).toBe(false);
    expect(search.isDue(5 * SECOND + RAISE_MS.first)).toBe(true);
  });

  it('is always one of what was said to have passed, and every change is told', () => {
    const finding = fc.oneof(
      fc.constant(WIDE),
      fc.record({
        kind: fc.constantFrom('narrow' as const, 'unknown' as const),
        largest: fc.integer({ min: 576, max: 1499 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 30 }), (findings) => {
        const search = new PathSearch();
        const said = new Set<number>();
        findings.forEach((one, i) => {
          said.add(one.largest);
          const before = search.found;
          const change = search.take(one, HOUR + i * 60 * SECOND);
          expect(change === null).toBe(search.found === before);
          if (change !== null) expect(change).toMatchObject({ from: before, to: search.found });
          if (search.found !== null) expect(said.has(search.found)).toBe(true);
          if (one.kind === 'unknown' && before === null) expect(search.found).toBeNull();
        });
      }),
    );
  });
});
