/** The text of a configuration file, bounded whatever the path names. */
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { PathraceError } from '../model/errors.js';
import { MAX_CONFIG_BYTES } from './bounds.js';
import { ConfigError } from './problems.js';

/** The text of a file. Throws E_CONFIG_UNREADABLE, or E_CONFIG_INVALID where it is too large. */
export function readConfig(path: string): string {
  return textOf(readBounded(path), path);
}

/** The same without keeping the caller's thread: a disk may hang. */
export async function readConfigApart(path: string): Promise<string> {
  return textOf(await readBoundedApart(path), path);
}

function textOf(bytes: Uint8Array, path: string): string {
  if (bytes.length > MAX_CONFIG_BYTES) {
    const expected = `at most ${MAX_CONFIG_BYTES} bytes`;
    const problem = {
      line: 1,
      column: 1,
      key: '',
      found: 'a larger one',
      expected,
      message: 'The file is too large.',
    };
    throw new ConfigError(path, [problem]);
  }
  return new TextDecoder('utf-8').decode(bytes);
}

/** Reads one byte beyond the limit at most: the path may name a device or a pipe. */
function readBounded(path: string): Uint8Array {
  const buffer = new Uint8Array(MAX_CONFIG_BYTES + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (;;) {
        const read = readSync(file, buffer, length, buffer.length - length, null);
        length += read;
        if (read === 0 || length === buffer.length) break;
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  return buffer.subarray(0, length);
}

/** Of a file as many bytes as a configuration may have, and one more where there are more. Throws E_CONFIG_UNREADABLE. */
export async function readBoundedApart(path: string): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_CONFIG_BYTES + 1);
  let length = 0;
  try {
    const file = await open(path, 'r');
    try {
      for (let read = -1; read !== 0 && length < buffer.length; length += read)
        read = (await file.read(buffer, length, buffer.length - length, null)).bytesRead;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  return buffer.subarray(0, length);
}

function unreadable(path: string, error: unknown): PathraceError {
  const { code } = error as NodeJS.ErrnoException;
  return new PathraceError('E_CONFIG_UNREADABLE', `${path} cannot be read: ${reasonText(code)}.`);
}

function reasonText(code: string | undefined): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a directory';
  return code ?? 'unknown reason';
}
