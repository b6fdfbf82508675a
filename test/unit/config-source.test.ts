/** A configuration file on a disk that does not answer: a reload is refused in time, and nobody else waits. A FIFO without a writer is such a file. */
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { ConfigSource } from '../../src/daemon/config-source.js';
import { TWO_ROUTES } from '../golden/states.js';

const directory = mkdtempSync(join(tmpdir(), 'pathrace-source-'));
const path = join(directory, 'hangs.yaml');
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('a reload ends with a word, nothing stands still meanwhile, and the next one works', async () => {
  execFileSync('mkfifo', [path]);
  const before = parseConfig(TWO_ROUTES, 'x');
  const parse = async (text: string) => parseConfig(text, path);
  const source = new ConfigSource(path, before, parse);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  const began = performance.now();
  await expect(source.load(parse)).rejects.toMatchObject({ code: 'E_CONFIG_UNREADABLE' });
  clearInterval(timer);
  expect(performance.now() - began).toBeLessThan(6000);
  expect(ticks).toBeGreaterThan(50);
  // Whoever asks meanwhile hears the same; the read that hangs is the one that there is.
  expect(await source.look()).toBe(null);
  const writer = createWriteStream(path);
  await new Promise((done) => writer.end('', done as () => void));
  await new Promise((done) => setTimeout(done, 200));
  rmSync(path);
  writeFileSync(`${path}.new`, TWO_ROUTES);
  renameSync(`${path}.new`, path);
  expect(await source.load(parse)).toEqual(before);
}, 15_000);
