/** The API over TCP: who comes in, who does not, and how little anybody can take of it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/api/client/browser.js';
import { socketClient } from '../../src/api/client.js';
import type { ControlBackend } from '../../src/api/contract.js';
import { EventHub, MAX_STREAMS_OF_ONE } from '../../src/api/events.js';
import { Listeners, MAX_TCP_OF_ONE } from '../../src/api/listeners.js';
import { Page } from '../../src/api/page.js';
import { startControl } from '../../src/api/server.js';
import { TcpDoor } from '../../src/api/tcp-door.js';
import { makeToken, type Token } from '../../src/api/tokens.js';
import type { ApiConfig } from '../../src/model/config.js';
import { PathraceError } from '../../src/model/errors.js';
import { OTHERS } from './api-tools.js';

const READ = makeToken('eye', 'read');
const OPERATE = makeToken('hand', 'operate');

let folder: string;
let port: number;
let config: Pick<ApiConfig, 'hosts' | 'anonymous'>;
let tokens: Token[];
let calls: string[];
let hub: EventHub;
let listeners: Listeners;
let page: Page | null;
let now: number;
const closers: (() => Promise<void>)[] = [];

const BACKEND: ControlBackend = {
  ...OTHERS,
  status: async () => ({ version: '1' }) as never,
  routes: async () => [],
  services: async () => [],
  why: async () => [],
  memory: async () => [],
  route: async (route) => {
    calls.push(route);
    return { route, state: 'draining', cut: 0 };
  },
  reload: async () => ({ applied: true, changes: [], effects: [] }),
  preview: async () => ({ changes: [], effects: [] }),
  config: async () => ({}),
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-tcp-'));
  config = { hosts: ['gateway.example'], anonymous: 'none' };
  tokens = [READ.token, OPERATE.token];
  calls = [];
  page = null;
  now = 1000;
  hub = new EventHub();
  const control = await startControl(join(folder, 'c.sock'), BACKEND, { hub, page: () => page });
  closers.push(() => control.close());
  const door = new TcpDoor(
    () => ({ config, tokens }),
    () => now,
  );
  listeners = new Listeners(control.routing, door);
  closers.push(() => listeners.close());
  port = await freePort();
  await listeners.follow({ listen: [{ address: '127.0.0.1', port }], tls: null });
  expect(listeners.alarms()).toEqual([]);
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port: found } = server.address() as { port: number };
      server.close(() => resolve(found));
    });
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly json: Record<string, unknown>;
}

function ask(
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
    tls = false,
  }: { method?: string; headers?: Record<string, string>; body?: string; tls?: boolean } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path,
      method,
      headers,
      agent: false,
      rejectUnauthorized: false,
    };
    const sent = (tls ? tlsRequest : plainRequest)(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => {
        const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text, json });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const bearer = (text: string): Record<string, string> => ({ authorization: `Bearer ${text}` });

/** What a connection is answered that sends these bytes. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', () => undefined);
  });
}

describe('who may come in', () => {
  it.each([
    ['nobody', {}, 401, 'E_UNAUTHENTICATED'],
    ['a wrong token', bearer('pathrace_wrong'), 401, 'E_UNAUTHENTICATED'],
    ['half a token', bearer(READ.text.slice(0, -1)), 401, 'E_UNAUTHENTICATED'],
    ['another scheme', { authorization: `Basic ${READ.text}` }, 401, 'E_UNAUTHENTICATED'],
    ['a foreign name', { ...bearer(READ.text), host: 'evil.example' }, 403, 'E_FORBIDDEN'],
    ['a name that points here', { ...bearer(READ.text), host: `evil.example:1` }, 403, 'E_FORBIDDEN'],
    ['another address', { ...bearer(READ.text), host: '127.0.0.2' }, 403, 'E_FORBIDDEN'],
    ['a foreign page', { ...bearer(READ.text), origin: 'https://evil.example' }, 403, 'E_FORBIDDEN'],
    ['a page without origin', { ...bearer(READ.text), origin: 'null' }, 403, 'E_FORBIDDEN'],
    [
      'what a foreign page fetches',
      { ...bearer(READ.text), 'sec-fetch-site': 'cross-site' },
      403,
      'E_FORBIDDEN',
    ],
  ])('not %s', async (_, headers, status, code) => {
    const answer = await ask('/v1/status', { headers });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ code, status });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body).not.toContain(READ.text.slice(9));
  });

  it('whoever has a token, by an address, localhost, or a name of the operator', async () => {
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'gateway.example', 'Gateway.Example:8443'])
      expect((await ask('/v1/status', { headers: { ...bearer(READ.text), host } })).status).toBe(200);
    const origin = `http://127.0.0.1:${port}`;
    expect((await ask('/v1/status', { headers: { ...bearer(READ.text), origin } })).status).toBe(200);
  });

  it('changes nothing for who may only read', async () => {
    const drain = { method: 'POST' };
    const refused = await ask('/v1/routes/fiber/drain', { ...drain, headers: bearer(READ.text) });
    expect([refused.status, refused.json.code]).toEqual([403, 'E_FORBIDDEN']);
    expect((await ask('/v1/routes/fiber/drain', drain)).status).toBe(401);
    expect(calls).toEqual([]);
    expect((await ask('/v1/routes/fiber/drain', { ...drain, headers: bearer(OPERATE.text) })).status).toBe(
      200,
    );
    expect(calls).toEqual(['fiber']);
  });

  it('lets everybody ask where the configuration says so, and nobody change', async () => {
    config = { ...config, anonymous: 'read' };
    expect((await ask('/v1/status')).status).toBe(200);
    expect((await ask('/v1/status', { headers: { host: 'evil.example' } })).status).toBe(403);
    expect((await ask('/v1/routes/fiber/drain', { method: 'POST' })).status).toBe(401);
  });

  it('tells load balancers how it is, and no more', async () => {
    const health = await ask('/v1/health');
    expect([health.status, health.json.alarms]).toEqual([200, []]);
    expect((await ask('/v1/health', { headers: bearer(READ.text) })).json.alarms).toHaveLength(1);
    expect((await ask('/v1/openapi.json')).json.openapi).toBe('3.1.1');
  });

  it('stops looking at tokens of who was wrong too often, and goes on later', async () => {
    const statuses = [];
    for (let i = 0; i < 12; i++)
      statuses.push((await ask('/v1/status', { headers: bearer(`x${i}`) })).status);
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
    const late = await ask('/v1/status', { headers: bearer(READ.text) });
    expect([late.status, late.headers['retry-after']]).toEqual([429, '6']);
    now += 7000;
    expect((await ask('/v1/status', { headers: bearer(READ.text) })).status).toBe(200);
  });

  it('has headers that keep a page to itself', async () => {
    const { headers } = await ask('/v1/health');
    expect(headers['content-security-policy']).toMatch(/^default-src 'self';.*frame-ancestors 'none'/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['cache-control']).toBe('no-store');
  });
});

describe('a session', () => {
  async function logIn(text: string): Promise<{ cookie: string; csrf: string; answer: Answer }> {
    const answer = await ask('/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: text }),
    });
    const [set = ''] = (answer.headers['set-cookie'] ?? []) as string[];
    return { cookie: set.split(';')[0], csrf: String(answer.json.csrf), answer };
  }

  it('stands for its token, and changes nothing without the word of its page', async () => {
    const { cookie, csrf, answer } = await logIn(OPERATE.text);
    expect(answer.json).toMatchObject({ role: 'operate', name: 'hand' });
    expect(String(answer.headers['set-cookie'])).toMatch(/HttpOnly; SameSite=Strict$/);
    expect((await ask('/v1/session', { headers: { cookie } })).json).toMatchObject({ role: 'operate', csrf });
    expect((await ask('/v1/status', { headers: { cookie } })).status).toBe(200);
    const drain = (headers: Record<string, string>) => ask('/v1/routes/a/drain', { method: 'POST', headers });
    expect((await drain({ cookie })).status).toBe(403);
    expect((await drain({ cookie, 'x-pathrace-csrf': 'x' })).status).toBe(403);
    expect((await drain({ cookie, 'x-pathrace-csrf': csrf, origin: 'http://evil.example' })).status).toBe(
      403,
    );
    expect(calls).toEqual([]);
    expect((await drain({ cookie, 'x-pathrace-csrf': csrf })).status).toBe(200);
  });

  it('ends by itself, when it is ended, and with its token', async () => {
    const first = await logIn(READ.text);
    await ask('/v1/session', {
      method: 'DELETE',
      headers: { cookie: first.cookie, 'x-pathrace-csrf': first.csrf },
    });
    expect((await ask('/v1/status', { headers: { cookie: first.cookie } })).status).toBe(401);
    const second = await logIn(READ.text);
    now += 3_600_001;
    expect((await ask('/v1/status', { headers: { cookie: second.cookie } })).status).toBe(401);
    const third = await logIn(READ.text);
    tokens = [OPERATE.token];
    expect((await ask('/v1/status', { headers: { cookie: third.cookie } })).status).toBe(401);
    expect((await logIn('pathrace_wrong')).answer.status).toBe(401);
  });
});

describe('the bounds', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1.1 400/],
    ['a head too long', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 431/],
    [
      'two lengths',
      'POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      /^HTTP\/1.1 400/,
    ],
    [
      'smuggling',
      'POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 400/,
    ],
  ])('refuse %s', async (_, bytes, expected) => {
    expect(await raw(bytes)).toMatch(expected);
    expect(listeners.refused.malformed).toBeGreaterThan(0);
    expect((await ask('/v1/health')).status).toBe(200);
  });

  it('refuse bodies that are too large, or not what they say', async () => {
    const headers = { ...bearer(OPERATE.text), 'content-type': 'application/json' };
    const pins = (body: string) => ask('/v1/memory/pins', { method: 'POST', headers, body });
    expect((await pins('x'.repeat(2000))).status).toBe(413);
    for (const body of [
      '{',
      '[]',
      '{"destination":"192.0.2.1","route":"a","seconds":0}',
      '{"destination":"x y","route":"a","seconds":1}',
    ])
      expect((await pins(body)).status, body).toBe(400);
    const yaml = { ...headers, 'content-type': 'text/yaml' };
    const apply = await ask('/v1/config/apply', { method: 'PUT', headers: yaml, body: 'x'.repeat(300_000) });
    expect(apply.status).toBe(413);
  });

  it('take no more connections of one address than that, and others go on when they are gone', async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < MAX_TCP_OF_ONE + 20; i++) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      sockets.push(socket);
    }
    await sleep(300);
    expect(listeners.size).toBe(MAX_TCP_OF_ONE);
    expect(listeners.refused.connections).toBe(20);
    for (const socket of sockets) socket.destroy();
    await sleep(100);
    expect((await ask('/v1/health')).status).toBe(200);
  });

  it('end a connection that says its request too slowly', async () => {
    const before = performance.now();
    expect(await raw('GET /v1/health HTTP/1.1\r\nHost: ')).toMatch(/^HTTP\/1.1 408/);
    expect(performance.now() - before).toBeLessThan(9000);
  }, 15_000);

  it('bound streams: a thousand of one address are eight, and one that is not read is ended', async () => {
    const streams: Socket[] = [];
    const open = (): Socket => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          `GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${READ.text}\r\n\r\n`,
        ),
      );
      socket.on('error', () => undefined);
      streams.push(socket);
      return socket;
    };
    for (let i = 0; i < 1000; i++) open();
    await waitFor(() => hub.size === MAX_STREAMS_OF_ONE);
    // Those that would be too many have time to be let in.
    await sleep(500);
    expect(hub.size).toBe(MAX_STREAMS_OF_ONE);
    expect(listeners.size).toBeLessThanOrEqual(MAX_TCP_OF_ONE);
    for (const socket of streams.splice(0)) socket.destroy();
    await waitFor(() => hub.size === 0);
    // One that never reads, beside one that does.
    open().pause();
    let seen = '';
    open()
      .setEncoding('utf8')
      .on('data', (text: string) => {
        seen += text.slice(0, 200);
      });
    await waitFor(() => hub.size === 2);
    const alarm = 'x'.repeat(20_000);
    for (let i = 0; i < 2000 && hub.size === 2; i++) {
      hub.publish('alarm', { alarms: [alarm], raised: [], cleared: [] });
      // Who reads gets it before the next one.
      const length = seen.length;
      await waitFor(() => seen.length > length);
    }
    expect([hub.size, hub.dropped]).toEqual([1, 1]);
    expect(seen).toContain('event: alarm');
  }, 20_000);
});

describe('the stream', () => {
  it('goes on behind the last event, and tells a typed client', async () => {
    const client = createClient({ base: `http://127.0.0.1:${port}`, token: READ.text });
    const seen: string[] = [];
    const end = client.follow(
      { event: (name, data) => seen.push(`${name} ${JSON.stringify(data).slice(0, 40)}`) },
      ['route'],
    );
    await waitFor(() => hub.size === 1);
    const event = (route: string) => ({ route, state: 'up', before: null, reasons: [], since: 'x' }) as const;
    hub.publish('route', event('a'));
    hub.publish('alarm', { alarms: [], raised: [], cleared: [] });
    await waitFor(() => seen.length === 1);
    end();
    await waitFor(() => hub.size === 0);
    const first = await firstEvents('');
    hub.publish('route', event('b'));
    expect(first).not.toContain('"route":"b"');
    const missed = await firstEvents(
      `last-event-id: ${/id: (\S+)/.exec(await firstEvents('', () => hub.publish('route', event('c'))))?.[1]}\r\n`,
      () => hub.publish('route', event('d')),
    );
    expect(missed).toContain('"route":"d"');
    expect(missed).not.toContain('"route":"b"');
    for (const forged of ['x', 'x-1', `${'9'.repeat(50)}-1`, '-1'])
      expect(await firstEvents(`last-event-id: ${forged}\r\n`)).not.toContain('event:');
    expect(await client.call('GET /v1/routes')).toEqual([]);
    await expect(client.call('POST /v1/reload')).rejects.toMatchObject({ code: 'E_FORBIDDEN' });
  });

  /** What a new stream says at first. */
  async function firstEvents(header: string, then: () => void = () => undefined): Promise<string> {
    let text = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(
        `GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${READ.text}\r\n${header}\r\n`,
      ),
    );
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await waitFor(() => text.includes('retry:'));
    then();
    await sleep(100);
    socket.destroy();
    await waitFor(() => hub.size === 0);
    return text;
  }
});

