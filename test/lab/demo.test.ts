/** The demo is what a visitor runs first: it ends by itself, its figures speak for racing, and nothing is left behind. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { PolicyFigures } from '../../lab/demo/figures.js';
import type { Summary } from '../../lab/demo/summary.js';

const PATHRACE = fileURLToPath(new URL('../../bin/pathrace', import.meta.url));

interface Ended {
  readonly pid: number;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function demo(args: readonly string[]): Promise<Ended> {
  const child = spawn(PATHRACE, ['demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ pid: child.pid ?? 0, code, ...output }));
  });
}

interface Remembered {
  readonly routes: Readonly<Record<string, { readonly answer: string }>>;
}

function named(summary: Summary, name: string): PolicyFigures {
  const found = summary.policies.find((policy) => policy.name === name);
  if (found === undefined) throw new Error(`no policy ${name} in ${JSON.stringify(summary.policies)}`);
  return found;
}

test('ten seconds, piped: racing loses nothing, and is faster than every single provider', async () => {
  const { pid, code, stdout, stderr } = await demo(['--for', '10s', '--json']);
  expect(code, stderr).toBe(0);
  const summary = JSON.parse(stdout) as Summary;
  expect(stderr).not.toContain('\x1b');
  expect(summary).toMatchObject({ interrupted: false, dead: ['cable'], lostByRacing: 0 });

  const racing = named(summary, 'racing');
  expect(racing.healthy).toMatchObject({ lost: 0 });
  expect(racing.dead).toMatchObject({ lost: 0 });
  expect(racing.dead?.connections).toBeGreaterThanOrEqual(24);
  for (const name of ['only fiber', 'only cable', 'only radio']) {
    const single = named(summary, name);
    expect(racing.healthy?.meanMs, name).toBeLessThan(single.healthy?.meanMs ?? 0);
    expect(single.healthy?.lost, name).toBe(0);
  }

  // The others show that the dead provider was dead.
  expect(named(summary, 'only cable').dead).toMatchObject({ meanMs: null });
  expect(named(summary, 'only fiber').dead).toMatchObject({ lost: 0 });
  expect(named(summary, 'round robin').dead?.lost).toBeGreaterThan(0);

  // Each provider is the nearest of a third of the destinations, and wins there.
  const { destinations } = summary;
  expect(destinations.length).toBe(12);
  for (const { name, roundTripMs, best } of destinations) {
    const nearest = Object.entries(roundTripMs).sort(([, left], [, right]) => left - right)[0]?.[0];
    expect(best, name).toBe(nearest);
  }
  expect(new Set(destinations.map(({ best }) => best)).size).toBe(3);

  const left = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  expect(left.filter((name) => name.startsWith(`pr${pid}-`))).toEqual([]);
}, 25_000);

test('its page is open to this machine while it runs, tells of the provider that is silent, and is gone afterwards', async () => {
  const child = spawn(PATHRACE, ['demo', '--for', '20s'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const ask = (url: string): Promise<Response> => fetch(url, { signal: AbortSignal.timeout(3000) });
  const states = new Set<string>();
  const measured = new Set<string>();
  let html = '';
  let page = '';
  while (child.exitCode === null) {
    page = /page (http:\/\/127\.0\.0\.1:\d+)\//.exec(output)?.[1] ?? '';
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 150))]);
    if (page === '') continue;
    // Between the phases there is no gateway.
    const answer = await ask(`${page}/v1/status`).catch(() => null);
    if (answer?.ok !== true) continue;
    const { routes } = (await answer.json()) as { routes: { name: string; state: string }[] };
    for (const { name, state } of routes) states.add(`${name} ${state}`);
    const memory = await ask(`${page}/v1/memory?limit=50`).catch(() => null);
    for (const { routes: times } of memory?.ok === true ? ((await memory.json()) as Remembered[]) : [])
      for (const [name, { answer }] of Object.entries(times)) measured.add(`${name} ${answer}`);
    const found = await ask(`${page}/`).catch(() => null);
    if (found?.ok === true) html = await found.text();
  }
  expect(await ended, output).toBe(0);
  expect(html).toContain('<title>Pathrace</title>');
  expect([...states].sort()).toEqual(expect.arrayContaining(['cable up', 'fiber up', 'radio up']));
  expect(states.has('cable suspect') || states.has('cable down'), [...states].join()).toBe(true);
  // What the heat map shows.
  expect([...measured]).toEqual(expect.arrayContaining(['cable answered', 'cable silent', 'fiber answered']));
  await expect(fetch(`${page}/`)).rejects.toThrow();
}, 60_000);

test('a time that is too short is refused, with the shortest that goes', async () => {
  const { code, stdout, stderr } = await demo(['--for', '5s']);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/E_ARGUMENT.*10s/);
});
