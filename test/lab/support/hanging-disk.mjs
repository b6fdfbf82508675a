/** Loaded before the daemon: writes to files whose name has `hangs` in it never end, as on a disk that does not answer. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const { open } = fs;
fs.open = async (path, ...more) => {
  const file = await open(path, ...more);
  if (String(path).includes('hangs')) file.write = () => new Promise(() => {});
  return file;
};
syncBuiltinESMExports();
