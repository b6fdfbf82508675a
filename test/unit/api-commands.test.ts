import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromAnswer, statusOf, toProblem } from '../../src/api/answer.js';
import { createApp } from '../../src/api/application.js';
import { askMemory, askPreview, callControl, commandControl } from '../../src/api/client.js';
import type { ControlBackend, MemoryEntry, Status } from '../../src/api/contract.js';
import { streamMemory } from '../../src/api/memory-stream.js';
import {
  CONFIG_PATH,
  MAX_ANSWER_BYTES,
  MAX_MEMORY_BYTES,
  MAX_MEMORY_LIMIT,
  MAX_MEMORY_TIMES,
  memoryPath,
  PREVIEW_PATH,
  RELOAD_PATH,
  ROUTE_COMMANDS,
  ROUTES_PATH,
  routePath,
  STATUS_PATH,
} from '../../src/api/paths.js';
import { startControl } from '../../src/api/server.js';
import { createTurns } from '../../src/api/turns.js';
import { MAX_CONFIG_BYTES } from '../../src/config/bounds.js';
import { ConfigError } from '../../src/config/problems.js';
import { PathraceError } from '../../src/model/errors.js';
import { OTHERS } from './api-tools.js';

const ROUTE = { name: 'fiber', state: 'up' };
const STATUS = { version: '1', routes: [ROUTE] } as unknown as Status;
const PROBLEM = { line: 2, column: 3, key: 'routes.a', found: 'x', expected: 'y', message: 'Not y.' };

type Calls = unknown[][];

/** A backend that notes what it is asked. */
function backend(overrides: Partial<ControlBackend> = {}, calls: Calls = []): ControlBackend {
  return {
    ...OTHERS,
    status: async () => STATUS,
    routes: async () => STATUS.routes,
    services: async () => [],
    why: async () => [],
    memory: async (...asked) => {
      calls.push(['memory', ...asked]);
      return [];
    },
    route: async (route, command) => {
      calls.push(['route', route, command]);
      return { route, state: 'draining', cut: 0 };
    },
    reload: async () => {
      calls.push(['reload']);
      return { applied: true, changes: [], effects: [] };
    },
    preview: async () => ({ changes: [], effects: [] }),
    config: async () => ({ lan: ['l'] }),
    ...overrides,
  };
}

function entries(count: number, routes: number): MemoryEntry[] {
  const time = { rttMicros: 123_456.789, ageSeconds: 1234.5, answer: 'answered' };
  const times = Object.fromEntries(Array.from({ length: routes }, (_, i) => [`route-${i}`, time]));
  return Array.from({ length: count }, (_, i) => ({
    destination: `2001:db8:1234:5678::${i.toString(16)}`,
    of: 'connections',
    routes: times,
    best: 'route-0',
    trusted: true,
  }));
}

function failure(promise: Promise<unknown>): Promise<PathraceError> {
  return promise.then(
    () => expect.unreachable('it did not fail'),
    (error: PathraceError) => error,
  );
}

let folder: string;
let path: string;
let close: (() => Promise<void>) | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-api-'));
  path = join(folder, 'control.sock');
});

