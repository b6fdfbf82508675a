/** `pathrace token`: who may ask and command over TCP. The file has hashes alone; a token is shown once, when it is made. */
import { stat } from 'node:fs/promises';
import { readTokens, writeTokens } from '../api/token-file.js';
import { MAX_TOKENS, makeToken, type Token, type TokenRole } from '../api/tokens.js';
import { isName, NAME_ALLOWED } from '../config/values/texts.js';
import { PathraceError } from '../model/errors.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { printable } from './style.js';

export interface TokenOptions {
  readonly tokens: string;
  readonly json: boolean;
}

/** Prints the token alone. */
export async function runTokenAdd(
  name: string,
  role: string | undefined,
  { tokens: file, json }: TokenOptions,
  io: CommandIo,
): Promise<number> {
  if (!isName(name)) throw wrong('Not a name.', name, NAME_ALLOWED);
  if (role !== 'read' && role !== 'operate')
    throw wrong('Not a role.', role ?? '', '--role read, or --role operate');
  const before = await tokensOf(file);
  if (before.some((token) => token.name === name))
    throw wrong('There is a token of this name.', name, 'another name, or `pathrace token remove` first');
  if (before.length >= MAX_TOKENS)
    throw wrong('There are too many.', String(before.length), `at most ${MAX_TOKENS}`);
  const { text, token } = makeToken(name, role satisfies TokenRole);
  await writeTokens(file, [...before, token]);
  if (json) writeResult(io, { name, role, token: text });
  else io.stdout.write(`${text}\n`);
  return EXIT.ok;
}

export async function runTokenList({ tokens: file, json }: TokenOptions, io: CommandIo): Promise<number> {
  const tokens = (await readTokens(file)).tokens.map(({ name, role }) => ({ name, role }));
  if (json) writeResult(io, { tokens });
  else for (const { name, role } of tokens) io.stdout.write(`${printable(name)} ${role}\n`);
  return EXIT.ok;
}

export async function runTokenRemove(
  name: string,
  { tokens: file, json }: TokenOptions,
  io: CommandIo,
): Promise<number> {
  const { tokens } = await readTokens(file);
  const left = tokens.filter((token) => token.name !== name);
  if (left.length === tokens.length) {
    const names = tokens.map((token) => token.name).join(', ');
    throw wrong('There is no token of this name.', name, names === '' ? 'none is there' : names);
  }
  await writeTokens(file, left);
  if (json) writeResult(io, { removed: name });
  else io.stdout.write(`${printable(name)} is no token any more.\n`);
  return EXIT.ok;
}

/** None where there is no file yet. */
async function tokensOf(file: string): Promise<readonly Token[]> {
  const found = await stat(file).catch(() => null);
  return found === null ? [] : (await readTokens(file)).tokens;
}

function wrong(message: string, text: string, expected: string): PathraceError {
  return new PathraceError('E_ARGUMENT', message, {
    found: JSON.stringify(text.slice(0, 80)),
    expected: expected.slice(0, 600),
  });
}
