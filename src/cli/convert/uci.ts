/**
 * UCI, the configuration files of OpenWrt, as libuci reads them: a statement a line, words in '…', "…" or bare, `#` to the end of a line.
 * Made for any text: every statement is read once, and sections, options and values are bounded.
 */
import { PathraceError } from '../../model/errors.js';

export interface UciOption {
  readonly name: string;
  /** One of an `option`, each of a `list`. */
  readonly values: readonly string[];
  /** Line of the first, from 1. */
  readonly line: number;
}

export interface UciSection {
  readonly type: string;
  /** null: it has none. */
  readonly name: string | null;
  /** Line where it begins, from 1. */
  readonly line: number;
  readonly options: ReadonlyMap<string, UciOption>;
}

const MOST_SECTIONS = 4096;
const MOST_VALUES = 16_384;

/** The sections in their order; one that is named twice is one. Throws E_CONVERT with the line of the first mistake. */
export function parseUci(text: string, file: string): readonly UciSection[] {
  const sections: OpenSection[] = []; // BOUNDED: MOST_SECTIONS.
  const named = new Map<string, OpenSection>(); // BOUNDED: MOST_SECTIONS.
  let values = 0;
  for (const { words, line } of statements(text, file)) {
    const [keyword, ...rest] = words;
    const wrong = (message: string): PathraceError => mistake(file, line, message, keyword);
    const kind = KEYWORDS.get(keyword);
    if (kind === undefined) throw wrong('Not `config`, `option` or `list`');
    if (rest.length > (kind === 'package' ? 1 : 2)) throw wrong('Too many words');
    if (kind === 'package') continue;
    const [name = '', value = ''] = rest;
    if (kind === 'config') {
      if (name === '' || /[^\x21-\x7e]/.test(name)) throw wrong('A section needs a type');
      if (!isIdentifier(value) && value !== '') throw wrong('No section can have this name');
      if (sections.length >= MOST_SECTIONS) throw wrong(`More than ${MOST_SECTIONS} sections`);
      open(sections, named, { type: name, name: value === '' ? null : value, line }, wrong);
      continue;
    }
    const section = sections.at(-1);
    if (section === undefined) throw wrong('An option before the first section');
    if (!isIdentifier(name)) throw wrong('No option can have this name');
    if (++values > MOST_VALUES) throw wrong(`More than ${MOST_VALUES} values`);
    const before = kind === 'list' ? section.options.get(name) : undefined;
    if (before === undefined) section.options.set(name, { name, values: [value], line });
    else before.values.push(value);
  }
  return merged(sections);
}

interface OpenOption extends UciOption {
  readonly values: string[]; // BOUNDED: MOST_VALUES over all.
}

interface OpenSection extends UciSection {
  readonly options: Map<string, OpenOption>; // BOUNDED: MOST_VALUES over all.
}

const KEYWORDS: ReadonlyMap<string, 'package' | 'config' | 'option' | 'list'> = new Map(
  (['package', 'config', 'option', 'list'] as const).flatMap((word) => [
    [word, word],
    [word[0], word],
  ]),
);

function isIdentifier(text: string): boolean {
  return /^[A-Za-z0-9_]{1,64}$/.test(text);
}

function open(
  sections: OpenSection[],
  named: Map<string, OpenSection>,
  begun: Omit<UciSection, 'options'>,
  wrong: (message: string) => PathraceError,
): void {
  const before = begun.name === null ? undefined : named.get(begun.name);
  if (before !== undefined && before.type !== begun.type)
    throw wrong(`Line ${before.line} has a section of this name and another type`);
  // What follows goes on with the options of the one before.
  const section = { ...begun, options: before?.options ?? new Map() };
  sections.push(section);
  if (begun.name !== null && before === undefined) named.set(begun.name, section);
}

/** Each of those that share their options once, at the place of the first. */
function merged(sections: readonly OpenSection[]): readonly UciSection[] {
  const seen = new Set<ReadonlyMap<string, UciOption>>(); // BOUNDED: MOST_SECTIONS.
  return sections.filter(({ options }) => {
    if (seen.has(options)) return false;
    seen.add(options);
    return true;
  });
}

interface Statement {
  /** At least one. */
  readonly words: readonly string[];
  readonly line: number;
}

/** `;` ends a statement as the end of a line does; a quoted word may go over several lines. */
function* statements(text: string, file: string): Generator<Statement> {
  let words: string[] = []; // BOUNDED: more than three words are a mistake.
  let word: string | null = null;
  let line = 1;
  let begin = 1;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "'" || char === '"') {
      const end = quoted(text, at);
      if (end.at < 0) throw mistake(file, line, 'The quotation mark is not closed', char);
      if (word === null && words.length === 0) begin = line;
      word = (word ?? '') + end.value;
      line += count(text, '\n', at, end.at);
      at = end.at;
    } else if (char === '#') {
      // To the end of the line, which is looked at next.
      const end = text.indexOf('\n', at);
      at = (end < 0 ? text.length : end) - 1;
    } else if (char === '\\' && at + 1 < text.length) {
      at++;
      if (text[at] === '\n') line++;
      else word = (word ?? '') + text[at];
    } else if (/\s/.test(char) || char === ';') {
      if (word !== null) words.push(word);
      word = null;
      if (words.length > 3) throw mistake(file, line, 'Too many words', words[0]);
      if (char === '\n' || char === ';') {
        if (words.length > 0) yield { words, line: begin };
        words = [];
      }
      if (char === '\n') line++;
    } else {
      if (word === null && words.length === 0) begin = line;
      word = (word ?? '') + char;
    }
  }
  if (word !== null) words.push(word);
  if (words.length > 0) yield { words, line: begin };
}

/** The text between quotation marks and where it ends; -1: nowhere. In "…" a backslash takes the next character as it is. */
function quoted(text: string, from: number): { readonly value: string; readonly at: number } {
  const mark = text[from];
  if (mark === "'") {
    const at = text.indexOf(mark, from + 1);
    return { value: text.slice(from + 1, at), at };
  }
  let value = '';
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === mark) return { value, at };
    if (text[at] === '\\') at++;
    value += text[at] ?? '';
  }
  return { value, at: -1 };
}

function count(text: string, char: string, from: number, to: number): number {
  let found = 0;
  for (let at = text.indexOf(char, from); at >= 0 && at < to; at = text.indexOf(char, at + 1)) found++;
  return found;
}

function mistake(file: string, line: number, message: string, found: string): PathraceError {
  return new PathraceError('E_CONVERT', `${file}:${line}: ${message}.`, {
    found: found.slice(0, 40),
    expected: "lines such as config rule 'web', option dest_port '443', list track_ip '192.0.2.1'",
  });
}
