/** What the rules between keys read: the parts of a file, each on its own, so that one mistake hides no other. */
import type { Path } from '../path.js';
import type { YamlSource } from '../yaml-source.js';

export { unknownWord } from '../vocabulary.js';

/** A mistake found by comparing keys. */
export interface CrossProblem {
  readonly path: Path;
  /** Whether the key or its value is to be shown. */
  readonly at: 'key' | 'value';
  readonly found?: string;
  readonly expected: string;
  readonly message: string;
}

/** The value at `path` as the schema reads it; undefined if it is not there or has mistakes of its own. */
export function readPart<T>(schema: SafeParser<T>, source: YamlSource, path: Path): T | undefined {
  const result = schema.safeParse(rawAt(source, path));
  return result.success ? result.data : undefined;
}

interface SafeParser<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

/** The value at `path` as it is written. */
export function rawAt(source: YamlSource, path: Path): unknown {
  let value: unknown = source.value;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

export function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The places of the items of a value that may be one or a list. */
export function itemPaths(source: YamlSource, path: Path): readonly Path[] {
  const raw = rawAt(source, path);
  return Array.isArray(raw) ? raw.map((_, index) => [...path, index]) : [path];
}

/** Words for "allowed", each once and not more than a line of them. */
export function oneOfWords(words: readonly string[], otherwise: string): string {
  return words.length === 0 ? otherwise : [...new Set(words)].slice(0, 32).join(', ').slice(0, 600);
}
