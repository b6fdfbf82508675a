/** The container file: what a checker says of it, and what it needs from the checkout. The package tests build it where an engine runs. */
import { existsSync, readFileSync } from 'node:fs';
import { validate } from 'dockerfile-utils';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const PATH = 'deploy/container/Containerfile';
const text = readFileSync(new URL(PATH, ROOT), 'utf8');

interface Instruction {
  readonly keyword: string;
  readonly args: string;
}

/** Comments and continued lines aside, one instruction each. */
function instructions(): Instruction[] {
  const joined = text.replace(/^\s*#.*\n/gm, '').replace(/\\\n\s*/g, ' ');
  const lines = joined.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [keyword] = line.split(' ');
    return { keyword, args: line.slice(keyword.length + 1).trim() };
  });
}

const of = (keyword: string): string[] =>
  instructions()
    .filter((one) => one.keyword === keyword)
    .map(({ args }) => args);

test('the checker finds nothing', () => {
  expect(validate(text)).toEqual([]);
  // And it does find something where something is wrong.
  expect(validate(text.replace('ENTRYPOINT', 'ENTRYPIONT'))).toHaveLength(1);
});

test('both bases are pinned to a release, and the Node is one that the gateway runs on', () => {
  const [build, run] = of('FROM');
  expect(build).toMatch(/:[0-9]+\.[0-9]+\.[0-9]+-bookworm-slim AS build$/);
  expect(run).toMatch(/debian:12\.[0-9]+-slim$/);
  const { engines } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
    engines: { node: string };
  };
  const [wanted, wantedMinor] = engines.node.replace('>=', '').split('.').map(Number);
  const [, major, minor] = /node:([0-9]+)\.([0-9]+)/.exec(build)!.map(Number);
  expect(major > wanted || (major === wanted && minor >= wantedMinor)).toBe(true);
});

test('what it copies is there, and what it runs is a script of package.json', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const ignored = readFileSync(new URL('.dockerignore', ROOT), 'utf8').split('\n');
  for (const args of of('COPY')) {
    const words = args.split(' ').filter((word) => !word.startsWith('--'));
    if (args.startsWith('--from=build')) continue;
    for (const source of words.slice(0, -1)) {
      expect([source, existsSync(new URL(source, ROOT))]).toEqual([source, true]);
      expect(ignored).not.toContain(source);
    }
  }
  const named = of('RUN').flatMap((args) => [...args.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name));
  expect(named).toEqual(['build', 'package']);
  for (const name of named) expect(scripts[name]).toBeDefined();
  // What it copies from the first stage is what that has made.
  expect(of('RUN').at(-2)).toContain('/pathrace.deb');
  expect(of('COPY').at(-1)).toMatch(/^--from=build \/pathrace\.deb /);
});

test('it starts the gateway, and lists of packages are not kept', () => {
  expect(of('ENTRYPOINT')).toEqual(['["pathrace"]']);
  expect(of('CMD')).toEqual(['["gateway"]']);
  for (const args of of('RUN').filter((one) => one.includes('apt-get install'))) {
    expect(args).toContain('--no-install-recommends');
    expect(args).toContain('rm -rf /var/lib/apt/lists/*');
  }
});