afterEach(async () => {
  await close?.();
  close = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function start(overrides: Partial<ControlBackend> = {}): Promise<Calls> {
  const calls: Calls = [];
  const control = await startControl(path, backend(overrides, calls));
  close = () => control.close();
  return calls;
}

describe('the memory', () => {
  it('is asked with a limit and a canonical prefix', async () => {
    const calls = await start();
    await callControl(path, '/v1/memory');
    await askMemory(path, MAX_MEMORY_LIMIT, '2001:DB8:0::/32');
    await askMemory(path, 1, '198.51.100.7');
    expect(calls).toEqual([
      ['memory', 1000, null],
      ['memory', MAX_MEMORY_LIMIT, '2001:db8::/32'],
      ['memory', 1, '198.51.100.7/32'],
    ]);
  });

  it.each([0, 1, 2, 255, 256, 257, 1000])('of %i destinations arrives whole', async (count) => {
    const all = entries(count, 3);
    await start({ memory: async () => all });
    expect(await askMemory(path, 1000, null)).toEqual(all);
  });

  it('never answers more than was asked for', async () => {
    await start({ memory: async () => entries(50, 2) });
    expect(await askMemory(path, 7, null)).toHaveLength(7);
  });

  it('of 100000 destinations arrives while other requests are answered', async () => {
    const all = entries(MAX_MEMORY_LIMIT, MAX_MEMORY_TIMES / MAX_MEMORY_LIMIT);
    await start({ memory: async () => all });
    const order: string[] = [];
    // A client that only counts what it reads.
    const bytes = await new Promise<number>((resolve) => {
      const sent = request({ socketPath: path, path: memoryPath(MAX_MEMORY_LIMIT, null) }, (answer) => {
        let length = 0;
        answer.once('data', () => callControl(path, STATUS_PATH).then(() => order.push('status')));
        answer.on('data', (chunk: Uint8Array) => {
          length += chunk.length;
        });
        answer.on('end', () => {
          order.push('memory');
          resolve(length);
        });
      });
      sent.end();
    });
    expect(order).toEqual(['status', 'memory']);
    expect(bytes).toBeGreaterThan(MAX_ANSWER_BYTES);
    expect(bytes).toBeLessThan(MAX_MEMORY_BYTES);
  });

  it('that is too much for one answer is refused with what would do', async () => {
    await start({ memory: async () => entries(30_000, 16) });
    const error = await failure(askMemory(path, 30_000, null));
    expect([error.code, error.expected]).toEqual(['E_ARGUMENT', 'a limit of at most 25000, or a prefix']);
  });

  it('has a bound in bytes that nothing below the bound of times exceeds', async () => {
    const name = 'n'.repeat(31);
    const time = { rttMicros: 1234567.123456789, ageSeconds: 1234567.123456789, answer: 'retransmitted' };
    const routes = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`${name}${i % 10}${i}`, time]));
    const entry = {
      destination: `${'ffff:'.repeat(8)}/128`,
      of: 'connections',
      routes,
      best: name,
      trusted: false,
    };
    const [cells, bytes] = [16, JSON.stringify(entry).length];
    const bare = JSON.stringify({ ...entry, routes: {} }).length;
    const perTime = (bytes - bare) / cells;
    expect(perTime * MAX_MEMORY_TIMES + bare * MAX_MEMORY_LIMIT).toBeLessThan(MAX_MEMORY_BYTES);
  });

  it('is read once at a time, also when a reader leaves early', async () => {
    let reading = 0;
    let most = 0;
    const all = entries(20_000, 4);
    await start({
      memory: async () => {
        most = Math.max(most, ++reading);
        await sleep(5);
        reading--;
        return all;
      },
    });
    for (let i = 0; i < 5; i++) {
      const socket = connect(path);
      socket.on('error', () => {});
      socket.write('GET /v1/memory?limit=20000 HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.once('data', () => socket.destroy());
    }
    const answers = await Promise.all([1, 2, 3].map(() => askMemory(path, 20_000, null)));
    expect(answers.map(({ length }) => length)).toEqual([20_000, 20_000, 20_000]);
    expect(most).toBe(1);
  });

  it('leaves time for others between two slices', async () => {
    const stream = await streamMemory(entries(2000, 2));
    let turns = 0;
    let ended = false;
    const count = (): void => {
      turns++;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    let text = '';
    for await (const chunk of stream) text += chunk;
    ended = true;
    expect(JSON.parse(text)).toHaveLength(2000);
    expect(turns).toBeGreaterThan(15);
  });
});

describe('the routes and the configuration', () => {
  it('are what the backend says', async () => {
    await start();
    expect(await callControl(path, ROUTES_PATH)).toEqual([ROUTE]);
    expect(await callControl(path, CONFIG_PATH)).toEqual({ lan: ['l'] });
  });
});

describe('a preview', () => {
  it('carries the text of a file up to its bound, and nothing else', async () => {
    const texts: string[] = [];
    await start({
      preview: async (text) => {
        texts.push(text);
        return { changes: [], effects: [] };
      },
    });
    expect(await askPreview(path, 'lan: é\n')).toEqual({ changes: [], effects: [] });
    expect(texts).toEqual(['lan: é\n']);
    expect(await askPreview(path, 'x'.repeat(MAX_CONFIG_BYTES))).toEqual({ changes: [], effects: [] });
    expect(await failure(askPreview(path, 'x'.repeat(MAX_CONFIG_BYTES + 1)))).toMatchObject({
      code: 'E_ARGUMENT',
    });
    expect(await failure(commandControl(path, PREVIEW_PATH))).toMatchObject({ code: 'E_ARGUMENT' });
    expect(texts).toHaveLength(2);
  });
});

describe('commands', () => {
  it('reach the backend with their route', async () => {
    const calls = await start();
    for (const command of ROUTE_COMMANDS) await commandControl(path, routePath('wan-1.a_b', command));
    await commandControl(path, routePath('..', 'drain'));
    expect(calls).toEqual([
      ...ROUTE_COMMANDS.map((command) => ['route', 'wan-1.a_b', command]),
      ['route', '..', 'drain'],
    ]);
    expect(await commandControl(path, RELOAD_PATH)).toEqual({ applied: true, changes: [], effects: [] });
  });

  it('name the routes when there is no such route', async () => {
    const detail = { found: 'x', expected: 'fiber, lte' };
    await start({
      route: async () => Promise.reject(new PathraceError('E_ARGUMENT', 'No such route.', detail)),
    });
    const error = await failure(commandControl(path, routePath('x', 'drain')));
    expect(error).toMatchObject({ code: 'E_ARGUMENT', message: 'No such route.', ...detail });
  });

  it('tell every problem of a bad configuration', async () => {
    const thrown = new ConfigError('/etc/p.yaml', [PROBLEM, { ...PROBLEM, line: 9 }]);
    await start({ reload: () => Promise.reject(thrown) });
    const error = await failure(commandControl(path, RELOAD_PATH));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ file: '/etc/p.yaml', problems: [PROBLEM, { ...PROBLEM, line: 9 }] });
    expect(error.message).toBe(thrown.message);
  });

  it('run one after the other, and not for a client that has left', async () => {
    const ran: string[] = [];
    let running = 0;
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await start({
      route: async (route, command) => {
        expect(++running).toBe(1);
        await gate;
        running--;
        ran.push(`${command} ${route}`);
        return { route, state: 'up', cut: 0 };
      },
    });
    const first = commandControl(path, routePath('a', 'disable'));
    await sleep(20);
    const left = failure(commandControl(path, routePath('b', 'kill'), 30));
    const last = commandControl(path, routePath('a', 'enable'));
    await left;
    // Time for the server to notice that nobody waits any more.
    await sleep(300);
    release();
    await Promise.all([first, last]);
    expect(ran).toEqual(['disable a', 'enable a']);
  });

  it('wait for the next turn also after a failure', async () => {
    let count = 0;
    await start({
      reload: async () => {
        if (count++ === 0) throw new TypeError('boom');
        return { applied: false, changes: [], effects: [] };
      },
    });
    expect((await failure(commandControl(path, RELOAD_PATH))).code).toBe('E_INTERNAL');
    expect(await commandControl(path, RELOAD_PATH)).toEqual({ applied: false, changes: [], effects: [] });
  });

  it('are refused when too many wait', async () => {
    const next = createTurns(2);
    const end = await next();
    const second = next();
    await expect(next()).rejects.toMatchObject({ code: 'E_INTERNAL' });
    end();
    end();
    (await second)();
    (await next())();
  });
});

