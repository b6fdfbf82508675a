/** The version of the package. */
import { readFileSync } from 'node:fs';

/** From package.json of the package that this file is in, compiled or not. Of a process that runs while it is upgraded: the old one. */
export function version(): string {
  return VERSION;
}

const VERSION = installedVersion();

/** The same as the disk has it now: another one after an upgrade that has not been followed by a restart. */
export function installedVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      return String((JSON.parse(text) as { version?: unknown }).version);
    } catch {
      // The compiled file lies one folder deeper than its source.
    }
  }
  return 'unknown';
}
