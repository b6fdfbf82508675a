/** The manual page: everything that can be typed is in it, and the two formatters that systems have complain about nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manualPage } from '../../src/cli/manual/page.js';
import { roffParagraph, roffTerm } from '../../src/cli/manual/roff.js';
import { createProgram } from '../../src/cli/program.js';

const io = { stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };
const program = createProgram(io, () => {});
const page = manualPage(program, { version: '1.2.3', date: '2026-01-02' });
/** As a reader of the source has it: without what keeps roff from reading it. */
const plain = page.replace(/\\f[BR]/g, '').replace(/\\-/g, '-');

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-manual-'));
  file = join(folder, 'pathrace.8');
  writeFileSync(file, page);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the page', () => {
  it('has every command with its options and its argument', () => {
    const parts = plain.split(/^\.SS "pathrace /m).slice(1);
    expect(parts.map((part) => /^[a-z-]+/.exec(part)?.[0])).toEqual(
      program.commands.map((command) => command.name()),
    );
    program.commands.forEach((command, at) => {
      for (const option of command.options.filter(({ hidden }) => !hidden)) {
        expect(parts[at]).toContain(`${option.flags}\n`);
      }
      for (const argument of command.registeredArguments) expect(parts[at]).toContain(argument.name());
    });
    expect(plain).not.toContain('--names');
  });

  it('has the sections that an operator looks for', () => {
    const sections = [...page.matchAll(/^\.SH "(.*)"$/gm)].map(([, title]) => title);
    expect(sections).toEqual(
      expect.arrayContaining([
        'NAME',
        'SYNOPSIS',
        'EXIT STATUS',
        'SIGNALS',
        'ENVIRONMENT',
        'FILES',
        'SEE ALSO',
      ]),
    );
    expect(page).toMatch(/^\.TH PATHRACE 8 2026-01-02 "pathrace 1\.2\.3"/);
    for (const word of [
      'PATHRACE_CONFIG',
      'SIGQUIT',
      '/etc/pathrace.yaml',
      '/var/lib/pathrace/',
      '0, 1, 2, 3',
    ])
      expect(plain).toContain(word);
  });

  it('takes nothing of a text for a request', () => {
    expect(roffParagraph('.so /etc/passwd\\fX `--a`')).toBe('.PP\n\\&.so /etc/passwd\\efX \\fB\\-\\-a\\fR\n');
    const long = roffTerm('-a', `${'word '.repeat(15)}.hidden 'quoted`);
    for (const line of long.split('\n').slice(1)) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line).not.toMatch(/^['.](?!TP)/);
    }
  });
});

describe.each([
  ['man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z']],
  ['mandoc', ['-T', 'lint', '-W', 'style']],
] as const)('%s', (name, flags) => {
  const path = join('/usr/bin', name);
  it.runIf(existsSync(path))('complains about nothing', () => {
    const { stdout, stderr, status } = spawnSync(path, [...flags, file], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    if (name === 'mandoc') expect(stdout).toBe('');
  });
});
