/** What is told of flows that are being cut while it goes on. */
import type { CutReport } from '../api/contract.js';
import type { Cut } from '../kernel/flow-cutter.js';
import { within } from './patience.js';

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
  await within(Promise.all(cuts.map(({ done }) => done)), WAIT_MS);
  const cut = cuts.reduce((sum, one) => sum + one.cut, 0);
  const known = cuts.reduce((sum, one) => sum + one.left, 0);
  const left = isCounted ? known : Math.max(known, expected - cut);
  return left === 0 ? { cut } : { cut, left };
}