async function waitFor(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !holds(); i++) await sleep(20);
  expect(holds()).toBe(true);
}

describe('the page', () => {
  it('is files of one folder, and nothing beside it', async () => {
    const web = join(folder, 'web');
    mkdirSync(join(web, 'assets'), { recursive: true });
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    symlinkSync(join(folder, 'secret.txt'), join(web, 'link.txt'));
    writeFileSync(join(web, 'index.html'), '<!doctype html><title>p</title>');
    writeFileSync(join(web, 'assets', 'main-abcdef12.js'), 'let a');
    writeFileSync(join(web, 'assets', 'main-abcdef12.js.gz'), 'packed');
    page = await Page.of(web);
    const index = await ask('/');
    expect([index.status, index.headers['cache-control'], index.headers['content-type']]).toEqual([
      200,
      'no-cache',
      'text/html; charset=utf-8',
    ]);
    expect((await ask('/', { headers: { 'if-none-match': String(index.headers.etag) } })).status).toBe(304);
    const asset = await ask('/assets/main-abcdef12.js');
    expect([asset.body, asset.headers['cache-control']]).toEqual([
      'let a',
      'public, max-age=31536000, immutable',
    ]);
    const packed = await ask('/assets/main-abcdef12.js', { headers: { 'accept-encoding': 'gzip, br' } });
    expect([packed.body, packed.headers['content-encoding']]).toEqual(['packed', 'gzip']);
    expect((await ask('/flows')).body).toContain('<title>');
    for (const path of [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/link.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/assets//..//secret.txt',
    ])
      expect((await ask(path)).body, path).not.toContain('secret\n');
    expect((await ask('/link.txt')).status).toBe(404);
    expect((await ask('/', { headers: { host: 'evil.example' } })).status).toBe(403);
  });

  it('is a hint where it is not built', async () => {
    page = await Page.of(null);
    expect((await ask('/')).body).toMatch(/^This is the API/);
    expect((await ask('/x')).status).toBe(404);
  });
});

