/** Waiting for a disk that may never answer: only for so long, and the process ends all the same. */
import { exitAtOnce } from '../kernel/ffi.js';
import type { Log } from '../observe/log.js';

/** The last write of the store may take so long, milliseconds. */
const LAST_WRITE_MS = 2000;

/** What work gives, or null when it takes longer than `ms`. It may go on for ever, and fail unheard. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Saves before the end. What hangs is left behind, thread and all: the C library's `exit` would wait for it. */
export async function saveLast(save: () => Promise<void>, log: Log): Promise<void> {
  const saved = await within(
    save().then(() => true),
    LAST_WRITE_MS,
  );
  if (saved !== null) return;
  log.warn({ event: 'store-stuck' }, 'the store does not get written, the disk hangs: ending without it');
  leaveBehind();
}

/** Some thread may never come back: the process ends without it, when everything else has. */
export function leaveBehind(): void {
  if (isLeft) return;
  isLeft = true;
  process.once('exit', (code) => exitAtOnce(code));
}
let isLeft = false;
