/** Every command with `--json`: one document on standard output, in one shape, with the fields that docs/json.md names and no others. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControlBackend, RouteStatus, Status } from '../../src/api/contract.js';
import { DROPPED, IGNORED, QUEUE } from '../../src/api/counters.js';
import { startControl } from '../../src/api/server.js';
import { ERROR_FIELDS, FIELDS } from '../../src/cli/json-fields.js';
import { createProgram } from '../../src/cli/program.js';
import { loadConfig } from '../../src/config/load.js';
import { unknownName } from '../../src/config/vocabulary.js';
import { OTHERS, WHAT_IF, WORST_OUTCOME } from './api-tools.js';
import {
  runCommand,
  WORST_DECISION,
  WORST_MEMORY,
  WORST_SERVICE,
  WORST_STATUS,
  worstRoute,
} from './cli-tools.js';

/** An address that no interface of any machine has, on one that every machine has: a note. */
const YAML =
  'lan: l\nroutes: { a: { interface: w1 }, b: { interface: lo, addresses: [192.0.2.9], gateway: [192.0.2.1] } }\nrest: { route: a }\n';
const EFFECT = {
  route: 'a',
  becomes: 'b',
  connections: 12,
  fate: 'stay',
  text: 'the connections of a go on as those of b',
} as const;
const CHANGE = { key: 'routes.a.cost', before: '0', after: '8/GB', apply: 'live' } as const;

const tokensFile = (): string => join(folder, 'tokens');

let folder: string;
let control: string;
let good: string;
let bad: string;
let status: Status = WORST_STATUS;
let close: () => Promise<void>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-json-'));
  control = join(folder, 'control.sock');
  good = join(folder, 'good.yaml');
  bad = join(folder, 'bad.yaml');
  writeFileSync(good, YAML);
  writeFileSync(bad, `${YAML}nonsense: 7\n`);
  const route: RouteStatus['state'] = 'draining';
  const backend: ControlBackend = {
    ...OTHERS,
    status: async () => status,
    services: async () => [
      WORST_SERVICE,
      { ...WORST_SERVICE, plan: { ipv4: WORST_SERVICE.plan.ipv4, ipv6: WORST_SERVICE.plan.ipv4 } },
    ],
    routes: async () => WORST_STATUS.routes,
    why: async () => [WORST_DECISION],
    whatIf: async () => ({ ...WHAT_IF, outcomes: [WORST_OUTCOME] }),
    memory: async () => [WORST_MEMORY],
    route: async (name) => {
      if (name !== 'a') throw unknownName('route', name, ['a', 'b']);
      return { route: name, state: route, cut: 3, left: 2 };
    },
    reload: async () => ({
      applied: true,
      changes: [CHANGE],
      effects: [EFFECT],
      left: 3,
    }),
    preview: async () => ({ changes: [CHANGE], effects: [EFFECT] }),
    config: async () => ({ ...loadConfig(good), rest: { route: 'b', translate: false } }),
  };
  const started = await startControl(control, backend);
  close = () => started.close();
});

afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs it with `--json`; the one document that it writes. */
async function documentOf(args: readonly string[], asks = true): Promise<Record<string, unknown>> {
  const { code, out, err } = await runCommand([...args, '--json', ...(asks ? ['--control', control] : [])]);
  expect([args, err]).toEqual([args, '']);
  const document = JSON.parse(out) as Record<string, unknown>;
  expect(document).toMatchObject({ format: 1, ok: code === 0 });
  return document;
}

/** Calls by the command's key in the table of fields; each names the arguments that it succeeds with. */
const CALLS: readonly (readonly [key: string, args: () => readonly string[], asks: boolean])[] = [
  ['status', () => ['status'], true],
  ['status --check', () => ['status', '--check'], true],
  ['routes', () => ['routes'], true],
  ['services', () => ['services'], true],
  ['why', () => ['why', '198.51.100.7'], true],
  ['why --what-if', () => ['why', '--what-if', '192.168.1.2', '198.51.100.7:443'], true],
  ['token add', () => ['token', 'add', 'me', '--role', 'read', '--tokens', tokensFile()], false],
  ['token list', () => ['token', 'list', '--tokens', tokensFile()], false],
  ['token remove', () => ['token', 'remove', 'me', '--tokens', tokensFile()], false],
  ['memory', () => ['memory'], true],
  ...['drain', 'undrain', 'kill', 'disable', 'enable'].map(
    (command) => ['drain, undrain, kill, disable, enable', () => [command, 'a'], true] as const,
  ),
  ['reload', () => ['reload'], true],
  ['check', () => ['check', good, '--diff'], true],
  ['doctor', () => ['doctor'], false],
];