describe('listening', () => {
  it('follows the configuration: other addresses, TLS, and files that are not there yet', async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const listen = [{ address: '127.0.0.1', port }];
    await listeners.follow({ listen, tls: { cert, key } });
    expect(listeners.alarms().join()).toMatch(/certificate or its key cannot be read: ENOENT/);
    await expect(ask('/v1/health')).rejects.toThrow();
    certify(cert, key, 'one');
    await listeners.follow({ listen, tls: { cert, key } });
    expect(listeners.alarms()).toEqual([]);
    expect((await ask('/v1/health', { tls: true })).status).toBe(200);
    await ask('/v1/health').catch(() => undefined);
    expect(listeners.refused.tlsErrors + listeners.refused.malformed).toBeGreaterThan(0);
    certify(cert, key, 'two');
    await listeners.follow({ listen, tls: { cert, key } });
    expect((await ask('/v1/health', { tls: true })).status).toBe(200);
    await listeners.follow({ listen: [], tls: null });
    await expect(ask('/v1/health')).rejects.toThrow();
    const taken = createServer().listen(port, '127.0.0.1');
    await sleep(100);
    await listeners.follow({ listen, tls: null });
    expect(listeners.alarms().join()).toMatch(/does not listen at 127.0.0.1:\d+: EADDRINUSE/);
    await new Promise((resolve) => taken.close(resolve));
    await listeners.follow({ listen, tls: null });
    expect((await ask('/v1/health')).status).toBe(200);
  });
});

