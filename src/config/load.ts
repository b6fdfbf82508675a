/** Reads a configuration: from a file or a text to what the daemon uses, or to all that is wrong with it. */
import type { z } from 'zod';
import type { GatewayConfig } from '../model/config.js';
import { crossCheck } from './cross-checks.js';
import { docOf, keysOf, schemaAt } from './describe-schema.js';
import { type Path, pathText } from './path.js';
import { ConfigError, type ConfigProblem } from './problems.js';
import { readConfig } from './read.js';
import { resolve } from './resolve.js';
import { ConfigSchema } from './schema.js';
import { isLaterKey, nearest } from './vocabulary.js';
import { type Position, readYaml, VALID_YAML, type YamlProblem, type YamlSource } from './yaml-source.js';

/** Reads and checks a file. Throws E_CONFIG_UNREADABLE, or E_CONFIG_INVALID as a ConfigError with all problems. */
export function loadConfig(path: string): GatewayConfig {
  return parseConfig(readConfig(path), path);
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
