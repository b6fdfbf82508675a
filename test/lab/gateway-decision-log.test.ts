/** Decisions of a real gateway in a file: each once, whatever the disk does, and nobody waits for it. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { providerOf } from '../../lab/index.js';
import type { Decision } from '../../src/api/contract.js';
import { connectMs, eventually, type GatewayLab, NEAR, withGateway } from './support/gateway-lab.js';

const PORT = 7;
const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 15 } },
  ],
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-decision-log-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Line = Decision & { readonly missed?: number };

/** All lines of a file and of those before it, oldest first. */
function linesOf(file: string): Line[] {
  const [name, parent] = [file.slice(file.lastIndexOf('/') + 1), file.slice(0, file.lastIndexOf('/'))];
  const numberOf = (one: string): number => Number(one.slice(name.length + 1) || 0);
  return (existsSync(parent) ? readdirSync(parent) : [])
    .filter((one) => one === name || one.startsWith(`${name}.`))
    .sort((one, other) => numberOf(other) - numberOf(one))
    .flatMap((one) => readFileSync(join(parent, one), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line) as Line);
}

async function connect({ lab }: GatewayLab, count: number): Promise<number[]> {
  return connectMs(await lab.client().connect({ targets: [{ address: NEAR, port: PORT }], count }));
}

test('a line for each connection, as the server has seen them, over files that turn', async () => {
  const file = join(folder, 'turning', 'decisions.jsonl');
  const config = { log: { decisions: { file, size: '64kB', keep: 9 } } };
  await withGateway(SCENARIO, { config }, async (made) => {
    const echo = await made.lab.server().echo({ ports: [PORT] });
    await connect(made, 600);
    const { scenario } = made.lab;
    const seen = (await echo.connections()).map(({ remoteAddress }) => providerOf(scenario, remoteAddress));
    const lines = await eventually(
      async () => linesOf(file),
      (found) => found.length >= 600,
      15_000,
    );
    expect(lines).toHaveLength(600);
    expect(new Set(lines.map(({ client }) => client)).size).toBe(600);
    expect(lines.map(({ route }) => route).sort()).toEqual(seen.sort());
    expect(readdirSync(join(folder, 'turning')).length).toBeGreaterThan(2);
    const [newest] = await made.why(`${NEAR}:${PORT}`);
    const { open: _, ...known } = newest!;
    expect(lines.find(({ client }) => client === known.client)).toEqual(known);
    // The losers, too: a line is written when nothing is added to it any more.
    for (const { routes } of lines)
      expect(routes.map(({ answer }) => answer)).toEqual(['syn-ack', 'syn-ack']);
  });
});

test('a full disk costs lines, which are counted, and no connection', async () => {
  const small = join(folder, 'small');
  mkdirSync(small, { recursive: true });
  expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', small]).status).toBe(0);
  try {
    const file = join(small, 'decisions.jsonl');
    const ballast = join(small, 'ballast');
    const options = { config: { log: { decisions: file } }, expectedEvents: ['decisions-failed'] };
    await withGateway(SCENARIO, options, async (made) => {
      await made.lab.server().echo({ ports: [PORT] });
      writeFileSync(ballast, Buffer.alloc(60 * 1024));
      await connect(made, 100);
      const full = await eventually(
        () => made.status(),
        ({ alarms }) => alarms.some((one) => one.includes('decisions could not be written down')),
        15_000,
      );
      expect(full.alarms.join()).toMatch(/decisions could not be written down: ENOSPC/);
      rmSync(ballast);
      await connect(made, 10);
      const found = await eventually(
        async () => linesOf(file).filter((line) => line.missed !== undefined),
        (missed) => missed.length > 0,
        15_000,
      );
      expect(found.reduce((sum, { missed = 0 }) => sum + missed, 0)).toBeGreaterThan(50);
      const { alarms } = await eventually(
        () => made.status(),
        (status) => status.alarms.length === 0,
        5000,
      );
      expect(alarms).toEqual([]);
    });
  } finally {
    expect(spawnSync('umount', [small]).status).toBe(0);
  }
});

test('nobody waits for a disk that hangs, not even the end', async () => {
  const options = {
    config: { log: { decisions: join(folder, 'hangs.jsonl') } },
    preload: fileURLToPath(new URL('support/hanging-disk.mjs', import.meta.url)),
  };
  await withGateway(SCENARIO, options, async (made) => {
    await made.lab.server().echo({ ports: [PORT] });
    await connect(made, 50);
    const { alarms } = await eventually(
      () => made.status(),
      (status) => status.alarms.length > 0,
      25_000,
    );
    expect(alarms).toEqual(['decisions do not get written down: the disk hangs']);
    // Nor has any SYN been sent twice.
    expect(Math.max(...(await connect(made, 50)))).toBeLessThan(900);
  });
});
