/** The state file on the disk: small, replaced as a whole, on the disk when a write returns. */
import { constants } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { codeOf, messageOf, removeLeftovers, replaceFile } from '../store/replace-file.js';
import { decodeState, encodeState, MARK, MAX_STATE_BYTES, type State, type StateDefect } from './content.js';

export type StateRead =
  | { readonly kind: 'state'; readonly state: State }
  /** The first start. */
  | { readonly kind: 'missing' }
  /** `keptAs`: where the file is now; null: where it was, and it is not replaced. */
  | { readonly kind: 'refused'; readonly message: string; readonly keptAs: string | null };

const MESSAGES: Readonly<Record<StateDefect, string>> = {
  corrupt: 'its content does not match its check sum or its form',
  'newer-version': 'a newer Pathrace has written it',
};
const FOREIGN = 'it is not a state file of Pathrace and is left alone; name another one in `state`';

export class StateFile {
  private idle: Promise<unknown> = Promise.resolve();
  /** A write that has not begun: it takes what is the newest then. */
  private waiting: Promise<string | null> | null = null;
  private cleared = false;

  constructor(readonly path: string) {}

  /** What the last run left. Never throws for what it finds. A write waits for it. */
  read(): Promise<StateRead> {
    const read = this.idle.then(() => this.readNow());
    this.idle = read;
    return read;
  }

  /** Replaces the file by what `state` says when the write begins. null: it is on the disk; else why it is not. */
  write(state: () => State): Promise<string | null> {
    if (this.waiting !== null) return this.waiting;
    const written = this.idle.then(async () => {
      this.waiting = null;
      if (!this.cleared) await removeLeftovers(this.path);
      this.cleared = true;
      return replace(this.path, encodeState(state()));
    });
    this.waiting = written;
    this.idle = written;
    return written;
  }

  private async readNow(): Promise<StateRead> {
    try {
      const text = await readText(this.path);
      if (text === null) return { kind: 'missing' };
      if (!looksLikeOurs(text)) return { kind: 'refused', message: FOREIGN, keptAs: null };
      const state = decodeState(text);
      if (typeof state !== 'string') return { kind: 'state', state };
      const keptAs = `${this.path}.corrupt`;
      await rename(this.path, keptAs);
      return { kind: 'refused', message: MESSAGES[state], keptAs };
    } catch (error) {
      return { kind: 'refused', message: messageOf(error), keptAs: null };
    }
  }
}

/** A file that somebody has put there instead of ours is not replaced. A damaged one of ours is ours. */
function looksLikeOurs(text: string): boolean {
  if (text.length === 0) return true;
  const wrong = [...MARK].filter((letter, i) => text[i] !== letter).length;
  return wrong <= MARK.length / 2;
}

async function readText(path: string): Promise<string | null> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // A pipe in its place would keep a blocking open waiting.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return null;
    throw error;
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > MAX_STATE_BYTES) return '\0';
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function replace(path: string, text: string): Promise<string | null> {
  try {
    const isWritten = await replaceFile(
      path,
      async () => {
        const there = await readText(path);
        return there === null || looksLikeOurs(there);
      },
      async (file) => {
        await file.writeFile(text);
        return true;
      },
    );
    return isWritten === null ? FOREIGN : null;
  } catch (error) {
    return messageOf(error);
  }
}
