import { expect, it } from 'vitest';
import { HealLimit } from '../../src/daemon/heal-limit.js';

it('allows five at once, then one after each pause, and all again when a minute has passed', () => {
  const limit = new HealLimit(5000);
  for (let i = 0; i < 5; i++) {
    expect([limit.waitMs(i), limit.isReached(i)]).toEqual([0, false]);
    limit.note(i);
  }
  expect([limit.waitMs(10), limit.isReached(10)]).toEqual([4994, true]);
  expect(limit.waitMs(5004)).toBe(0);
  limit.note(5004);
  expect(limit.waitMs(5005)).toBe(4999);
  expect([limit.waitMs(60_002), limit.isReached(60_002)]).toEqual([0, false]);
});

it('without an end of the pause waits until a minute has passed', () => {
  const limit = new HealLimit(Number.POSITIVE_INFINITY);
  for (let i = 0; i < 5; i++) limit.note(0);
  expect([limit.waitMs(59_999), limit.isReached(59_999)]).toEqual([Number.POSITIVE_INFINITY, true]);
  expect(limit.waitMs(60_000)).toBe(0);
});
