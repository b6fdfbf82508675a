/** What an operator expects of any command: the usual places, names that are nearly right, monitoring, a gateway that is busy. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ControlBackend, Status } from '../../src/api/contract.js';
import { startControl } from '../../src/api/server.js';
import { unknownName } from '../../src/config/vocabulary.js';
import { OTHERS } from './api-tools.js';
import { runCommand, WORST_STATUS, worstRoute } from './cli-tools.js';

let folder: string;
let control: string;
let file: string;
let status: Status = WORST_STATUS;
const closers: (() => Promise<void> | void)[] = [];

const GOOD = { ...worstRoute(1), name: 'fiber', state: 'up' as const, reasons: [], connections: 7 };
const WELL: Status = { ...WORST_STATUS, alarms: [], routes: [GOOD, { ...GOOD, name: 'cable' }] };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-habits-'));
  control = join(folder, 'control.sock');
  file = join(folder, 'pathrace.yaml');
  writeFileSync(file, 'lan: l\nroutes: { a: { interface: w1 }, b: { interface: w2 } }\nrest: { route: a }\n');
  const backend: ControlBackend = {
    ...OTHERS,
    status: async () => status,
    services: async () => [],
    routes: async () => [],
    why: async () => [],
    memory: async () => [],
    route: async (name) => {
      throw unknownName('route', name, ['fiber', 'cable']);
    },
    reload: async () => ({ applied: true, changes: [], effects: [] }),
    preview: async () => ({ changes: [], effects: [] }),
    config: async () => ({}),
  };
  const started = await startControl(control, backend);
  closers.push(() => started.close());
});

afterAll(async () => {
  for (const close of closers) await close();
  rmSync(folder, { recursive: true, force: true });
});

afterEach(() => {
  status = WORST_STATUS;
});

/** Somebody who listens, and does with each connection what `act` says. */
async function listen(name: string, act: (socket: Socket) => void): Promise<string> {
  const path = join(folder, name);
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    act(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return path;
}

describe('the usual places', () => {
  it('PATHRACE_CONTROL names the socket, --control overrules it, and an empty one says nothing', async () => {
    expect((await runCommand(['status'], { PATHRACE_CONTROL: control })).code).toBe(0);
    const none = join(folder, 'none.sock');
    expect((await runCommand(['status', '--control', control], { PATHRACE_CONTROL: none })).code).toBe(0);
    const { code, err } = await runCommand(['status'], { PATHRACE_CONTROL: none });
    expect([code, err.includes(none)]).toEqual([1, true]);
    for (const env of [{}, { PATHRACE_CONTROL: '' }])
      expect((await runCommand(['status'], env)).err).toContain('/run/pathrace/control.sock');
  });

  it.each([['check'], ['gateway']])(
    '%s reads /etc/pathrace.yaml, or what PATHRACE_CONFIG names',
    async (command) => {
      expect((await runCommand([command])).err).toContain('/etc/pathrace.yaml cannot be read');
      const other = join(folder, 'no.yaml');
      expect((await runCommand([command], { PATHRACE_CONFIG: other })).err).toContain(
        `${other} cannot be read`,
      );
    },
  );

  it('check finds the file, and --diff the gateway of the variable', async () => {
    const env = { PATHRACE_CONFIG: file };
    expect((await runCommand(['check'], env)).out).toBe(`${file}: ok, 2 routes, 0 services\n`);
    const { out } = await runCommand(['check', '--diff'], { ...env, PATHRACE_CONTROL: control });
    expect(out).toContain('The gateway runs with the same configuration.');
  });
});

describe('names that are nearly right', () => {
  it('of a route name the nearest that there is', async () => {
    const { code, err } = await runCommand(['drain', 'fibre', '--control', control]);
    expect([code, err]).toEqual([
      2,
      'pathrace: E_ARGUMENT: There is no such route; did you mean fiber? Found: fibre. Expected: fiber, cable. Remedy: Say fiber, if that is what you mean.\n',
    ]);
    const far = await runCommand(['drain', 'satellite', '--control', control]);
    expect(far.err).toContain('There is no such route. Found: satellite. Expected: fiber, cable.');
    expect(far.err).not.toContain('--help');
  });

  it.each([
    ['statsu', 'status'],
    ['rotues', 'routes'],
    ['undrian', 'undrain'],
  ])('of a command, too: %s', async (typed, meant) => {
    const { code, err } = await runCommand([typed]);
    expect([code, err]).toEqual([2, expect.stringContaining(`Did you mean ${meant}?`)]);
  });
});

describe('a gateway that is there and does not answer', () => {
  it('is busy, and need not be started', async () => {
    const path = await listen('silent.sock', () => {});
    const { code, err } = await runCommand(['status', '--control', path]);
    expect([code, err]).toEqual([1, expect.stringMatching(/^pathrace: E_CONTROL_BUSY: .* within 15000 ms/)]);
    expect(err).not.toContain('Start the gateway');
  });

  it('or takes no more connections', async () => {
    const path = await listen('full.sock', (socket) => socket.destroy());
    const { err } = await runCommand(['status', '--control', path]);
    expect(err).toContain('E_CONTROL_BUSY');
    expect(err).not.toContain('Start the gateway');
  });

  it('is none where nobody listens', async () => {
    const { err } = await runCommand(['status', '--control', join(folder, 'none.sock')]);
    expect(err).toMatch(/E_CONTROL_UNREACHABLE.*Remedy: Start the gateway/);
  });
});

describe('status --check', () => {
  const check = (...args: string[]) => runCommand(['status', '--check', '--control', control, ...args]);

  it('is 0 and OK when all is well, also with a route that an operator has taken out', async () => {
    status = WELL;
    expect(await check()).toEqual({
      code: 0,
      out: 'PATHRACE OK - 2 of 2 routes up | routes_up=2 routes=2 connections=14 alarms=0\n',
      err: '',
    });
    status = { ...WELL, routes: [GOOD, { ...GOOD, state: 'disabled' }] };
    expect((await check()).code).toBe(0);
  });

  it('is 1 and WARNING with an alarm, which it says', async () => {
    status = { ...WELL, alarms: ['route cable is down (no-carrier)', 'a | b\nc'] };
    const { code, out } = await check();
    expect([code, out]).toEqual([
      1,
      'PATHRACE WARNING - route cable is down (no-carrier); a / b?c | routes_up=2 routes=2 connections=14 alarms=2\n',
    ]);
  });

  it('is 2 and CRITICAL when no route is up, or no gateway runs', async () => {
    status = { ...WELL, alarms: ['no route is up'], routes: [{ ...GOOD, state: 'down' }] };
    expect(await check()).toMatchObject({
      code: 2,
      out: expect.stringMatching(/^PATHRACE CRITICAL - no route is up \|/),
    });
    const none = await runCommand(['status', '--check', '--control', join(folder, 'none.sock')]);
    expect(none).toMatchObject({
      code: 2,
      err: '',
      out: expect.stringMatching(/^PATHRACE CRITICAL - No gateway answers/),
    });
  });

  it('is 3 and UNKNOWN when nobody can tell', async () => {
    const path = await listen('mute.sock', () => {});
    const busy = await runCommand(['status', '--check', '--control', path]);
    expect(busy).toMatchObject({ code: 3, err: '', out: expect.stringMatching(/^PATHRACE UNKNOWN - /) });
    const odd = await listen('odd.sock', (socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
    );
    expect((await runCommand(['status', '--check', '--control', odd])).code).toBe(3);
    expect((await runCommand(['status', '--check', '--nonsense'])).code).toBe(3);
  });

  it('is one line, whatever the alarms, and a document with --json', async () => {
    const { out } = await check();
    expect(out.split('\n')).toHaveLength(2);
    expect(JSON.parse((await check('--json')).out)).toMatchObject({ ok: false, verdict: 'down' });
  });
});
