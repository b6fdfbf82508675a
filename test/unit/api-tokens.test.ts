import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTokens, stampOf, writeTokens } from '../../src/api/token-file.js';
import { findToken, MAX_TOKENS, makeToken, parseTokens } from '../../src/api/tokens.js';
import { WrongTokens } from '../../src/api/wrong-tokens.js';
import { runTokenAdd, runTokenList, runTokenRemove } from '../../src/cli/token.js';
import { fromCursor, toCursor } from '../../src/daemon/cursor.js';
import { PathraceError } from '../../src/model/errors.js';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-tokens-'));
  file = join(folder, 'etc', 'tokens');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof PathraceError ? error.code : String(error)),
  );

describe('tokens', () => {
  it('have 256 random bits, and are kept as hashes alone', async () => {
    const made = Array.from({ length: 100 }, () => makeToken('a', 'read').text);
    expect(new Set(made).size).toBe(100);
    for (const text of made) expect(text).toMatch(/^pathrace_[\w-]{43}$/);
    const one = makeToken('one', 'read');
    const two = makeToken('two', 'operate');
    await writeTokens(file, [one.token, two.token]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(one.text.slice(9, 20));
    const { tokens } = await readTokens(file);
    expect(findToken(tokens, one.text)?.name).toBe('one');
    expect(findToken(tokens, two.text)).toMatchObject({ name: 'two', role: 'operate' });
    for (const wrong of ['', one.text.slice(1), `${one.text} `, Buffer.from(one.token.hash).toString('hex')])
      expect(findToken(tokens, wrong)).toBeNull();
  });

  it('are not read from a file that others may write, that is too large, or says something else', async () => {
    await writeTokens(file, [makeToken('a', 'read').token]);
    chmodSync(file, 0o622);
    expect(await codeOf(readTokens(file))).toBe('E_TOKENS');
    chmodSync(file, 0o600);
    const before = await stampOf(file);
    writeFileSync(file, '# nobody\n\n');
    expect((await readTokens(file)).tokens).toEqual([]);
    expect(await stampOf(file)).not.toBe(before);
    writeFileSync(file, '#'.repeat(100_000));
    expect(await codeOf(readTokens(file))).toBe('E_TOKENS');
    expect(await codeOf(readTokens(folder))).toBe('E_TOKENS');
    expect(await codeOf(readTokens(join(folder, 'none')))).toBe('E_TOKENS');
    const hash = '0'.repeat(64);
    for (const text of [
      'a',
      'a admin sha256:0',
      `a read sha256:${hash}0`,
      `a read sha256:${hash}\na read sha256:${hash}`,
    ])
      expect(() => parseTokens(text, 'f'), text).toThrow(/Line \d of f/);
    const many = Array.from({ length: MAX_TOKENS + 1 }, (_, i) => `t${i} read sha256:${hash}`).join('\n');
    expect(() => parseTokens(many, 'f')).toThrow(/more than 256/);
  });

  it('are added, listed and removed by the command, which prints the token alone', async () => {
    let out = '';
    const io = {
      stdout: {
        write: (text: string): void => {
          out += text;
        },
      },
      stderr: { write: () => {} },
      env: {},
    } as never;
    const options = { tokens: file, json: false };
    expect(await runTokenAdd('me', 'operate', options, io)).toBe(0);
    expect(out).toMatch(/^pathrace_[\w-]{43}\n$/);
    expect(findToken((await readTokens(file)).tokens, out.trim())).toMatchObject({
      name: 'me',
      role: 'operate',
    });
    expect(await codeOf(runTokenAdd('me', 'read', options, io))).toBe('E_ARGUMENT');
    expect(await codeOf(runTokenAdd('you', 'admin', options, io))).toBe('E_ARGUMENT');
    expect(await codeOf(runTokenAdd('y ou', 'read', options, io))).toBe('E_ARGUMENT');
    out = '';
    await runTokenList(options, io);
    expect(out).toBe('me operate\n');
    await runTokenRemove('me', options, io);
    expect((await readTokens(file)).tokens).toEqual([]);
    expect(await codeOf(runTokenRemove('me', options, io))).toBe('E_ARGUMENT');
  });
});

describe('wrong tokens', () => {
  it('are counted for a whole /64, and for no more addresses than that', () => {
    const wrong = new WrongTokens();
    for (let i = 0; i < 10; i++) wrong.note(`2001:db8::${i}`, 0);
    expect(() => wrong.refuse('2001:db8::ffff', 0)).toThrow(/Too many wrong tokens/);
    expect(() => wrong.refuse('2001:db8:0:1::1', 0)).not.toThrow();
    expect(() => wrong.refuse('2001:db8::1', 6001)).not.toThrow();
    for (let i = 0; i < 5000; i++) wrong.note(`10.${i >> 8}.${i & 255}.1`, 0);
    expect((wrong as unknown as { buckets: Map<string, unknown> }).buckets.size).toBe(1024);
    expect(wrong.count).toBe(5010);
  });
});

describe('a cursor', () => {
  it('is good for its own question, and no other', () => {
    const question = { route: 'a' };
    const cursor = toCursor('decisions', question, 4711);
    expect(fromCursor('decisions', question, cursor)).toBe(4711);
    const [list, place, digest, signature] = cursor.split('.');
    for (const forged of [
      '',
      'x',
      '...',
      [list, 'zzz', digest, signature].join('.'),
      ['flows', place, digest, signature].join('.'),
      [list, place, digest, signature.slice(1)].join('.'),
      [list, place, digest, 'A'.repeat(22)].join('.'),
      `${cursor}.`,
    ])
      expect(() => fromCursor('decisions', question, forged), forged).toThrow(/cursor/);
    expect(() => fromCursor('flows', question, cursor)).toThrow(/cursor/);
    expect(() => fromCursor('decisions', { route: 'b' }, cursor)).toThrow(/cursor/);
  });
});