describe('hostile requests', () => {
  it.each([
    ['GET', '/v1/memory?limit=0', 400],
    ['GET', '/v1/memory?limit=-1', 400],
    ['GET', '/v1/memory?limit=1.5', 400],
    ['GET', '/v1/memory?limit=100001', 400],
    ['GET', '/v1/memory?limit=1e99', 400],
    ['GET', '/v1/memory?limit=NaN', 400],
    ['GET', '/v1/memory?limit=', 400],
    ['GET', '/v1/memory?limit=1&limit=2', 400],
    ['GET', '/v1/memory?limit[]=1', 400],
    ['GET', '/v1/memory?__proto__=1', 400],
    ['GET', '/v1/memory?prefix=', 400],
    ['GET', '/v1/memory?prefix=hello', 400],
    ['GET', '/v1/memory?prefix=10.0.0.0%2F33', 400],
    ['GET', '/v1/memory?prefix=10.0.0.1%2F8', 400],
    ['GET', '/v1/memory?prefix=10.0.0.0%2F8%2F8', 400],
    ['GET', '/v1/memory?prefix=fe80::1%25lo', 400],
    ['GET', '/v1/memory?prefix=%40set', 400],
    ['GET', `/v1/memory?prefix=${'1'.repeat(3000)}`, 400],
    ['GET', '/v1/memory?prefix=1.2.3.4&prefix=1.2.3.5', 400],
    ['GET', '/v1/routes/fiber/drain', 404],
    ['GET', '/v1/reload', 404],
    ['HEAD', '/v1/memory', 404],
    ['PUT', '/v1/routes/fiber/drain', 404],
    ['DELETE', '/v1/routes/fiber', 404],
    ['POST', '/v1/status', 404],
    ['POST', '/v1/routes/fiber/explode', 400],
    ['POST', '/v1/routes/fiber/DRAIN', 400],
    ['POST', '/v1/routes/fiber/constructor', 400],
    ['POST', '/v1/routes//drain', 400],
    ['POST', '/v1/routes/fiber/drain/', 404],
    ['POST', '/v1/routes/a%2Fb/drain', 400],
    ['POST', '/v1/routes/..%2F..%2Freload/drain', 400],
    ['POST', '/v1/routes/%00/drain', 400],
    ['POST', '/v1/routes/%0a/drain', 400],
    ['POST', '/v1/routes/%ff/drain', 400],
    ['POST', '/v1/routes/a b/drain', 400],
    ['POST', '/v1/routes/%C3%A9/drain', 400],
    ['POST', `/v1/routes/${'a'.repeat(33)}/drain`, 400],
    ['POST', `/v1/routes/${'a'.repeat(1000)}/drain`, 414],
    ['POST', '/v1/routes/fiber/drain?force=1', 400],
    ['POST', '/v1/reload?file=/etc/passwd', 400],
  ] as const)('%s %s is refused and changes nothing', async (method, url, status) => {
    const calls: Calls = [];
    const answer = await createApp(backend({}, calls)).inject({ method, url });
    expect(answer.statusCode).toBe(status);
    if (method !== 'HEAD') {
      expect(answer.json()).toEqual({
        code: 'E_ARGUMENT',
        message: expect.any(String),
        remedy: expect.any(String),
        type: 'urn:pathrace:error:E_ARGUMENT',
        title: expect.any(String),
        status: answer.statusCode,
        detail: expect.any(String),
      });
    }
    expect(calls).toEqual([]);
  });

  it.each([
    ['application/json', '{"name":"x"}', 400],
    ['application/json', '{', 400],
    ['application/json', '', 400],
    ['application/json', '{"__proto__":1}', 400],
    ['text/plain', 'x', 400],
    ['application/xml', '<x/>', 415],
    ['application/json', `"${'x'.repeat(2000)}"`, 413],
    ['text/plain', 'x'.repeat(1_000_000), 413],
  ])('a body of %s %.20s is refused', async (type, payload, status) => {
    const calls: Calls = [];
    const app = createApp(backend({}, calls));
    for (const url of [RELOAD_PATH, '/v1/routes/fiber/kill']) {
      const answer = await app.inject({ method: 'POST', url, payload, headers: { 'content-type': type } });
      expect([answer.statusCode, answer.json().code]).toEqual([status, 'E_ARGUMENT']);
    }
    expect(calls).toEqual([]);
  });

  it.each([
    ['a flood of headers', `GET /v1/status HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['a long line', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`],
    ['no HTTP', `${'\0\xff'.repeat(1000)}\r\n\r\n`],
    ['two lengths', 'POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n'],
    [
      'a length and chunks',
      'POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'an endless chunk',
      `POST /v1/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n`,
    ],
  ])('%s changes nothing, and others are still answered', async (_, bytes) => {
    const calls = await start();
    const socket = connect(path);
    socket.on('error', () => {});
    socket.write(bytes, 'latin1');
    const said = await Promise.race([
      new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk)))),
      new Promise<string>((resolve) => socket.once('close', () => resolve('closed'))),
      sleep(200, 'silence'),
    ]);
    expect(said).not.toMatch(/^HTTP\/1.1 200/);
    expect(await callControl(path, STATUS_PATH)).toEqual(STATUS);
    expect(calls).toEqual([]);
    socket.destroy();
  });
});

