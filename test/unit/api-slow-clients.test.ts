/** Clients that keep the control socket for nothing: nobody else is kept out by them. Over a real socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callControl, commandControl } from '../../src/api/client.js';
import { MAX_CONNECTIONS, MAX_QUICK_CONNECTIONS } from '../../src/api/connections.js';
import type { ControlBackend, MemoryEntry, Status } from '../../src/api/contract.js';
import { MEMORY_PATH, routePath, STATUS_PATH } from '../../src/api/paths.js';
import { startControl } from '../../src/api/server.js';
import { OTHERS } from './api-tools.js';

const STATUS = { version: '1', routes: [] } as unknown as Status;
const MANY = 60;
const ENTRY: MemoryEntry = {
  destination: '198.51.100.1',
  of: 'connections',
  routes: {},
  best: null,
  trusted: false,
};

let folder: string;
let path: string;
let close: () => Promise<void>;
let release: () => void;
const clients: Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-slow-'));
  path = join(folder, 'control.sock');
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const backend: ControlBackend = {
    ...OTHERS,
    status: async () => STATUS,
    routes: async () => [],
    services: async () => [],
    why: async () => [],
    memory: async () => Array<MemoryEntry>(50_000).fill(ENTRY),
    route: async (route) => {
      await released;
      return { route, state: 'up', cut: 0 };
    },
    reload: async () => ({ applied: true, changes: [], effects: [] }),
    preview: async () => ({ changes: [], effects: [] }),
    config: async () => ({}),
  };
  close = (await startControl(path, backend)).close;
  // What answers is loaded with the first question.
  await callControl(path, STATUS_PATH);
});

afterEach(async () => {
  release();
  for (const client of clients.splice(0)) client.destroy();
  await close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(text: string): Promise<Socket> {
  const client = connect({ path });
  client.on('error', () => {});
  clients.push(client);
  await new Promise<void>((resolve) => client.once('connect', resolve));
  client.write(text);
  return client;
}

async function openMany(text: string): Promise<Socket[]> {
  const opened: Socket[] = []; // BOUNDED: MANY.
  for (let i = 0; i < MANY; i++) opened.push(await open(text));
  return opened;
}

async function askAgainAndAgain(): Promise<number> {
  let slowest = 0;
  for (let i = 0; i < 10; i++) {
    const startedAt = performance.now();
    expect(await callControl(path, STATUS_PATH)).toEqual(STATUS);
    slowest = Math.max(slowest, performance.now() - startedAt);
    await sleep(20);
  }
  return slowest;
}

describe('`status` is answered beside clients', () => {
  it('that never ask anything', async () => {
    await openMany('');
    expect(await askAgainAndAgain()).toBeLessThan(1000);
  });

  it('that ask letter by letter', async () => {
    const slow = await openMany('G');
    const timer = setInterval(() => {
      for (const client of slow) if (client.writable) client.write('E');
    }, 50);
    expect(await askAgainAndAgain()).toBeLessThan(1000);
    clearInterval(timer);
  });

  it('that do not take their answers', async () => {
    const slow = await openMany(`GET ${MEMORY_PATH}?limit=50000 HTTP/1.1\r\nHost: x\r\n\r\n`);
    for (const client of slow) client.pause();
    expect(await askAgainAndAgain()).toBeLessThan(1000);
  });

  it('that wait for commands, which are all done; further ones are refused with a word', async () => {
    const waiting = Array.from({ length: MAX_CONNECTIONS }, () =>
      commandControl(path, routePath('a', 'kill')).catch((error: unknown) => error),
    );
    await sleep(200);
    expect(await askAgainAndAgain()).toBeLessThan(1000);
    await expect(commandControl(path, routePath('a', 'kill'))).rejects.toThrow(
      `All ${MAX_CONNECTIONS} connections wait for answers`,
    );
    release();
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ cut: 0 });
  });
});

it('a question has two seconds; who asks in time is not hurried', async () => {
  const startedAt = performance.now();
  const slow = await open('GET /v1/st');
  const inTime = await open('GET /v1/status HTTP/1.1\r\nHost: x\r\n');
  await new Promise<void>((resolve) => {
    setTimeout(() => inTime.write('\r\n'), 1200);
    inTime.once('data', () => resolve());
  });
  await new Promise<void>((resolve) => {
    slow.once('close', () => resolve());
    slow.resume();
  });
  expect(performance.now() - startedAt).toBeGreaterThan(1900);
  expect(performance.now() - startedAt).toBeLessThan(6000);
});

it('who could not be heard, because this thread was busy, is heard afterwards', async () => {
  const early = await open('');
  const startedAt = performance.now();
  while (performance.now() - startedAt < 3000) {
    // Busy.
  }
  const answered = new Promise<string>((resolve) => early.once('data', (text) => resolve(String(text))));
  const ended = new Promise<string>((resolve) => early.once('close', () => resolve('sent away')));
  early.write('GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await Promise.race([answered, ended])).toMatch(/^HTTP\/1.1 200/);
});

it('places are bounded, whatever comes', async () => {
  for (let i = 0; i < MAX_CONNECTIONS + MAX_QUICK_CONNECTIONS + 20; i++)
    commandControl(path, routePath('a', 'kill')).catch(() => undefined);
  await sleep(200);
  expect(await callControl(path, STATUS_PATH).catch((error: Error) => error.message)).toEqual(STATUS);
});
