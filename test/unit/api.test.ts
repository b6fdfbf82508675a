import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../../src/api/application.js';
import { callControl } from '../../src/api/client.js';
import type { ControlBackend, Decision, Status } from '../../src/api/contract.js';
import { MAX_DECISIONS_ANSWERED, STATUS_PATH, whyPath } from '../../src/api/paths.js';
import { startControl } from '../../src/api/server.js';
import { PathraceError } from '../../src/model/errors.js';
import { OTHERS } from './api-tools.js';

const STATUS = { version: '1', uptimeSeconds: 1, routes: [] } as unknown as Status;

function backend(overrides: Partial<ControlBackend> = {}): ControlBackend {
  return {
    ...OTHERS,
    status: async () => STATUS,
    routes: async () => STATUS.routes,
    services: async () => [],
    why: async () => [],
    memory: async () => [],
    route: async (route) => ({ route, state: 'up', cut: 0 }),
    reload: async () => ({ applied: true, changes: [], effects: [] }),
    preview: async () => ({ changes: [], effects: [] }),
    config: async () => ({}),
    ...overrides,
  };
}

let folder: string;
let path: string;
const closers: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-api-'));
  path = join(folder, 'run', 'control.sock');
});

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(overrides: Partial<ControlBackend> = {}): Promise<void> {
  const control = await startControl(path, backend(overrides));
  closers.push(() => control.close());
}

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => (error instanceof PathraceError ? error.code : String(error)),
  );
}

function listenRaw(server: Server, at: string): Promise<void> {
  closers.push(() => new Promise((resolve) => void server.close(() => resolve())));
  return new Promise((resolve) => void server.listen(at, () => resolve()));
}

describe('the control socket', () => {
  it('is made with its directory, for its owner only, and removed', async () => {
    const control = await startControl(path, backend());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'run')).mode & 0o777).toBe(0o755);
    expect(await callControl(path, STATUS_PATH)).toEqual(STATUS);
    await control.close();
    expect(existsSync(path)).toBe(false);
  });

  it('never replaces a live one', async () => {
    await start();
    expect(await codeOf(startControl(path, backend()))).toBe('E_ALREADY_RUNNING');
    expect(await callControl(path, STATUS_PATH)).toEqual(STATUS);
  });

  it('replaces the socket of a process that died', async () => {
    const dead = join(folder, 'dead.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(dead)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(statSync(dead).isSocket()).toBe(true);
    expect(await codeOf(callControl(dead, STATUS_PATH))).toBe('E_CONTROL_UNREACHABLE');
    path = dead;
    await start();
    expect(await callControl(path, STATUS_PATH)).toEqual(STATUS);
  });

  it('leaves a file that is no socket as it is', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'precious');
    expect(await codeOf(startControl(file, backend()))).toBe('E_CONTROL_SOCKET');
    expect(await codeOf(startControl(join(file, 'x.sock'), backend()))).toBe('E_CONTROL_SOCKET');
    expect(statSync(file).size).toBe(8);
  });

  it('closes while a client keeps its connection open', async () => {
    const control = await startControl(path, backend({ status: () => new Promise(() => {}) }));
    const pending = codeOf(callControl(path, STATUS_PATH));
    await sleep(50);
    const before = performance.now();
    await control.close();
    // It does not wait for the client's own time-out of 3 s.
    expect(performance.now() - before).toBeLessThan(2500);
    // Whether it ends or has too many, it was there.
    expect(await pending).toBe('E_CONTROL_BUSY');
  });
});

