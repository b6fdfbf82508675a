/** The log: how many lines of a kind it gets, and whose addresses are in them. */
import { describe, expect, it, vi } from 'vitest';
import { LineLimit } from '../../src/observe/line-limit.js';
import { createLog } from '../../src/observe/log.js';

const MINUTE = 60_000;

describe('a limit of lines', () => {
  it('lets many pass at once, then a few in a minute, and says how many it has left out', () => {
    const limit = new LineLimit();
    const takes = (count: number, nowMs: number): number[] =>
      Array.from({ length: count }, () => limit.take('route a', nowMs));
    expect(takes(60, 0)).toEqual(Array.from({ length: 60 }, () => 0));
    expect(takes(3, 0)).toEqual([-1, -1, -1]);
    expect(takes(2, 6001)).toEqual([3, -1]);
    expect(takes(11, 6001 + MINUTE).filter((left) => left >= 0)).toEqual([
      1,
      ...Array.from({ length: 9 }, () => 0),
    ]);
    expect(limit.takeUntold()).toEqual([['route a', 1]]);
    expect(limit.takeUntold()).toEqual([]);
  });

  it('lets no kind take from another, and knows so many at most', () => {
    const limit = new LineLimit();
    for (let i = 0; i < 100; i++) limit.take('noisy', 0);
    expect(limit.take('quiet', 0)).toBe(0);
    for (let i = 0; i < 600; i++) expect(limit.take(`kind ${i}`, 1)).toBe(0);
    // It was forgotten meanwhile: what it has left out is not told, and it begins anew.
    expect(limit.take('noisy', 1)).toBe(0);
  });

  it('gives nothing for a clock that goes back', () => {
    const limit = new LineLimit();
    for (let i = 0; i < 60; i++) limit.take('a', 1000);
    expect(limit.take('a', 0)).toBe(-1);
  });
});

describe('the log', () => {
  function made(addresses?: () => boolean) {
    const lines: Record<string, unknown>[] = [];
    let limited = 0;
    const log = createLog({
      level: 'debug',
      form: 'json',
      write: (line) => void lines.push(JSON.parse(line)),
      ...(addresses === undefined ? {} : { addresses }),
      onLimited: () => limited++,
    });
    return { log, lines, limited: () => limited };
  }

  it('has a line for each event, by kind and route, up to a bound; the rest is counted and told', () => {
    vi.useFakeTimers();
    try {
      const { log, lines, limited } = made();
      for (let i = 0; i < 100; i++) log.warn({ event: 'health', route: 'a' }, 'm');
      log.warn({ event: 'health', route: 'b' }, 'm');
      log.info({ event: 'reload' }, 'm');
      expect(lines).toHaveLength(62);
      expect(limited()).toBe(40);
      vi.advanceTimersByTime(MINUTE);
      expect(lines.at(-1)).toMatchObject({
        level: 'warn',
        event: 'lines-left-out',
        of: 'health a',
        count: 40,
        msg: '40 further lines about "health a" were left out',
      });
      expect(lines).toHaveLength(63);
      log.warn({ event: 'health', route: 'a' }, 'm');
      expect(lines.at(-1)).not.toHaveProperty('leftOut');
      // What is left out between two lines is told by the later one.
      for (let i = 0; i < 100; i++) log.warn({ event: 'health', route: 'a' }, 'm');
      const before = limited() - 40;
      vi.advanceTimersByTime(MINUTE / 2);
      log.warn({ event: 'health', route: 'a' }, 'm');
      expect(lines.at(-1)).toMatchObject({ event: 'health', leftOut: before });
    } finally {
      vi.useRealTimers();
    }
  });

  it('names clients and destinations at debug, and above where they are wanted, from one line to the next', () => {
    let wanted = false;
    const { log, lines } = made(() => wanted);
    const fields = { event: 'ports', route: 'a', server: '198.51.100.1:443', clients: ['10.0.0.2'] };
    log.warn(fields, 'm');
    log.debug(fields, 'm');
    wanted = true;
    log.warn(fields, 'm');
    expect(lines.map(({ server, clients }) => [server, clients])).toEqual([
      [undefined, undefined],
      ['198.51.100.1:443', ['10.0.0.2']],
      ['198.51.100.1:443', ['10.0.0.2']],
    ]);
  });
});