describe('errors', () => {
  it('come back as they were', () => {
    const config = new ConfigError('f', [PROBLEM]);
    const detail = new PathraceError('E_NETLINK', 'm', { found: 'f', expected: 'e', remedy: 'r' });
    for (const error of [config, detail, new PathraceError('E_CONFIG_UNREADABLE', 'm')]) {
      const back = fromAnswer(JSON.parse(JSON.stringify(toProblem(error))));
      expect(back.toString()).toBe(error.toString());
      expect(back.constructor).toBe(error.constructor);
    }
    expect([config, detail, new PathraceError('E_ARGUMENT', 'm')].map(statusOf)).toEqual([422, 500, 400]);
  });

  it.each([
    null,
    7,
    'x',
    [],
    {},
    { code: 7 },
    { code: 'toString' },
    { code: 'E_NEVER', message: 'm' },
    { code: 'E_INTERNAL', message: { toString: null }, remedy: 7, found: [] },
  ])('of unknown shape are E_INTERNAL: %j', (body) => {
    expect(fromAnswer(body).code).toBe('E_INTERNAL');
  });

  it.each([undefined, [], [null], [{}], [{ ...PROBLEM, line: '1' }], [{ ...PROBLEM, message: 7 }], 'x'])(
    'of a configuration with problems %j are no ConfigError',
    (problems) => {
      const error = fromAnswer({ code: 'E_CONFIG_INVALID', message: 'm', file: 'f', problems });
      expect([error.code, error instanceof ConfigError]).toEqual(['E_CONFIG_INVALID', false]);
    },
  );
});
