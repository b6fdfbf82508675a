/** What is told of flows that are being cut while it goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CutReport } from '../api/contract.js';
import type { Cut } from '../kernel/flow-cutter.js';

/** So long a command waits for the end, so that what is soon done is told as done. */
const WAIT_MS = 300;

/** How far cuts have come in a moment. `expected`: how many flows there are, for as long as nobody has counted those that are to be cut. */
export async function progressOf(cuts: readonly Cut[], expected: number): Promise<CutReport> {
  let isCounted = false;
  Promise.all(cuts.map(({ counted }) => counted)).then(
    () => {
      isCounted = true;
    },
    () => undefined,
  );
  await within(
    WAIT_MS,
    cuts.map(({ done }) => done),
  );
  const cut = cuts.reduce((sum, one) => sum + one.cut, 0);
  const known = cuts.reduce((sum, one) => sum + one.left, 0);
  const left = isCounted ? known : Math.max(known, expected - cut);
  return left === 0 ? { cut } : { cut, left };
}

async function within(ms: number, all: readonly Promise<unknown>[]): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([Promise.all(all), late]);
  timer.abort();
}
