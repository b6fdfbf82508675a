/**
 * The configuration file, written by the gateway itself on behalf of an operator: as a whole or not at all, with what it said before beside
 * it; and that is put back when the reload is refused or fails, so that the next start finds nothing that was not in force.
 */
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, open, readlink, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { ApplyReport, ConfigText, ReloadReport, ValidationReport } from '../api/contract.js';
import { readConfigApart } from '../config/load.js';
import { ConfigError } from '../config/problems.js';
import { PathraceError } from '../model/errors.js';
import { within } from './patience.js';

/** Nobody waits longer for the disk, milliseconds. */
const DISK_MS = 5000;

/** Throws E_CONFIG_UNREADABLE. */
export async function configText(path: string): Promise<ConfigText> {
  const text = await patiently(readConfigApart(path), path);
  return { file: path, text, digest: digestOf(text) };
}

/** Everything that is wrong with a text. `preview` throws what it is. */
export async function validation(preview: () => Promise<unknown>): Promise<ValidationReport> {
  try {
    await preview();
    return { valid: true, problems: [], notes: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { valid: false, problems: [...error.problems], notes: [] };
  }
}

export interface ConfigEdit {
  readonly path: string;
  readonly text: string;
  /** What the file must say before; null: whatever it says. */
  readonly digest: string | null;
  /** Throws what is wrong with a text. */
  preview(text: string): Promise<unknown>;
  reload(): Promise<ReloadReport>;
}

/** Throws E_CONFIG_CHANGED, and as `reload`. */
export async function applyConfig({ path, text, digest, preview, reload }: ConfigEdit): Promise<ApplyReport> {
  // What is wrong in itself never gets onto the disk.
  await preview(text);
  const file = await patiently(realPath(path), path);
  const before = await patiently(readConfigApart(file), path);
  if (digest !== null && digestOf(before) !== digest) {
    throw new PathraceError('E_CONFIG_CHANGED', `${path} has been changed since it was read.`, {
      found: digestOf(before),
      expected: digest,
    });
  }
  if (before === text) return { ...(await reload()), file: path, backup: null };
  const backup = `${file}.bak`;
  await patiently(copyFile(file, backup), path);
  await patiently(replace(file, text), path);
  try {
    return { ...(await reload()), file: path, backup };
  } catch (error) {
    await patiently(replace(file, before), path);
    // Nothing is owed of a file that says again what is in force.
    await reload().catch(() => undefined);
    throw error;
  }
}

/** A link stays one: what it points to is replaced. */
async function realPath(path: string): Promise<string> {
  const target = await readlink(path).catch(() => null);
  return target === null ? path : realPath(resolve(dirname(path), target));
}

/** With the owner and mode of what was there. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const { mode, uid, gid } = await stat(path);
  try {
    const file = await open(temporary, 'wx', mode & 0o777);
    try {
      await file.writeFile(text);
      await file.chown(uid, gid);
      await file.chmod(mode & 0o777);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

async function patiently<T>(work: Promise<T>, path: string): Promise<T> {
  const done = await within(
    work.then(
      (value) => ({ value }),
      (error: NodeJS.ErrnoException) => {
        if (error instanceof PathraceError) throw error;
        throw unusable(path, error.code ?? String(error));
      },
    ),
    DISK_MS,
  );
  if (done === null) throw unusable(path, `the disk has not answered for ${DISK_MS / 1000} s`);
  return done.value;
}

function unusable(path: string, why: string): PathraceError {
  return new PathraceError('E_CONFIG_UNREADABLE', `${path} cannot be read or written: ${why}.`);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
