/** Reads a configuration: from a file or a text to what the daemon uses, or to all that is wrong with it. */
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { z } from 'zod';
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { crossCheck } from './cross-checks.js';
import { docOf, keysOf, schemaAt } from './describe-schema.js';
import { ConfigError, type ConfigProblem } from './problems.js';
import { resolve } from './resolve.js';
import { ConfigSchema } from './schema.js';
import { isLaterKey, nearest } from './vocabulary.js';
import {
  type Path,
  type Position,
  pathText,
  readYaml,
  VALID_YAML,
  type YamlProblem,
  type YamlSource,
} from './yaml-source.js';

/** The largest file that is read, in bytes; the largest sensible configuration has a quarter of that. */
export const MAX_CONFIG_BYTES = 256 * 1024;

/** Reads and checks a file. Throws E_CONFIG_UNREADABLE, or E_CONFIG_INVALID as a ConfigError with all problems. */
export function loadConfig(path: string): GatewayConfig {
  return parseConfig(readConfig(path), path);
}

/** The text of a file. Throws E_CONFIG_UNREADABLE, or E_CONFIG_INVALID where it is too large. */
export function readConfig(path: string): string {
  return textOf(readBounded(path), path);
}

/** The same without keeping the caller's thread: a disk may hang. */
export async function readConfigApart(path: string): Promise<string> {
  return textOf(await readBoundedApart(path), path);
}

function textOf(bytes: Uint8Array, path: string): string {
  if (bytes.length > MAX_CONFIG_BYTES) {
    const expected = `at most ${MAX_CONFIG_BYTES} bytes`;
    const problem = {
      line: 1,
      column: 1,
      key: '',
      found: 'a larger one',
      expected,
      message: 'The file is too large.',
    };
    throw new ConfigError(path, [problem]);
  }
  return new TextDecoder('utf-8').decode(bytes);
}

/** Checks a text; `fileName` is for the messages. Throws E_CONFIG_INVALID as a ConfigError with all problems. */
export function parseConfig(text: string, fileName: string): GatewayConfig {
  const encoding = badCharacter(text);
  if (encoding !== undefined) throw new ConfigError(fileName, [encoding]);
  const source = readYaml(text);
  const result = ConfigSchema.safeParse(source.value ?? {});
  const found = [
    source.problems.map(fromYaml),
    result.success ? [] : result.error.issues.flatMap((issue) => fromIssue(source, issue)),
    crossCheck(source).map((problem) => fromCross(source, problem)),
  ].flat();
  if (result.success && found.length === 0) return resolve(result.data, source.keysAt(['routes']));
  // A mapping that did not parse as YAML is incomplete: what is missing there says nothing.
  const isBroken = source.problems.some(({ expected }) => expected === VALID_YAML);
  throw new ConfigError(fileName, inOrder(isBroken ? source.problems.filter(isSyntax).map(fromYaml) : found));
}

/** A mistake by its place; in words only when it is among those that are shown. */
interface Mistake extends Position {
  tell(): ConfigProblem;
}

/** More problems than anybody corrects at once; the last line says how many are left. */
const MAX_PROBLEMS = 100;

function inOrder(mistakes: readonly Mistake[]): readonly ConfigProblem[] {
  const sorted = [...mistakes].sort((a, b) => a.line - b.line || a.column - b.column);
  const shown = sorted.slice(0, MAX_PROBLEMS).map((mistake) => mistake.tell());
  if (sorted.length <= MAX_PROBLEMS) return shown;
  const { line, column } = sorted[MAX_PROBLEMS];
  const message = `${sorted.length - MAX_PROBLEMS} more problems from here on.`;
  return [...shown, { line, column, key: '', found: 'mistakes', expected: 'none', message }];
}

function fromYaml({ path, line, column, found, expected, message }: YamlProblem): Mistake {
  return { line, column, tell: () => ({ line, column, key: pathText(path), found, expected, message }) };
}

function isSyntax({ expected }: YamlProblem): boolean {
  return expected === VALID_YAML;
}

