/** Requests before what answers them is loaded: they wait, are told of a failure, or have left. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answering, whenAsked } from '../../src/api/when-asked.js';
import { PathraceError } from '../../src/model/errors.js';

const ANSWERING: Answering = {
  routing: (request, response) => void response.end(`you asked ${request.url}`),
  close: async () => undefined,
};

let server: Server | null = null;

/** Where a server listens whose answers are loaded by `load`. */
async function serve(load: () => Promise<Answering>) {
  const made = whenAsked(load);
  server = createServer(made.routing);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { ...made, at: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

describe('what is loaded when somebody asks', () => {
  it('is not before, and once for all who wait', async () => {
    let loads = 0;
    let finish: (value: Answering) => void = () => undefined;
    const { at } = await serve(() => {
      loads++;
      return new Promise((resolve) => {
        finish = resolve;
      });
    });
    expect(loads).toBe(0);
    const asked = ['/a', '/b', '/c'].map(async (path) => (await fetch(at + path)).text());
    await expect.poll(() => loads).toBe(1);
    finish(ANSWERING);
    expect(await Promise.all(asked)).toEqual(['you asked /a', 'you asked /b', 'you asked /c']);
    expect(await (await fetch(`${at}/d`)).text()).toBe('you asked /d');
    expect(loads).toBe(1);
  });

  it('is waited for longer than an answer, and then no longer', async () => {
    let finish: (value: Answering) => void = () => undefined;
    const { at } = await serve(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    if (server !== null) server.timeout = 100;
    const asked = fetch(`${at}/slow`).then((answer) => answer.text());
    await new Promise((resolve) => setTimeout(resolve, 400));
    finish({
      ...ANSWERING,
      // Never answered: what ends it is the time that the server gives.
      routing: (request, response) => {
        if (request.url === '/slow') response.end('at last');
      },
    });
    expect(await asked).toBe('at last');
    await expect(fetch(`${at}/never`)).rejects.toThrow('fetch failed');
  });

  it('tells who asked that it cannot be, and is tried again with the next', async () => {
    const failures = [new Error('ENOENT: no such file'), new Error('ENOMEM')];
    const { at } = await serve(async () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return ANSWERING;
    });
    for (const reason of ['ENOENT: no such file', 'ENOMEM']) {
      const answer = await fetch(`${at}/v1/status`);
      expect(answer.status).toBe(500);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      const problem = (await answer.json()) as { code: string; detail: string };
      expect(problem.code).toBe('E_INTERNAL');
      expect(problem.detail).toContain(reason);
    }
    expect(await (await fetch(`${at}/x`)).text()).toBe('you asked /x');
  });

  it('is not asked for who has left meanwhile', async () => {
    const answered: (string | undefined)[] = [];
    let finish: (value: Answering) => void = () => undefined;
    const { at } = await serve(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    let requests = 0;
    server?.on('request', () => requests++);
    const leaving = new AbortController();
    const left = fetch(`${at}/left`, { signal: leaving.signal }).catch(() => 'left');
    const stays = fetch(`${at}/stays`).then((answer) => answer.text());
    await expect.poll(() => requests).toBe(2);
    leaving.abort();
    expect(await left).toBe('left');
    await new Promise((resolve) => setTimeout(resolve, 50));
    finish({
      ...ANSWERING,
      routing: (request, response) => {
        answered.push(request.url);
        response.end('heard');
      },
    });
    expect(await stays).toBe('heard');
    expect(answered).toEqual(['/stays']);
  });

  it('is closed if it was loaded', async () => {
    let closed = 0;
    const { at, close } = await serve(async () => ({ ...ANSWERING, close: async () => void closed++ }));
    await close();
    expect(closed).toBe(0);
    await fetch(at);
    await close();
    expect(closed).toBe(1);
  });
});

it('says what to do where that is known', async () => {
  const { at } = await serve(async () => {
    throw new PathraceError('E_INTERNAL', 'Another version was installed.', { remedy: 'Restart it.' });
  });
  expect(await (await fetch(at)).json()).toMatchObject({ code: 'E_INTERNAL', remedy: 'Restart it.' });
});