describe('requests', () => {
  it('ask for canonical addresses', async () => {
    const asked: unknown[] = [];
    await start({
      why: async ({ address, port = null }) => {
        asked.push([address, port]);
        return [];
      },
    });
    await callControl(path, whyPath('198.51.100.7', 443));
    await callControl(path, whyPath('2001:DB8:0:0::1', null));
    expect(asked).toEqual([
      ['198.51.100.7', 443],
      ['2001:db8::1', null],
    ]);
  });

  it.each([
    ['/v1/why?route=', 400],
    ['/v1/why?client=x7', 400],
    ['/v1/why?limit=0', 400],
    ['/v1/why?limit=501', 400],
    ['/v1/why?address=', 400],
    ['/v1/why?address=hello', 400],
    ['/v1/why?address=fe80::1%25lo', 400],
    ['/v1/why?address=1.2.3.4&port=0', 400],
    ['/v1/why?address=1.2.3.4&port=65536', 400],
    ['/v1/why?address=1.2.3.4&port=x', 400],
    ['/v1/why?address=1.2.3.4&address=1.2.3.5', 400],
    ['/v1/why?address=1.2.3.4&prot=80', 400],
    ['/v1/status?x=1', 400],
    [`/v1/why?address=${'1'.repeat(3000)}`, 400],
    ['/v1/nothing', 404],
    ['/', 404],
    ['/v1/%ff', 400],
    ['//v1/status', 404],
    ['/v1/../v1/status/', 404],
  ])('%s is refused with a code and a remedy', async (url, status) => {
    const answer = await createApp(backend()).inject({ method: 'GET', url });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({
      code: 'E_ARGUMENT',
      message: expect.any(String),
      remedy: expect.any(String),
      type: 'urn:pathrace:error:E_ARGUMENT',
      title: expect.any(String),
      status: answer.statusCode,
      detail: expect.any(String),
    });
  });

  it('never show the inside of a failure', async () => {
    const app = createApp(backend({ status: () => Promise.reject(new TypeError('x is not a function')) }));
    const answer = await app.inject({ method: 'GET', url: STATUS_PATH });
    expect(answer.statusCode).toBe(500);
    expect(answer.json().code).toBe('E_INTERNAL');
    expect(answer.body).not.toContain('at ');
  });

  it('answer with a bounded number of decisions', async () => {
    const decision = { time: 't', routes: [] } as unknown as Decision;
    await start({ why: async () => Array<Decision>(10_000).fill(decision) });
    expect(await callControl(path, whyPath('1.2.3.4', null))).toHaveLength(MAX_DECISIONS_ANSWERED);
  });
});

describe('the client', () => {
  it('names the error of the gateway', async () => {
    await start({ status: () => Promise.reject(new PathraceError('E_NETLINK', 'refused')) });
    expect(await codeOf(callControl(path, STATUS_PATH))).toBe('E_NETLINK');
  });

  it('says that nobody is there', async () => {
    expect(await codeOf(callControl(path, STATUS_PATH))).toBe('E_CONTROL_UNREACHABLE');
    expect(await codeOf(callControl('/', STATUS_PATH))).toBe('E_CONTROL_UNREACHABLE');
    expect(await codeOf(callControl('x'.repeat(300), STATUS_PATH))).toBe('E_CONTROL_UNREACHABLE');
  });

  it.each([
    ['silence', () => {}],
    ['drops', 'HTTP/1.1 200 OK\r\n'],
    ['garbage', 'hello\r\n\r\n'],
    ['no JSON', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{'],
    ['an error without words', 'HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nnull'],
    ['a flood', `HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n${'x'.repeat(5_000_000)}`],
  ])('survives a server of %s', async (_, answer) => {
    const raw = join(folder, 'raw.sock');
    const sockets: { destroy(): void }[] = [];
    await listenRaw(
      createServer((socket) => {
        sockets.push(socket);
        socket.on('error', () => {});
        if (typeof answer === 'string') socket.end(answer);
      }),
      raw,
    );
    const code = await codeOf(callControl(raw, STATUS_PATH, 300));
    expect(['E_CONTROL_UNREACHABLE', 'E_CONTROL_BUSY', 'E_INTERNAL']).toContain(code);
    for (const socket of sockets) socket.destroy();
  });
});
