/** One after the other: for what is large, and for what must not happen twice at a time. */
import { PathraceError } from '../model/errors.js';

/** Waits for the turn; the result ends it, and must be called. */
export type Turns = () => Promise<() => void>;

/** Turns in the order of asking. With `most` turns not yet ended, the next is refused. */
export function createTurns(most: number): Turns {
  // BOUNDED: most.
  let open = 0;
  let last: Promise<void> = Promise.resolve();
  return async () => {
    if (open >= most) throw new PathraceError('E_INTERNAL', `${most} requests wait for an earlier one.`);
    open++;
    const before = last;
    const { promise, resolve } = deferred();
    last = promise;
    await before;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      open--;
      resolve();
    };
  };
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