/** Paths of the fields of a value, as the table writes them: maps are those whose path ends in `*` there. */
function pathsOf(value: unknown, known: readonly string[], path = ''): string[] {
  if (path === 'config') return [path];
  if (Array.isArray(value)) return value.flatMap((item) => pathsOf(item, known, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) => {
    const own = path === '' ? key : `${path}.${key}`;
    const any = `${path}.*`;
    const isMap = known.some((one) => one === any || one.startsWith(`${any}.`));
    return pathsOf(inner, known, isMap ? any : own);
  });
}

describe('the documents', () => {
  it.each(CALLS)('%s has the fields of the page and no others', async (key, args, asks) => {
    const known = FIELDS[key]!.map(([path]) => path);
    const found = new Set(pathsOf(await documentOf(args(), asks), known));
    expect([...found].filter((path) => !known.includes(path))).toEqual([]);
    expect(known.filter((path) => !found.has(path))).toEqual([]);
  });

  it('are of every command', () => {
    const io = { stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };
    const commands = createProgram(io, () => {}).commands.map((command) => command.name());
    // These write none: a script, a process that goes on, measurements of their own.
    const without = ['completion', 'gateway', 'demo', 'bench'];
    const documented = Object.keys(FIELDS).flatMap((key) =>
      key.split(', ').map((name) => name.split(' ')[0]),
    );
    expect(new Set(documented)).toEqual(new Set(commands.filter((name) => !without.includes(name))));
  });
});

describe('errors', () => {
  const none = () => join(folder, 'none.sock');
  const FAILURES: readonly (readonly [string, () => readonly string[]])[] = [
    ['gateway', () => ['gateway', '--config', bad]],
    ['check', () => ['check', bad]],
    ['check', () => ['check', join(folder, 'none.yaml')]],
    ['doctor', () => ['doctor', '--config', bad]],
    ['cleanup', () => ['cleanup', '--nonsense']],
    ['status', () => ['status', '--control', none()]],
    ['status', () => ['status', '--check', '--control', none()]],
    ['routes', () => ['routes', '--control', none()]],
    ['services', () => ['services', '--control', none()]],
    ['why', () => ['why', 'example']],
    ['token', () => ['token', 'add', 'me', '--role', 'admin', '--tokens', join(folder, 'none', 't')]],
    ['memory', () => ['memory', '--limit', '0']],
    ['reload', () => ['reload', '--control', none()]],
    ['completion', () => ['completion', 'none']],
    ['demo', () => ['demo', '--nonsense']],
    ['bench', () => ['bench', '--nonsense']],
    ...['drain', 'undrain', 'kill', 'disable', 'enable'].map(
      (command) => [command, () => [command, 'c', '--control', control]] as const,
    ),
    ['no command', () => ['nonsense']],
  ];

  it.each(FAILURES)('of %s are a document in the one shape', async (_, args) => {
    const { code, out, err } = await runCommand([...args(), '--json']);
    expect([err, code > 0]).toEqual(['', true]);
    const document = JSON.parse(out) as { error: { code: string } };
    expect(document).toMatchObject({ format: 1, ok: false, error: { code: expect.stringMatching(/^E_/) } });
    const known = ERROR_FIELDS.map(([path]) => path);
    expect(pathsOf(document, known).filter((path) => !known.includes(path))).toEqual([]);
  });

  it('can happen to every command', () => {
    const io = { stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };
    const commands = createProgram(io, () => {}).commands.map((command) => command.name());
    const tried = FAILURES.map(([command]) => command);
    expect(commands.filter((name) => !tried.includes(name))).toEqual([]);
  });

  it('have every field of the page', async () => {
    const known = ERROR_FIELDS.map(([path]) => path);
    const found = new Set<string>();
    for (const args of [
      ['check', bad],
      ['drain', 'c', '--control', control],
      ['status', '--check', '--control', none()],
    ]) {
      const { out } = await runCommand([...args, '--json']);
      for (const path of pathsOf(JSON.parse(out), known)) found.add(path);
    }
    expect(known.filter((path) => !found.has(path))).toEqual([]);
  });
});

describe('the counters', () => {
  it('all have words', () => {
    for (const list of [DROPPED, IGNORED, QUEUE])
      for (const [word, meaning] of Object.entries(list))
        expect([word, meaning.length > 8]).toEqual([word, true]);
  });

  it('are shown by their words', async () => {
    status = {
      ...WORST_STATUS,
      packets: { dropped: { spoofed: 1 }, ignored: {}, queue: {} },
      routes: [worstRoute(1)],
    };
    const { out } = await runCommand(['status', '--control', control]);
    status = WORST_STATUS;
    expect(out).toContain('packets dropped, by reason\n  1  spoofed\n');
  });
});
