/** What the build has made: small enough, compressed beside each file, and all of it from the gateway. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../dist/web/', import.meta.url));
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
  statSync(join(FOLDER, name)).isFile(),
);
const read = (name: string): Buffer => readFileSync(join(FOLDER, name));

/** Issue 11: at most 150 KB compressed. */
const MOST_BYTES = 150 * 1024;

test('the page has at most 150 KB, compressed either way', () => {
  const plain = files.filter((name) => !/\.(br|gz)$/.test(name));
  for (const ending of ['.br', '.gz']) {
    const sizes = plain.map((name) => read(files.includes(name + ending) ? name + ending : name).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(10_000);
    expect(total).toBeLessThanOrEqual(MOST_BYTES);
  }
});

test('the compressed files say what the plain ones say', () => {
  const compressed = files.filter((name) => /\.(br|gz)$/.test(name));
  expect(compressed.length).toBeGreaterThanOrEqual(6);
  for (const name of compressed) {
    const unpack = name.endsWith('.br') ? brotliDecompressSync : gunzipSync;
    expect(unpack(read(name)).equals(read(name.replace(/\.(br|gz)$/, ''))), name).toBe(true);
  }
});

test('no file names a foreign host, and nothing stands in line', () => {
  // Names of XML, which nobody asks.
  const names = /^https?:\/\/(www\.w3\.org\/|json-schema\.org\/)/;
  for (const name of files.filter((one) => /\.(html|js|css|svg)$/.test(one))) {
    const text = read(name).toString('utf8');
    const hosts = (text.match(/https?:\/\/[\w.-]+[^\s"'`)]*/g) ?? []).filter((host) => !names.test(host));
    expect(hosts, name).toEqual([]);
    expect(text, name).not.toMatch(/@import|url\(["']?(?:https?:)?\/\//);
  }
  const html = read('index.html').toString('utf8');
  expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/);
});
