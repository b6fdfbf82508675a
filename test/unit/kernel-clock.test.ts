/** Dates of what was noted by the monotonic clock. */
import { afterEach, expect, it, vi } from 'vitest';
import { dateText, monotonicAt, monotonicMs, originMs, wallAt } from '../../src/kernel/clock.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it('a moment has the same date however often it is asked for', () => {
  const at = originMs() + 1234.5678;
  const dates = new Set(Array.from({ length: 20_000 }, () => dateText(at)));
  expect(dates.size).toBe(1);
});

it('until the clock is set: then another one', () => {
  const at = monotonicMs();
  const before = wallAt(at);
  expect(Math.abs(before - Date.now())).toBeLessThan(30);
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
  expect(Math.abs(wallAt(at) - before - 3_600_000)).toBeLessThan(30);
  expect(Math.abs(monotonicAt(wallAt(at)) - at)).toBeLessThan(30);
});
