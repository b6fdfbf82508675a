/** Readers of words: names, interfaces, paths, true and false, one of several words. */
import { bad, type Parsed } from '../parsed.js';
import { listOf } from './lists.js';

export const MISSING = 'This key is required.';

export const NAME_ALLOWED = '1 to 32 letters, digits, `_`, `.` or `-`';
const INTERFACE_CHARACTERS = '1 to 15 letters, digits, `_`, `.`, `@`, `+` or `-`';
export const INTERFACE_ALLOWED = `the name of a network interface: ${INTERFACE_CHARACTERS}`;
export const MAX_INTERFACES = 16;
export const INTERFACES_ALLOWED = `a list of 1 to ${MAX_INTERFACES} interfaces, each ${INTERFACE_CHARACTERS}`;

export function isName(text: string): boolean {
  return /^[A-Za-z0-9_.-]{1,32}$/.test(text);
}

export function parseName(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  return isName(text.value) ? text : bad('Not a name.');
}

/**
 * Names that Linux can give an interface (IFNAMSIZ and dev_valid_name; `all` and `default` are no interfaces below /proc/sys), and
 * narrower, so that a name means the same in every tool.
 */
export const INTERFACE_PATTERN = '^(?!(?:\\.|\\.\\.|all|default)$)[A-Za-z0-9_.@+-]{1,15}$';
const INTERFACE = new RegExp(INTERFACE_PATTERN);

export function parseInterface(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  return INTERFACE.test(text.value) ? text : bad('No interface can have this name.');
}

/** One interface or a list. */
export const parseInterfaces = listOf({ noun: 'interface', max: MAX_INTERFACES, one: parseInterface });

/** sun_path has 108 bytes with its closing zero (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

export function parseSocketPath(raw: unknown): Parsed<string> {
  const path = parseFilePath(raw);
  if (!('value' in path) || byteLength(path.value) <= MAX_SOCKET_PATH_BYTES) return path;
  return bad('The path is too long for a socket.', `at most ${MAX_SOCKET_PATH_BYTES} bytes`);
}

/** PATH_MAX less room for the ending of a temporary file beside it. */
const MAX_STORE_PATH_BYTES = 4000;

/** A file, or `none`. */
export function parseStore(raw: unknown): Parsed<string | null> {
  return raw === 'none' ? { value: null } : parseStatePath(raw);
}

/** A file. */
export function parseStatePath(raw: unknown): Parsed<string> {
  const path = parseFilePath(raw);
  if (!('value' in path) || byteLength(path.value) <= MAX_STORE_PATH_BYTES) return path;
  return bad('The path is too long.', `at most ${MAX_STORE_PATH_BYTES} bytes`);
}

export function parseBoolean(raw: unknown): Parsed<boolean> {
  if (raw === undefined) return bad(MISSING);
  return typeof raw === 'boolean' ? { value: raw } : bad('Not true or false.');
}

export function oneOf<const T extends string>(words: readonly T[]): (raw: unknown) => Parsed<T> {
  return (raw) => {
    const word = words.find((candidate) => candidate === raw);
    return word === undefined
      ? bad(raw === undefined ? MISSING : 'Not one of the allowed words.')
      : { value: word };
  };
}

export function parseText(raw: unknown): Parsed<string> {
  if (raw === undefined || raw === null) return bad(MISSING);
  if (typeof raw === 'string') return { value: raw };
  return bad(typeof raw === 'object' ? 'Not a text.' : 'Not a text; put it in quotes.');
}

/** A value for a message, shortened. */
export function clip(text: string): string {
  return JSON.stringify(text.length > 50 ? `${text.slice(0, 50)}…` : text);
}

function parseFilePath(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  if (!text.value.startsWith('/') || text.value.endsWith('/')) return bad('Not the absolute path of a file.');
  return text.value.includes('\0') ? bad('Contains a zero byte.') : text;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
