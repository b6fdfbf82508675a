/** What is told of flows that are being cut while it goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CutReport } from '../api/contract.js';
import type { Cut } from '../kernel/flow-cutter.js';

/** So long a command waits: until it is known how many there are, and then for the end, so that what is soon done is told as done. */
const COUNTED_MS = 1000;
const DONE_MS = 250;

/** How far cuts have come in a moment. */
export async function progressOf(cuts: readonly Cut[]): Promise<CutReport> {
  await within(
    COUNTED_MS,
    cuts.map(({ counted }) => counted),
  );
  await within(
    DONE_MS,
    cuts.map(({ done }) => done),
  );
  const cut = cuts.reduce((sum, one) => sum + one.cut, 0);
  const left = cuts.reduce((sum, one) => sum + one.left, 0);
  return left === 0 ? { cut } : { cut, left };
}

async function within(ms: number, all: readonly Promise<unknown>[]): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([Promise.all(all), late]);
  timer.abort();
}
