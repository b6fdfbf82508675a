/** The file of tokens: read as a whole, written as a whole. Only its owner may read or write it. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PathraceError } from '../model/errors.js';
import { formatTokens, parseTokens, type Token } from './tokens.js';

/** MAX_TOKENS lines of at most 120 characters, and comments. */
const MAX_BYTES = 64 * 1024;

/** What tells whether it has changed. */
export interface TokenFile {
  readonly tokens: readonly Token[];
  readonly stamp: string;
}

/** Changes with the file; null: it cannot be looked at. */
export async function stampOf(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  return found === null ? null : `${found.ino} ${found.size} ${found.mtimeMs} ${found.mode}`;
}

/** Throws E_TOKENS: not there, too large, written by others, or wrong. */
export async function readTokens(path: string): Promise<TokenFile> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw unusable(path, `cannot be read: ${error.code}`);
  });
  if (!found.isFile()) throw unusable(path, 'is not a file');
  if (found.size > MAX_BYTES) throw unusable(path, `is larger than ${MAX_BYTES} bytes`);
  if ((found.mode & 0o022) !== 0) throw unusable(path, 'can be written by others than its owner');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unusable(path, `cannot be read: ${error.code}`);
  });
  const stamp = `${found.ino} ${found.size} ${found.mtimeMs} ${found.mode}`;
  return { tokens: parseTokens(text, path), stamp };
}

/** Mode 0600, in place of what was there, or not at all. Throws E_TOKENS. */
export async function writeTokens(path: string, tokens: readonly Token[]): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(formatTokens(tokens));
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw unusable(path, `cannot be written: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function unusable(path: string, what: string): PathraceError {
  return new PathraceError('E_TOKENS', `The file of tokens ${path} ${what}.`);
}