function certify(cert: string, key: string, name: string): void {
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '1',
  ];
  const { status } = spawnSync('openssl', [...args, '-keyout', key, '-out', cert, '-subj', `/CN=${name}`]);
  expect(status).toBe(0);
}

describe('a configuration', () => {
  it('is applied over the file that was read, and over no other', async () => {
    const asked: (string | null)[] = [];
    BACKEND.apply = async (_, digest) => {
      asked.push(digest);
      if (digest !== null && digest !== 'a'.repeat(64))
        throw new PathraceError('E_CONFIG_CHANGED', 'the file has been changed since it was read.');
      return { applied: true, changes: [], effects: [], file: '/etc/x', backup: null };
    };
    const clients = [
      createClient({ base: `http://127.0.0.1:${port}`, token: OPERATE.text }).call,
      socketClient(join(folder, 'c.sock')),
    ];
    for (const call of clients) {
      const apply = (digest: string) =>
        call('PUT /v1/config/apply', { headers: { 'If-Match': `"${digest}"` }, body: 'lan: lan0' });
      expect(await apply('a'.repeat(64))).toMatchObject({ applied: true });
      await expect(apply('b'.repeat(64))).rejects.toMatchObject({ code: 'E_CONFIG_CHANGED' });
      expect(await call('PUT /v1/config/apply', { body: 'lan: lan0' })).toMatchObject({ applied: true });
    }
    const once = ['a'.repeat(64), 'b'.repeat(64), null];
    expect(asked).toEqual([...once, ...once]);
  });
});
