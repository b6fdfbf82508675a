/** A file that is replaced as a whole, and is on the disk when that returns: what is there is the content before or the content after. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces a file by what `write` puts into a new one, and gives what that gives. Null: somebody else's file is there, as `isOurs` says, and
 * stays. Throws as the file system does: then the file is as before.
 */
export async function replaceFile<T>(
  path: string,
  isOurs: () => Promise<boolean>,
  write: (file: FileHandle) => Promise<T>,
): Promise<T | null> {
  const folder = dirname(path);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await isOurs())) return null;
    const value = await writeNew(temporary, write);
    await rename(temporary, path);
    await syncFolder(folder);
    return value;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** A new file, on the disk when this returns. */
async function writeNew<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'wx', 0o600);
  try {
    const value = await write(file);
    await file.sync();
    return value;
  } finally {
    await file.close();
  }
}

/** So that the new name survives a loss of power, too; some file systems refuse it and do without. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}

/** What interrupted writes of a file have left beside it. */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch((): string[] => []);
  const start = `${basename(path)}.`;
  for (const name of names) {
    if (!name.startsWith(start) || !/^[0-9a-f]{12}\.tmp$/.test(name.slice(start.length))) continue;
    await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
