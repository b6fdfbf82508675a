/** The npm package: what is in it, and what it does in an empty folder. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

let folder: string;
let archive: string;
let files: string[];

function run(
  program: string,
  args: readonly string[],
  cwd: string,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 600_000 });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-npm-'));
  const packed = run('npm', ['pack', '--pack-destination', folder], ROOT);
  expect([packed.status, packed.stderr.slice(-500)]).toEqual([0, expect.anything()]);
  archive = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'none.tgz');
  files = run('tar', ['-tzf', archive], folder)
    .stdout.split('\n')
    .filter((name) => name !== '')
    .map((name) => name.replace(/^package\//, ''));
}, 600_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('it has the gateway, the page if there is one, manual, completions and documents', () => {
  for (const file of [
    'package.json',
    'LICENSE',
    'README.md',
    'bin/pathrace',
    'dist/src/cli/main.js',
    'dist/man/pathrace.8',
    'dist/completion/pathrace.bash',
    'dist/completion/_pathrace',
    'dist/completion/pathrace.fish',
    'docs/configuration.md',
    'packaging/pathrace.service',
    'packaging/example.yaml',
  ])
    expect(files).toContain(file);
  expect(files.some((file) => file.startsWith('dist/web/'))).toBe(existsSync(join(ROOT, 'dist/web')));
});

test('it has no maps, tests, lab, benches, sources or what was built besides', () => {
  expect(
    files.filter((file) =>
      /\.map$|\.ts$|^(src|test|lab|bench|scripts|out)\/|^dist\/(lab|bench|test)\//.test(file),
    ),
  ).toEqual([]);
});

test('installed into an empty folder it says its version and what the machine lacks', () => {
  const home = mkdtempSync(join(folder, 'empty-'));
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  const installed = run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', archive], home);
  expect([installed.status, installed.stderr]).toEqual([0, expect.anything()]);
  const pathrace = join(home, 'node_modules/.bin/pathrace');
  expect(run(pathrace, ['--version'], home)).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
  const doctor = run(pathrace, ['doctor', '--json'], home);
  const { probes } = JSON.parse(doctor.stdout) as { probes: { ok: boolean; severity: string }[] };
  expect(probes.length).toBeGreaterThan(5);
  expect(doctor.status).toBe(probes.every(({ ok, severity }) => ok || severity !== 'required') ? 0 : 1);
  expect(
    run(pathrace, ['check', join(home, 'node_modules/pathrace/packaging/example.yaml')], home),
  ).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('ok, 3 routes'),
  });
  expect(run(pathrace, ['demo'], home).stderr).toContain('unknown command');
}, 600_000);
