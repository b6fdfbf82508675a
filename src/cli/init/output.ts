/** Writes a file as a whole or not at all, and never over another one unless that is wanted. */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PathraceError } from '../../model/errors.js';

/** Everybody may read a configuration; it has no secrets. */
const MODE = 0o644;

/** Says E_OUTPUT_EXISTS where there is a file, before anybody is asked anything. */
export function expectFree(file: string, force: boolean): void {
  if (!force && existsSync(file)) throw exists(file);
}

/** Throws E_OUTPUT_EXISTS, also over a file that has come meanwhile, or E_OUTPUT_FAILED. */
export function writeWhole(file: string, text: string, force: boolean): void {
  const beside = join(dirname(file), `.${basename(file)}.${process.pid}.new`);
  try {
    const fd = openSync(beside, 'wx', MODE);
    try {
      writeSync(fd, text);
      fchmodSync(fd, MODE);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // A link, unlike a new name, is refused where there is a file.
    if (force) renameSync(beside, file);
    else linkSync(beside, file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && !force) throw exists(file);
    throw new PathraceError('E_OUTPUT_FAILED', `${file} cannot be written: ${message.split(',')[0]}.`);
  } finally {
    rmSync(beside, { force: true });
  }
}

function exists(file: string): PathraceError {
  return new PathraceError('E_OUTPUT_EXISTS', `${file} is there already.`);
}
