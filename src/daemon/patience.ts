/** Waiting for a disk that may never answer: only for so long, and the process ends all the same. */
import { exitAtOnce } from '../kernel/ffi.js';
import type { Log } from '../observe/log.js';

/** The last writes may take so long, milliseconds; all of them go on at the same time. */
const LAST_WRITE_MS = 2000;

/** What work gives, or null when it takes longer than `ms`, or than until `ending`. It may go on for ever, and fail unheard. */
export async function within<T>(work: Promise<T>, ms: number, ending?: AbortSignal): Promise<T | null> {
  let giveUp = (): void => undefined;
  const late = new Promise<null>((resolve) => {
    giveUp = () => resolve(null);
  });
  const timer = setTimeout(giveUp, ms);
  if (ending?.aborted === true) giveUp();
  ending?.addEventListener('abort', giveUp);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    ending?.removeEventListener('abort', giveUp);
  }
}

/**
 * Saves before the end, everything at the same time. What hangs is left behind, thread and all: the C library's `exit` would wait for it.
 */
export async function saveLast(
  saves: Readonly<Record<LastWrite, () => Promise<void>>>,
  log: Log,
): Promise<void> {
  const save = async (which: LastWrite): Promise<void> => {
    const saved = await within(
      saves[which]().then(() => true),
      LAST_WRITE_MS,
    );
    if (saved !== null) return;
    log.warn(
      { event: `${which}-stuck` },
      `the ${which} does not get written, the disk hangs: ending without it`,
    );
    leaveBehind();
  };
  // One that fails keeps none from being waited for.
  const ended = await Promise.allSettled([save('store'), save('state')]);
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

/** The memory's store; the state file of commands and quotas. */
type LastWrite = 'store' | 'state';

/** Some thread may never come back: the process ends without it, when everything else has. */
export function leaveBehind(): void {
  if (isLeft) return;
  isLeft = true;
  process.once('exit', (code) => exitAtOnce(code));
}
let isLeft = false;
