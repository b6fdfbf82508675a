/**
 * The store file on the disk: read once at the start, rewritten as a whole from time to time. What is in the file is either
 * the content before or the content after a write, whatever happens in between.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import type { StoreContent, StoreLimits } from './content.js';
import {
  DIGEST_BYTES,
  decode,
  encode,
  looksLikeOurs,
  MAGIC,
  maxFileBytes,
  type StoreDefect,
} from './format.js';
import { codeOf, messageOf, removeLeftovers, replaceFile } from './replace-file.js';

/** Bytes that are hashed in one go; between two pieces the event loop turns. */
const PIECE_BYTES = 262_144;

export type StoreRead =
  | { readonly kind: 'content'; readonly content: StoreContent }
  /** The first start. */
  | { readonly kind: 'missing' }
  /**
   * Start empty and say so. `keptAs`: where the file is now; null: where it was. `foreign`: not a store file; it is left
   * alone, and no write will replace it.
   */
  | {
      readonly kind: 'refused';
      readonly reason: StoreDefect | 'foreign' | 'not-a-file' | 'unreadable';
      readonly message: string;
      readonly keptAs: string | null;
    };

export type StoreWritten =
  | { readonly ok: true; readonly bytes: number }
  | { readonly ok: false; readonly reason: 'foreign' | 'failed'; readonly message: string };

const MESSAGES: Readonly<Record<StoreDefect | 'foreign' | 'not-a-file', string>> = {
  truncated: 'it ends too early',
  corrupt: 'its content does not match its check sum or its form',
  'newer-version': 'a newer Pathrace has written it',
  'too-large': 'it holds more than memory.size allows',
  foreign: 'it is not a store file of Pathrace and is left alone; name another one in memory.store',
  'not-a-file': 'it is not a regular file',
};

/** A process has one of these for a path; no other process writes to it. Calls may overlap. */
export class StoreFile {
  /** All calls so far have ended. */
  private idle: Promise<unknown> = Promise.resolve();
  /** A write that has not begun. A later one takes its place, because it is the newer content of the same file. */
  private waiting: { content: StoreContent; readonly written: Promise<StoreWritten> } | null = null;
  private cleared = false;

  constructor(
    readonly path: string,
    private readonly limits: StoreLimits,
  ) {}

  /** What the last run left. Never throws for what it finds. */
  read(): Promise<StoreRead> {
    return this.queue(() => this.readNow());
  }

  /**
   * Replaces the file. What cannot be written is reported, and the file is as before. The first write also removes what
   * interrupted ones have left.
   */
  write(content: StoreContent): Promise<StoreWritten> {
    if (this.waiting !== null) {
      this.waiting.content = content;
      return this.waiting.written;
    }
    const written = this.queue(async () => {
      const newest = this.waiting?.content ?? content;
      this.waiting = null;
      if (!this.cleared) await removeLeftovers(this.path);
      this.cleared = true;
      return replace(this.path, newest);
    });
    this.waiting = { content, written };
    return written;
  }

  private queue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.idle.then(work);
    this.idle = result.catch(() => {});
    return result;
  }

  private async readNow(): Promise<StoreRead> {
    let file: FileHandle;
    try {
      // A pipe in its place would keep a blocking open waiting.
      file = await open(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      return codeOf(error) === 'ENOENT' ? { kind: 'missing' } : unreadable(error);
    }
    try {
      const found = await load(file, this.limits);
      if (typeof found !== 'string') return { kind: 'content', content: found };
      const aside = found === 'foreign' || found === 'not-a-file' ? null : `${this.path}.corrupt`;
      if (aside !== null) await rename(this.path, aside);
      return { kind: 'refused', reason: found, message: MESSAGES[found], keptAs: aside };
    } catch (error) {
      return unreadable(error);
    } finally {
      await file.close();
    }
  }
}

async function load(
  file: FileHandle,
  limits: StoreLimits,
): Promise<StoreContent | StoreDefect | 'foreign' | 'not-a-file'> {
  const stat = await file.stat();
  if (!stat.isFile()) return 'not-a-file';
  const start = new Uint8Array(Math.min(stat.size, MAGIC.length));
  await fill(file, start, 0, start.length);
  if (!looksLikeOurs(start)) return 'foreign';
  if (stat.size > maxFileBytes(limits)) return 'too-large';
  const bytes = new Uint8Array(stat.size);
  const hash = createHash('sha256');
  const hashed = Math.max(0, bytes.length - DIGEST_BYTES);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const end = Math.min(at + PIECE_BYTES, bytes.length);
    if (!(await fill(file, bytes, at, end))) return 'truncated';
    hash.update(bytes.subarray(at, Math.max(at, Math.min(end, hashed))));
  }
  return decode(bytes, hash.digest(), limits);
}

/** Reads the bytes from `from` to before `to` of the file into the same place; false when it is shorter by now. */
async function fill(file: FileHandle, bytes: Uint8Array, from: number, to: number): Promise<boolean> {
  for (let at = from; at < to; ) {
    const { bytesRead } = await file.read(bytes, at, to - at, at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}

async function replace(path: string, content: StoreContent): Promise<StoreWritten> {
  const pieces = encode(content);
  try {
    const bytes = await replaceFile(
      path,
      () => mayReplace(path),
      (file) => writeAll(file, pieces),
    );
    if (bytes === null) return { ok: false, reason: 'foreign', message: MESSAGES.foreign };
    return { ok: true, bytes };
  } catch (error) {
    return { ok: false, reason: 'failed', message: messageOf(error) };
  }
}

/** Returns how many bytes that are. */
async function writeAll(file: FileHandle, pieces: readonly Uint8Array[]): Promise<number> {
  const hash = createHash('sha256');
  let bytes = 0;
  const write = async (piece: Uint8Array): Promise<void> => {
    for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
    bytes += piece.length;
  };
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += PIECE_BYTES) {
      const part = piece.subarray(at, at + PIECE_BYTES);
      hash.update(part);
      await write(part);
    }
  }
  await write(hash.digest());
  return bytes;
}

async function mayReplace(path: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    throw error;
  }
  try {
    if (!(await file.stat()).isFile()) return false;
    const start = new Uint8Array(MAGIC.length);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return looksLikeOurs(start.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function unreadable(error: unknown): StoreRead {
  return { kind: 'refused', reason: 'unreadable', message: messageOf(error), keptAs: null };
}
