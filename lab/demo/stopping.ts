/** Ways to end the demo before its time: q and Ctrl-C at the terminal, SIGINT and SIGTERM. */
import type { ReadStream } from 'node:tty';

export interface Stopping {
  readonly signal: AbortSignal;
  /** Gives the terminal and the signals back. */
  release(): void;
}

/** The first wish to stop aborts `signal`; the second one ends the process at once (the lab's janitor cleans up). */
export function listenForStop(input: ReadStream = process.stdin): Stopping {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
    controller.abort();
  };
  const keys = (pressed: Buffer): void => {
    if (STOP_KEYS.test(pressed.toString('latin1'))) stop();
  };
  for (const name of SIGNALS) process.on(name, stop);
  // Without a raw terminal Ctrl-C would reach the lab's programs, too, and end them under the demo's feet.
  const raw = input.isTTY;
  if (raw) input.setRawMode(true).on('data', keys).resume();
  return {
    signal: controller.signal,
    release() {
      for (const name of SIGNALS) process.off(name, stop);
      if (raw) input.setRawMode(false).off('data', keys).pause();
    },
  };
}

/** Resolves after `milliseconds`, or at once when `signal` aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || milliseconds <= 0) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener('abort', finish);
  });
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const EXIT_INTERRUPTED = 130;
/** q, Ctrl-C, Ctrl-D, Escape alone. */
const STOP_KEYS = /[qQ\x03\x04]|^\x1b$/;
