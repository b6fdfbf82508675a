// A fresh Debian in a folder: what is tested there has met nothing of this machine.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { SetupError, say } from './packages.mjs';

const RELEASE = 'bookworm';

/** Makes it once, with these packages besides the least that there is: a minute or some, and a network. */
export function makeDebian(folder, packages) {
  if (existsSync(folder)) return;
  say(`making a fresh Debian 12 in ${folder} (some minutes, once) ...`);
  mkdirSync(dirname(folder), { recursive: true });
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  run('mmdebstrap', ['--variant=minbase', `--include=${packages}`, RELEASE, unfinished]);
  renameSync(unfinished, folder);
}

/** Runs a program; throws with its last words. */
export function run(program, args) {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0)
    throw new SetupError(`${program} failed: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
}
