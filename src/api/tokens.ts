/**
 * Tokens: 256 random bits, of which a file keeps the SHA-256. What cannot be guessed needs no slow hash: to find a token by its hash takes
 * 2^255 tries, however fast each is, and a slow hash would cost the gateway time for everybody who sends a wrong one.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { PathraceError } from '../model/errors.js';

export type TokenRole = 'read' | 'operate';

export interface Token {
  readonly name: string;
  readonly role: TokenRole;
  /** SHA-256 of the whole token, 32 bytes. */
  readonly hash: Uint8Array;
}

/** BOUNDED: of one file. */
export const MAX_TOKENS = 256;

/** So that tools which look for secrets in the wrong places know it. */
const PREFIX = 'pathrace_';

/** A new one: what is shown once, and what is kept. */
export function makeToken(name: string, role: TokenRole): { readonly text: string; readonly token: Token } {
  const text = PREFIX + randomBytes(32).toString('base64url');
  return { text, token: { name, role, hash: hashOf(text) } };
}

/** The token that a text is; null: none. Every one is compared, each in the same time, whichever it is. */
export function findToken(tokens: readonly Token[], text: string): Token | null {
  const hash = hashOf(text);
  let found: Token | null = null;
  for (const token of tokens) if (timingSafeEqual(token.hash, hash)) found = token;
  return found;
}

/** `NAME ROLE sha256:HEX` on each line; `#` begins a comment. Throws E_TOKENS. */
export function parseTokens(text: string, file: string): Token[] {
  const tokens: Token[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const found = LINE.exec(line.trim());
    if (found === null) throw bad(file, index, 'is not `NAME ROLE sha256:HEX`');
    const [, name, role, hex] = found;
    if (tokens.some((one) => one.name === name)) throw bad(file, index, `has the name ${name} again`);
    if (tokens.length === MAX_TOKENS) throw bad(file, index, `is more than ${MAX_TOKENS} tokens`);
    tokens.push({ name, role: role as TokenRole, hash: Uint8Array.from(Buffer.from(hex, 'hex')) });
  }
  return tokens;
}

export function formatTokens(tokens: readonly Token[]): string {
  const lines = tokens.map(
    ({ name, role, hash }) => `${name} ${role} sha256:${Buffer.from(hash).toString('hex')}\n`,
  );
  return `# Tokens of Pathrace's API, as hashes: \`pathrace token\` writes this file.\n${lines.join('')}`;
}

const LINE = /^([A-Za-z0-9_.-]{1,32}) (read|operate) sha256:([0-9a-f]{64})$/;

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function bad(file: string, index: number, what: string): PathraceError {
  return new PathraceError('E_TOKENS', `Line ${index + 1} of ${file} ${what}.`);
}
