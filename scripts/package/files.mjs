// Files of one folder in another.
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Copies the files whose path below `from` is wanted; folders only where one of them is. */
export function copyFiles(from, to, isWanted) {
  for (const entry of readdirSync(from, { withFileTypes: true, recursive: true })) {
    const file = relative(from, join(entry.parentPath, entry.name));
    if (!entry.isFile() || !isWanted(file)) continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(from, file), join(to, file));
  }
}
