/** Waiting for a disk. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { within } from '../../src/daemon/patience.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const hangs = (): Promise<string> => new Promise(() => {});

it('gives what work gives, or null when it takes too long', async () => {
  expect(await within(Promise.resolve('read'), 1000)).toBe('read');
  await expect(within(Promise.reject(new Error('no disk')), 1000)).rejects.toThrow('no disk');
  const late = within(hangs(), 1000);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await late).toBeNull();
  expect(vi.getTimerCount()).toBe(0);
});

it('waits no longer when the end comes, nor after it, and leaves nothing that waits', async () => {
  const ending = new AbortController();
  const waiting = within(hangs(), 5000, ending.signal);
  ending.abort();
  expect(await waiting).toBeNull();
  expect(await within(hangs(), 5000, ending.signal)).toBeNull();
  expect(vi.getTimerCount()).toBe(0);
});
