/**
 * YAML text to plain values, and back from each value to its place in the text.
 * Made for hostile input: depth, nodes and aliases are bounded, and every mistake becomes a problem.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from 'yaml';
import type { Path } from './path.js';

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A mistake in the YAML itself. */
export interface YamlProblem extends Position {
  readonly path: Path;
  readonly found: string;
  readonly expected: string;
  readonly message: string;
}

export interface YamlSource {
  /** Objects (without prototype), arrays, strings, numbers, booleans and null. */
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /** Where the value stands; the nearest enclosing one that exists if it does not. */
  valueAt(path: Path): Position;
  /** Where the key of the value stands. */
  keyAt(path: Path): Position;
  /** The value as it is written, shortened; `nothing` if it is not there. */
  foundAt(path: Path): string;
  /** Keys of a mapping in the order of the file; empty for anything else. */
  keysAt(path: Path): readonly string[];
}

/** What is expected where a text is no YAML at all. */
export const VALID_YAML = 'valid YAML';

/** A configuration is five levels deep. */
const MAX_DEPTH = 12;
/** 16 routes of 64 addresses and 64 services of 512 ports and prefixes fit. */
const MAX_NODES = 40_000;
/** Anchors are a convenience for a few lines, not a language. */
const MAX_ALIASES = 64;
/** More mistakes than this help nobody; the message says that there are more. */
const MAX_YAML_PROBLEMS = 50;
const FOUND_LENGTH = 60;

