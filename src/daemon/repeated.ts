/** A start tries again what a tool or the kernel has refused once: what is not there a moment later is missing for good. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PathraceError } from '../model/errors.js';

const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 200;
const REFUSED: readonly string[] = ['E_COMMAND_FAILED', 'E_NETLINK'];

/** What `work` gives. It must be such as may be done twice. */
export async function repeated<T>(work: () => T | Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isRefused = error instanceof PathraceError && REFUSED.includes(error.code);
      if (!isRefused || attempt === ATTEMPTS) throw error;
    }
    await sleep(FIRST_PAUSE_MS * attempt);
  }
}
