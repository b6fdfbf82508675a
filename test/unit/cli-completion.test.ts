/** Completion, asked of real shells: what the tabulator key would offer. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandGrammar, grammarOf, SHELLS } from '../../src/cli/completion/grammar.js';
import { createProgram } from '../../src/cli/program.js';
import { runCommand } from './cli-tools.js';

const io = { stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };
const commands: readonly CommandGrammar[] = grammarOf(createProgram(io, () => {}));

let folder: string;
let control: string;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-completion-'));
  control = join(folder, 'control.sock');
  const config = {
    routes: [{ name: 'fiber' }, { name: 'cable' }, { name: 'e$(reboot)' }],
    services: [{ name: 'bank' }],
  };
  server = createServer((_request, answer) => answer.end(JSON.stringify(config)));
  await new Promise<void>((resolve) => server.listen(control, resolve));
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Stands for `pathrace completion --names`: this process cannot answer while it waits for the shell. */
function names(): string {
  const path = join(folder, 'pathrace');
  const line = `completion --names routes`;
  const script = `case "$*" in '${line}') echo fiber; echo cable ;; '${line} --control ${control}') echo other ;; esac`;
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** What bash offers for a line whose last word is being typed. */
async function bash(line: string): Promise<string[]> {
  const { out } = await runCommand(['completion', 'bash']);
  const words = line.split(' ');
  const script = `${out}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; COMP_LINE='${line}'
_pathrace; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8', cwd: folder });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('what can be typed', () => {
  it('is every command of --help, with its options', async () => {
    const { out } = await runCommand(['--help']);
    const shown = [...out.matchAll(/^ {2}([a-z]+) .*/gm)].map(([, name]) => name);
    expect(commands.map(({ name }) => name)).toEqual(shown);
    for (const { name, options } of commands.filter((one) => !['help', 'demo', 'bench'].includes(one.name))) {
      const help = (await runCommand([name, '--help'])).out;
      const offered = [...help.matchAll(/^ {2}(?:-h, )?(--[a-z-]+)/gm)].map(([, option]) => option);
      expect([name, options.map((option) => option.name).sort()]).toEqual([name, offered.sort()]);
    }
  });

  it.each(SHELLS)('makes a script for %s that names all of it', async (shell) => {
    const { code, out } = await runCommand(['completion', shell]);
    expect(code).toBe(0);
    for (const { name, options } of commands) {
      expect(out).toContain(name);
      for (const option of options) expect(out).toContain(option.name.slice(2));
    }
  });

  it('is no other shell', async () => {
    expect(await runCommand(['completion', 'bas'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no such shell; did you mean bash?'),
    });
    expect((await runCommand(['completion'])).code).toBe(2);
  });
});

describe('the names of a running gateway', () => {
  it('are those of its configuration, as far as they are names', async () => {
    const names = (of: string) => runCommand(['completion', '--names', of, '--control', control]);
    expect(await names('routes')).toEqual({ code: 0, out: 'fiber\ncable\n', err: '' });
    expect(await names('services')).toEqual({ code: 0, out: 'bank\n', err: '' });
    expect((await names('rotues')).code).toBe(2);
  });

  it('are none, and no complaint, where there is none', async () => {
    const none = ['completion', '--names', 'routes', '--control', join(folder, 'none.sock')];
    expect(await runCommand(none)).toEqual({ code: 0, out: '', err: '' });
  });
});

describe('bash', () => {
  it('offers commands', async () => {
    expect(await bash('pathrace st')).toEqual(['status']);
    expect(await bash('pathrace ')).toEqual(expect.arrayContaining(commands.map(({ name }) => name)));
    expect(await bash('pathrace help wh')).toEqual(['why']);
  });

  it('offers the options of the command', async () => {
    expect(await bash('pathrace status --w')).toEqual(['--wide', '--watch']);
    expect(await bash('pathrace drain --')).toEqual(['--control', '--json', '--help']);
    expect(await bash('pathrace status --watch --j')).toEqual(['--json']);
  });

  it('offers routes that the gateway has, also where an option comes first', async () => {
    const path = names();
    expect(await bash(`${path} drain f`)).toEqual(['fiber']);
    expect(await bash(`${path} kill `)).toEqual(['fiber', 'cable']);
    expect(await bash(`${path} kill --control ${control} `)).toEqual(['other']);
  });

  it('offers files where a file is wanted', async () => {
    writeFileSync(join(folder, 'good.yaml'), '');
    expect(await bash('pathrace check go')).toEqual(['good.yaml']);
    expect(await bash('pathrace gateway --config go')).toEqual(['good.yaml']);
    expect(await bash('pathrace completion f')).toEqual(['fish']);
  });
});

/** The others where they are installed: their own check of the script, and one question. */
describe.each([
  ['zsh', ['-n']],
  ['fish', ['--no-execute']],
] as const)('%s', (shell, flags) => {
  const path = ['/usr/bin', '/bin', '/usr/local/bin'].map((at) => join(at, shell)).find(existsSync);

  it.runIf(path !== undefined)('reads its script', async () => {
    const file = join(folder, `script.${shell}`);
    writeFileSync(file, (await runCommand(['completion', shell])).out);
    expect(spawnSync(path ?? shell, [...flags, file], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });
});