/** Reads one YAML 1.2 document. Throws nothing. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const reader = new Reader(lines);
  try {
    // Duplicate keys are found below: the library's own search takes quadratic time.
    const document = parseDocument(text, {
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      // `silent` would not report a second document.
      logLevel: 'error',
    });
    for (const mistake of [...document.errors, ...document.warnings]) {
      if (mistake.code === 'MULTIPLE_DOCS') {
        reader.report(mistake.pos[0], [], 'another document', 'one document', 'A file has one document.');
        continue;
      }
      const quotes = mistake.code === 'BAD_SCALAR_START' ? ' Put the value in quotes.' : '';
      const message = `${oneLine(mistake.message)}${quotes}`;
      reader.report(mistake.pos[0], [], 'text that is not YAML', VALID_YAML, message);
    }
    reader.readRoot(document.contents);
  } catch {
    // The library recurses by nesting; only absurd nesting exhausts the stack.
    reader.report(
      0,
      [],
      'a nesting that cannot be read',
      `at most ${MAX_DEPTH} levels`,
      'Nested too deeply.',
    );
  }
  return reader.finish();
}

interface Entry {
  readonly key: number | undefined;
  readonly value: number;
  readonly found: string;
  readonly keys: readonly string[];
}

class Reader {
  readonly #lines: LineCounter;
  // BOUNDED: MAX_NODES.
  readonly #entries = new Map<string, Entry>();
  // BOUNDED: one per anchor in a text of bounded size.
  readonly #anchors = new Map<string, Node>();
  // BOUNDED: MAX_YAML_PROBLEMS.
  readonly #problems: YamlProblem[] = [];
  #value: unknown = null;
  #nodes = 0;
  #aliases = 0;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  readRoot(root: Node | null): void {
    this.#value = this.#read(root, [], undefined, 0, 0);
  }

  report(offset: number, path: Path, found: string, expected: string, message: string): void {
    if (this.#problems.length >= MAX_YAML_PROBLEMS) return;
    this.#problems.push({ ...this.#position(offset), path, found, expected, message });
  }

  finish(): YamlSource {
    const nearest = (path: Path): Entry | undefined => {
      for (let length = path.length; length >= 0; length--) {
        const entry = this.#entries.get(JSON.stringify(path.slice(0, length)));
        if (entry !== undefined) return entry;
      }
      return undefined;
    };
    const exact = (path: Path) => this.#entries.get(JSON.stringify(path));
    const keyOf = (path: Path): number => {
      const entry = nearest(path);
      return entry?.key ?? entry?.value ?? 0;
    };
    return {
      value: this.#value,
      problems: this.#problems,
      valueAt: (path) => this.#position(exact(path)?.value ?? keyOf(path)),
      keyAt: (path) => this.#position(keyOf(path)),
      foundAt: (path) => exact(path)?.found ?? 'nothing',
      keysAt: (path) => exact(path)?.keys ?? [],
    };
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #read(node: unknown, path: Path, keyOffset: number | undefined, fallback: number, depth: number): unknown {
    const offset = (node as Node | null)?.range?.[0] ?? fallback;
    this.#nodes++;
    if (this.#nodes === MAX_NODES) {
      this.report(offset, path, 'more values', `at most ${MAX_NODES}`, 'Too many values.');
    }
    if (this.#nodes >= MAX_NODES) return null;
    if (depth > MAX_DEPTH) {
      this.report(offset, path, 'a deeper level', `at most ${MAX_DEPTH} levels`, 'Nested too deeply.');
      return null;
    }
    if (isAlias(node)) {
      const target = this.#resolve(node.source, offset, path);
      return target === undefined ? null : this.#read(target, path, keyOffset, offset, depth + 1);
    }
    const keys: string[] = [];
    const entry = { key: keyOffset, value: offset, found: describe(node), keys };
    this.#entries.set(JSON.stringify(path), entry);
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, node as Node);
    if (isMap(node)) return this.#readMap(node.items, path, keys, depth);
    if (isSeq(node)) {
      return node.items.map((item, index) =>
        this.#read(item, [...path, index], undefined, offset, depth + 1),
      );
    }
    return isScalar(node) ? node.value : null;
  }

  #readMap(
    items: readonly { key: unknown; value: unknown }[],
    path: Path,
    keys: string[],
    depth: number,
  ): unknown {
    const result: Record<string, unknown> = Object.create(null);
    const first = new Map<string, number>(); // BOUNDED: one per key of a text of bounded size.
    for (const { key, value } of items) {
      const offset = (key as Node | null)?.range?.[0] ?? 0;
      const name = isScalar(key) ? keyText(key) : undefined;
      if (name === undefined || name === '' || name === '__proto__') {
        const found = name === undefined ? describe(key) : JSON.stringify(name);
        this.report(offset, path, found, 'a word followed by a colon', 'This is not a key.');
        continue;
      }
      const earlier = first.get(name);
      if (earlier !== undefined) {
        const line = this.#position(earlier).line;
        this.report(
          offset,
          [...path, name],
          short(name),
          'each key once',
          `Given twice, first in line ${line}.`,
        );
        continue;
      }
      first.set(name, offset);
      keys.push(name);
      result[name] = this.#read(value, [...path, name], offset, offset, depth + 1);
    }
    return result;
  }

  #resolve(name: string, offset: number, path: Path): Node | undefined {
    this.#aliases++;
    if (this.#aliases > MAX_ALIASES) {
      if (this.#aliases === MAX_ALIASES + 1) {
        this.report(offset, path, `*${short(name)}`, `at most ${MAX_ALIASES} aliases`, 'Too many aliases.');
      }
      return undefined;
    }
    const target = this.#anchors.get(name);
    if (target === undefined) {
      this.report(offset, path, `*${short(name)}`, 'an anchor defined above', 'The alias has no anchor.');
    }
    return target;
  }
}

function keyText(key: Scalar): string | undefined {
  if (typeof key.value === 'string') return key.value;
  return key.source === undefined || key.value === null ? undefined : key.source;
}

function describe(node: unknown): string {
  if (isMap(node)) return node.items.length === 0 ? 'an empty mapping' : 'a mapping';
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : `a list of ${node.items.length}`;
  if (!isScalar(node) || node.value === null) return 'nothing';
  return typeof node.value === 'string' ? JSON.stringify(short(node.value)) : short(String(node.value));
}

function short(text: string): string {
  return text.length > FOUND_LENGTH ? `${text.slice(0, FOUND_LENGTH)}…` : text;
}

function oneLine(message: string): string {
  return short(message.split('\n')[0] ?? '').replace(/[.:]?$/, '.');
}