function fromIssue(source: YamlSource, issue: z.core.$ZodIssue): readonly Mistake[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const position = source.keyAt([...path, key]);
      return { ...position, tell: () => unknownKey(source, path, key) };
    });
  }
  const position = source.valueAt(path);
  return [{ ...position, tell: () => wrongValue(source, path, issue, position) }];
}

function wrongValue(
  source: YamlSource,
  path: Path,
  issue: z.core.$ZodIssue,
  position: Position,
): ConfigProblem {
  const found = source.foundAt(path);
  const doc = docOf(schemaAt(path));
  const narrower = issue.code === 'custom' ? (issue.params?.expected as string | undefined) : undefined;
  const expected = narrower ?? doc.allowed ?? 'a mapping of keys';
  const missing = found === 'nothing';
  const wrongKind = missing ? 'This key is required.' : 'Not the right kind of value.';
  const message = issue.code === 'custom' ? issue.message : wrongKind;
  return { ...position, key: pathText(path), found, expected, message };
}

function unknownKey(source: YamlSource, parent: Path, key: string): ConfigProblem {
  const known = Object.keys(keysOf(schemaAt(parent)));
  const path = [...parent, key];
  const meant = nearest(key, known);
  const place = String(parent.findLast((step) => typeof step === 'string' && step !== key) ?? '');
  const collection = parent.length === 2 && parent[0] === 'routes' ? 'routes' : place;
  const guess = meant === undefined ? 'Unknown key.' : `Unknown key; did you mean ${meant}?`;
  const message = isLaterKey(collection, key) ? 'This key belongs to a later release.' : guess;
  const found = key.length > 60 ? `${key.slice(0, 60)}…` : key;
  return { ...source.keyAt(path), key: pathText(path), found, expected: known.join(', '), message };
}

function fromCross(source: YamlSource, problem: ReturnType<typeof crossCheck>[number]): Mistake {
  const { path, at, expected, message } = problem;
  const position: Position = at === 'key' ? source.keyAt(path) : source.valueAt(path);
  return {
    ...position,
    tell: () => ({
      ...position,
      key: pathText(path),
      found: problem.found ?? source.foundAt(path),
      expected,
      message,
    }),
  };
}

/** YAML 1.2 section 5.1 forbids these; U+FFFD is what the decoder puts for bytes that are not UTF-8. */
function badCharacter(text: string): ConfigProblem | undefined {
  const match = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/.exec(text);
  if (match === null) return undefined;
  const before = text.slice(0, match.index).split('\n');
  const code = text.charCodeAt(match.index);
  const found = code === 0xfffd ? 'bytes that are not UTF-8' : `the control character ${code}`;
  const column = (before.at(-1) ?? '').length + 1;
  return { line: before.length, column, key: '', found, expected: 'UTF-8 text', message: 'Not a text file.' };
}

/** Reads one byte beyond the limit at most: the path may name a device or a pipe. */
function readBounded(path: string): Uint8Array {
  const buffer = new Uint8Array(MAX_CONFIG_BYTES + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (;;) {
        const read = readSync(file, buffer, length, buffer.length - length, null);
        length += read;
        if (read === 0 || length === buffer.length) break;
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  return buffer.subarray(0, length);
}

/** Of a file as many bytes as a configuration may have, and one more where there are more. Throws E_CONFIG_UNREADABLE. */
export async function readBoundedApart(path: string): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_CONFIG_BYTES + 1);
  let length = 0;
  try {
    const file = await open(path, 'r');
    try {
      for (let read = -1; read !== 0 && length < buffer.length; length += read)
        read = (await file.read(buffer, length, buffer.length - length, null)).bytesRead;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  return buffer.subarray(0, length);
}

function unreadable(path: string, error: unknown): PathraceError {
  const { code } = error as NodeJS.ErrnoException;
  return new PathraceError('E_CONFIG_UNREADABLE', `${path} cannot be read: ${reasonText(code)}.`);
}

function reasonText(code: string | undefined): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a directory';
  return code ?? 'unknown reason';
}
