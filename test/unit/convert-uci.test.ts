/** UCI as libuci reads it: every form of quoting, comments, lists, sections without a name and named twice. */
import { describe, expect, it } from 'vitest';
import { parseUci } from '../../src/cli/convert/uci.js';
import { PathraceError } from '../../src/model/errors.js';

interface Plain {
  readonly type: string;
  readonly name: string | null;
  readonly line: number;
  readonly options: Record<string, readonly [line: number, ...values: string[]]>;
}

function read(text: string): Plain[] {
  return parseUci(text, 'f').map(({ type, name, line, options }) => ({
    type,
    name,
    line,
    options: Object.fromEntries([...options.values()].map((one) => [one.name, [one.line, ...one.values]])),
  }));
}

function failure(text: string): string {
  try {
    parseUci(text, 'f');
  } catch (error) {
    if (error instanceof PathraceError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'none';
}

describe('what is read', () => {
  it('sections, options and lists with their lines', () => {
    expect(
      read("config rule 'web'\n\toption port '80'\n\tlist ip 'a'\n\n\tlist ip 'b'\nconfig rule\n"),
    ).toEqual([
      { type: 'rule', name: 'web', line: 1, options: { port: [2, '80'], ip: [3, 'a', 'b'] } },
      { type: 'rule', name: null, line: 6, options: {} },
    ]);
  });

  it.each([
    ["option a 'b c'", 'b c'],
    ['option a "b c"', 'b c'],
    ['option a b', 'b'],
    ['option a "b\\"c"', 'b"c'],
    ["option a 'b\\c'", 'b\\c'],
    ['option a \'b\'"c"d', 'bcd'],
    ["option a 'it'\\''s'", "it's"],
    ['option a b\\ c', 'b c'],
    ['option a b # c', 'b'],
    ["option a 'b # c'", 'b # c'],
    ["option 'a' b", 'b'],
    ['o a b', 'b'],
    ['option a', ''],
    ["option a ''", ''],
    ['\toption\ta\tb\t\r', 'b'],
  ])('%s', (line, value) => {
    expect(read(`config t\n${line}\n`)[0].options.a).toEqual([2, value]);
  });

  it('a quoted word over several lines, and the lines behind it', () => {
    const [section] = read("config t\noption a 'b\nc'\noption d e\n");
    expect(section.options).toEqual({ a: [2, 'b\nc'], d: [4, 'e'] });
  });

  it('statements behind a semicolon, `package`, and text without a last newline', () => {
    expect(read("package mwan3\nconfig t; option a b; c 'u' v")).toEqual([
      { type: 't', name: null, line: 2, options: { a: [2, 'b'] } },
      { type: 'u', name: 'v', line: 2, options: {} },
    ]);
  });

  it('the last option of a name counts, and a section named twice is one', () => {
    const text = 'config t x\noption a 1\nlist b 1\nconfig t y\nconfig t x\noption a 2\nlist b 2\n';
    expect(read(text)).toEqual([
      { type: 't', name: 'x', line: 1, options: { a: [6, '2'], b: [3, '1', '2'] } },
      { type: 't', name: 'y', line: 4, options: {} },
    ]);
  });
});

describe('what is refused, with its line', () => {
  it.each([
    ['\noption a b\n', 'f:2: An option before the first section.'],
    ['config t\nnonsense\n', 'f:2: Not `config`, `option` or `list`.'],
    ["config t\noption a 'b\n", 'f:2: The quotation mark is not closed.'],
    ['config t\noption a "b\\"\n', 'f:2: The quotation mark is not closed.'],
    ['config t\noption a b c\n', 'f:2: Too many words.'],
    ['config t\noption a-b c\n', 'f:2: No option can have this name.'],
    ['config t a.b\n', 'f:1: No section can have this name.'],
    ['config\n', 'f:1: A section needs a type.'],
    ['config t x\nconfig u x\n', 'f:2: Line 1 has a section of this name and another type.'],
    ['config t\n'.repeat(5000), 'f:4097: More than 4096 sections.'],
    [`config t\n${'list a b\n'.repeat(20_000)}`, 'f:16386: More than 16384 values.'],
  ])('%#', (text, message) => {
    expect(failure(text)).toBe(`E_CONVERT ${message}`);
  });
});
