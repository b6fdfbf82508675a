import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ControlBackend, Decision, Status } from '../../src/api/contract.js';
import { startControl } from '../../src/api/server.js';
import { explainDecision } from '../../src/api/words/decisions.js';
import { parseDestination } from '../../src/cli/destination.js';
import { main } from '../../src/cli/main.js';
import { renderStatus } from '../../src/cli/status.js';
import { renderWhy } from '../../src/cli/why.js';
import { CRITERIA, type GatewayConfig } from '../../src/model/config.js';
import { PathraceError } from '../../src/model/errors.js';
import { OUTCOME_REASONS, SINGLE_REASONS } from '../../src/model/reasons.js';
import { OTHERS } from './api-tools.js';

const ran: { config?: GatewayConfig; demo?: readonly string[]; force?: boolean; left?: string[] } = {};
vi.mock('../../src/daemon/run.js', () => ({
  runGateway: async (config: GatewayConfig, _file: string, io: { stdout: { write(text: string): void } }) => {
    ran.config = config;
    io.stdout.write('ready\n');
    return 0;
  },
}));
// Its thread needs the compiled program, as every gateway of the lab has it.
vi.mock('../../src/config/parse-apart.js', async () => {
  const { loadConfig } = await import('../../src/config/load.js');
  return { loadApart: async (path: string) => loadConfig(path) };
});
vi.mock('../../src/kernel/cleanup.js', () => ({
  cleanUp: async ({ force }: { force: boolean }) => {
    ran.force = force;
    if (force) throw new TypeError('cannot read properties of undefined');
    return {
      removed: ['table inet pathrace', 'ip rule 20500'],
      restored: ['sysctl net/ipv4/ip_forward'],
      left: ran.left ?? [],
    };
  },
}));
vi.mock('../../lab/demo.js', () => ({
  runDemo: async (argv: readonly string[]) => {
    ran.demo = argv;
    return 1;
  },
}));
vi.mock('../../bench/main.js', () => ({ runBench: async () => 0 }));

/** Runs a command and collects what it prints. */
async function run(args: readonly string[], env: Record<string, string> = {}, isTTY = false) {
  const written = { out: '', err: '' };
  const collect = (key: 'out' | 'err') => (text: string) => {
    written[key] += text;
  };
  const code = await main(args, {
    stdout: { isTTY, write: collect('out') },
    stderr: { write: collect('err') },
    env,
  });
  return { code, ...written };
}

const STATUS: Status = {
  version: '0.1.0',
  alarms: [],
  notes: [],
  memory: { destinations: 1234, trusted: 900, inKernel: 512, size: 100_000, evicted: 0, rescues: 1 },
  uptimeSeconds: 93_784,
  routes: [
    route('a', { attempts: 1_234_567, wins: 300, addresses: ['203.0.1.2', 'fd03:1::2'] }),
    route('b', { state: 'down', reasons: ['no-carrier'], wins: 100 }),
  ],
  races: { started: 402, decided: 400, failed: 1, active: 1, single: { 'rate-limit': 7 } },
  fastPath: { wanted: 'auto', state: 'unavailable', why: 'Error: Could not process rule' },
  cutting: { cut: 12_345, left: 6789 },
  packets: { dropped: { fragment: 12 }, ignored: {}, queue: { lan: 402, wan: 900 } },
};

function route(name: string, more: Partial<Status['routes'][number]>): Status['routes'][number] {
  const zero = { attempts: 0, wins: 0, losses: 0, connections: 0, addresses: [], gateways: [], reasons: [] };
  const busy = { traffic: { in: 0, out: 0 }, quota: { used: 0, bytes: null }, rescues: 0, portUse: 0 };
  const since = '2024-03-01T00:00:00.000Z';
  return { name, state: 'up', interface: `wan-${name}`, since, ...zero, ...busy, ...more };
}

const DECISION: Decision = {
  time: '2024-03-01T02:59:07.123Z',
  client: '192.0.2.10:40001',
  destination: '198.51.100.7:443',
  route: 'a',
  criterion: 'race',
  reasons: ['first-reply'],
  routes: [
    { route: 'a', rttMicros: 12_345, answer: 'syn-ack' },
    { route: 'b', rttMicros: 870, answer: 'rst' },
    { route: 'c', answer: 'silence' },
  ],
};
const NOWHERE: Decision = { ...DECISION, route: null, reasons: ['all-routes-silent'] };

let folder: string;
let control: string;
let good: string;
let bad: string;
let close: () => Promise<void>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-cli-'));
  control = join(folder, 'control.sock');
  good = join(folder, 'good.yaml');
  bad = join(folder, 'bad.yaml');
  writeFileSync(good, 'lan: l\nroutes: { a: { interface: w1 }, b: { interface: w2 } }\nrest: { route: a }\n');
  writeFileSync(bad, 'lan: l\nroutes: { a: { interface: w1 }, b: { intrface: w2 } }\nrest: { route: c }\n');
  const backend: ControlBackend = {
    ...OTHERS,
    status: async () => STATUS,
    routes: async () => STATUS.routes,
    services: async () => [],
    why: async ({ address }) => (address === '198.51.100.7' ? [DECISION, NOWHERE] : []),
    memory: async () => [],
    route: async (name) => ({ route: name, state: 'up', cut: 0 }),
    reload: async () => ({ applied: true, changes: [], effects: [] }),
    preview: async () => ({ changes: [], effects: [] }),
    config: async () => ({}),
  };
  const started = await startControl(control, backend);
  close = () => started.close();
});

afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

afterEach(() => {
  for (const key of Object.keys(ran)) delete ran[key as keyof typeof ran];
});

describe('gateway', () => {
  it('runs with the configuration', async () => {
    expect(await run(['gateway', '--config', good])).toEqual({ code: 0, out: 'ready\n', err: '' });
    expect(ran.config?.routes).toHaveLength(2);
  });

  it('starts nothing with a bad configuration and lists every mistake', async () => {
    const { code, out, err } = await run(['gateway', '--config', bad]);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(ran.config).toBeUndefined();
    const lines = err.split('\n');
    expect(lines[0]).toMatch(
      /:2:33 routes\.b\.interface: This key is required\. \(found nothing; allowed .*\)$/,
    );
    expect(lines[1]).toMatch(
      /:2:38 routes\.b\.intrface: Unknown key; did you mean interface\? \(found intrface; allowed .*\)$/,
    );
    expect(lines[2]).toBe(`${bad}:3:16 rest.route: There is no such route. (found "c"; allowed a, b)`);
  });
});

describe('check', () => {
  it('is content with a good file', async () => {
    expect(await run(['check', good])).toEqual({
      code: 0,
      out: `${good}: ok, 2 routes, 0 services\n`,
      err: '',
    });
    const { code, out } = await run(['check', good, '--json']);
    expect([code, JSON.parse(out).ok, JSON.parse(out).config.rest.route]).toEqual([0, true, 'a']);
  });

  it('prints every problem of a bad one', async () => {
    const { code, out, err } = await run(['check', bad]);
    expect([code, out.trim().split('\n').length, err]).toEqual([1, 3, '']);
    const json = JSON.parse((await run(['check', '--json', bad])).out);
    const problems = [{ line: 2 }, { line: 2 }, { line: 3, column: 16 }];
    expect(json).toMatchObject({ ok: false, error: { code: 'E_CONFIG_INVALID', file: bad, problems } });
  });

  it.each(['/nowhere/x.yaml', '/', '/dev/zero'])('%s is not a configuration', async (file) => {
    const { code, out, err } = await run(['check', file]);
    expect(code).toBe(1);
    expect(out + err).not.toMatch(/\n\s+at /);
    expect(out + err).toMatch(/E_CONFIG_UNREADABLE|too large/);
  });
});

describe('status', () => {
  it('prints an aligned table', async () => {
    const { code, out } = await run(['status', '--control', control]);
    expect(code).toBe(0);
    expect(out).toBe(`Pathrace 0.1.0, up 1 d 2 h

ROUTE  STATE  CONNECTIONS  ATTEMPTS  WINS  OF ALL WINS  LOSSES
a      up               0    1.23 M   300         75 %       0
b      down             0         0   100         25 %       0
    no-carrier

memory: 1 234 of 100 000 destinations, 900 trusted, 512 decided by the kernel, 0
  evicted, 1 rescue

fast path: unavailable: Error: Could not process rule

cutting: 6 789 connections left, 12 345 cut since the start

races
  402  started
  400  decided
    1  failed
    1  active

without a race, by reason
  7  rate-limit

packets dropped, by reason
  12  fragment

packets ignored, by reason: none

packets queued to the daemon
  900  wan
  402  lan
`);
  });

  it('shows all columns with --wide, in lines as long as they are', async () => {
    expect((await run(['status', '--control', control, '--wide'])).out).toContain(`
ROUTE  STATE  INTERFACE  CONNECTIONS   ATTEMPTS  WINS  OF ALL WINS  LOSSES  ADDRESSES
a      up     wan-a                0  1 234 567   300         75 %       0  203.0.1.2 fd03:1::2
b      down   wan-b                0          0   100         25 %       0  (no-carrier)

memory: 1 234 of 100 000 destinations, 900 trusted, 512 decided by the kernel, 0 evicted, 1 rescue
`);
  });

  it.each([
    ['same', 'configuration: /etc/pathrace.yaml in use as it is\n'],
    ['changed', 'configuration: /etc/pathrace.yaml has changed since it was read: `pathrace check\n'],
    ['waiting', 'configuration: /etc/pathrace.yaml was read, and some of it waits for a restart:\n'],
    ['applying', 'configuration: /etc/pathrace.yaml is being applied: what is shown here is what\n'],
    ['failed', 'configuration: /etc/pathrace.yaml was read and could not be applied: it is tried\n'],
    ['gone', 'configuration: /etc/pathrace.yaml cannot be read now; what it said is still in\n'],
  ] as const)('says whether the file is what runs: %s', (state, line) => {
    const configuration = {
      file: '/etc/pathrace.yaml',
      readAt: STATUS.routes[0]!.since,
      state,
      differences: 0,
    };
    expect(renderStatus({ ...STATUS, configuration }, (_, shown) => shown)).toContain(line);
  });

  it('uses colour on a terminal only, and not against NO_COLOR', async () => {
    expect((await run(['status', '--control', control], {}, true)).out).toContain('\x1b[32mup\x1b[0m');
    expect((await run(['status', '--control', control], { NO_COLOR: '1' }, true)).out).not.toContain('\x1b');
  });

  it('shows alarms first, and states in their colours', () => {
    const states = ['up', 'suspect', 'down', 'draining', 'disabled'] as const;
    const routes = states.map((state) => route(`is-${state}`, { state }));
    const status = { ...STATUS, routes, alarms: ['is-down is down: no-carrier.', 'a \x1b[2J'] };
    const text = renderStatus(status, (colour, shown) => `<${colour}>${shown}</>`);
    expect(text.split('\n').slice(0, 4)).toEqual([
      '<red>! is-down is down: no-carrier.</>',
      '<red>! a ?[2J</>',
      '',
      '<bold>Pathrace 0.1.0</>, up 1 d 2 h',
    ]);
    const colours = states.map((state) => new RegExp(`<(\\w+)>${state}</>`).exec(text)?.[1]);
    expect(colours).toEqual(['green', 'yellow', 'red', 'dim', 'dim']);
  });

  it('passes the answer on as JSON', async () => {
    const { out } = await run(['status', '--control', control, '--json']);
    expect(JSON.parse(out)).toEqual({ format: 1, ok: true, ...STATUS });
  });

  it('says that there is no gateway', async () => {
    const { code, err } = await run(['status', '--control', join(folder, 'none.sock')]);
    expect(code).toBe(1);
    expect(err).toMatch(/^pathrace: E_CONTROL_UNREACHABLE: .* Remedy: .*\n$/);
    const json = await run(['status', '--json', '--control', join(folder, 'none.sock')]);
    expect(json.err).toBe('');
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      error: { code: 'E_CONTROL_UNREACHABLE', remedy: expect.any(String) },
    });
  });
});

describe('why', () => {
  it('explains each decision in a block, the newest first', async () => {
    const { code, out } = await run(['why', '198.51.100.7:443', '--control', control]);
    expect(code).toBe(0);
    expect(out).toBe(`2024-03-01 02:59:07.123 UTC  192.0.2.10:40001 -> 198.51.100.7:443
  went by a: the first to answer (race, first-reply)
 >  a    12.3 ms  syn-ack: accepted; carries it
    b    0.87 ms  rst: refused the connection
    c          -  silence: no answer

2024-03-01 02:59:07.123 UTC  192.0.2.10:40001 -> 198.51.100.7:443
  went nowhere: no route answered (race, all-routes-silent)
    a    12.3 ms  syn-ack: accepted
    b    0.87 ms  rst: refused the connection
    c          -  silence: no answer
`);
  });

  it('says of a flow that passes by the rules that it does', () => {
    const text = renderWhy('198.51.100.7', [{ ...DECISION, fastPath: true }], (_, shown) => shown);
    expect(text.split('\n').slice(1, 3)).toEqual([
      '  went by a: the first to answer (race, first-reply)',
      '  established: its packets take the kernel’s fast path',
    ]);
  });

  it('says so when nothing is remembered', async () => {
    const { code, out } = await run(['why', '2001:db8::1', '--control', control]);
    expect([code, out]).toEqual([
      0,
      'Nothing is known of 2001:db8::1: no such connection is open, and no decision\nabout one is remembered.\n',
    ]);
    const json = JSON.parse((await run(['why', '2001:db8::1', '--control', control, '--json'])).out);
    expect(json).toEqual({ format: 1, ok: true, decisions: [] });
  });

  it.each([
    ['weighted', ['criterion'], 'chosen in turn by weight'],
    ['fixed', [], 'chosen by name'],
    ['memory', ['remembered'], 'chosen as the fastest that is remembered'],
    ['weighted', ['affinity'], 'chosen to stay with its group'],
    ['single', ['ports-exhausted'], 'not raced: no source port is free'],
    [
      'weighted',
      ['criterion', 'rescued'],
      'rescued from c, which was chosen in turn by weight but did not answer',
    ],
    ['single', ['rescued'], 'rescued from c, which did not answer'],
    ['of-the-future', ['unheard'], ''],
    ['constructor', ['__proto__', 'toString'], ''],
  ])('says of %s %j: %s', (criterion, reasons, words) => {
    expect(explainDecision({ ...DECISION, criterion, reasons })).toBe(words);
  });

  it('has words for every reason that the engine knows', () => {
    for (const reason of [...OUTCOME_REASONS, ...SINGLE_REASONS]) {
      const criterion = reason === 'criterion' ? 'hash' : 'single';
      expect([reason, explainDecision({ ...DECISION, criterion, reasons: [reason] })]).not.toContain('');
    }
    for (const criterion of CRITERIA.filter((name) => name !== 'race')) {
      expect([criterion, explainDecision({ ...DECISION, criterion, reasons: ['criterion'] })]).not.toContain(
        '',
      );
    }
  });

  it('never lets an answer steer the terminal', async () => {
    const { renderWhy } = await import('../../src/cli/why.js');
    const routes = [{ route: '\x1b[1m', answer: 'silence' }];
    const evil = { ...DECISION, client: '\x1b]0;x\x07', reasons: ['\x1b[2J', 'rescued'], routes };
    const text = renderWhy('x', [evil], (_, shown) => shown);
    expect(text).not.toMatch(/[\x1b\x07]/);
  });

  it.each([
    ['198.51.100.7', '198.51.100.7', null],
    ['198.51.100.7:443', '198.51.100.7', 443],
    ['2001:DB8:0::1', '2001:db8::1', null],
    ['[2001:db8::1]:443', '2001:db8::1', 443],
    ['[2001:db8::1]', '2001:db8::1', null],
    ['::ffff:1.2.3.4', '1.2.3.4', null],
  ])('understands %s', (text, address, port) => {
    expect(parseDestination(text)).toEqual({ address, port });
  });

  it.each([
    '',
    'example.org',
    '1.2.3',
    '1.2.3.4:0',
    '1.2.3.4:65536',
    '1.2.3.4:',
    '1.2.3.4/24',
    '01.2.3.4',
    '[1::2',
    '1::2]:3',
    '[fe80::1%lo]:3',
    ':::1',
    '[]:80',
    '1.2.3.4:80 ',
    '1.2.3.4:8e1',
    'x'.repeat(10_000),
  ])('refuses %j', (text) => {
    expect(() => parseDestination(text)).toThrow(PathraceError);
  });

  it('calls a wrong destination wrong usage', async () => {
    const { code, err } = await run(['why', 'exam ple.org']);
    expect([code, err.includes('E_ARGUMENT')]).toEqual([2, true]);
  });
});

describe('the other commands', () => {
  it('cleanup prints what it removed', async () => {
    const { code, out } = await run(['cleanup']);
    expect([code, out, ran.force]).toEqual([
      0,
      'removed table inet pathrace\nremoved ip rule 20500\nrestored sysctl net/ipv4/ip_forward\n',
      false,
    ]);
    expect(JSON.parse((await run(['cleanup', '--json'])).out).removed).toHaveLength(2);
  });

  it('cleanup says what it could not remove, and fails', async () => {
    ran.left = ['nft table inet pathrace (Permission denied)'];
    const { code, err } = await run(['cleanup']);
    ran.left = [];
    expect([code, err]).toEqual([1, 'could not remove nft table inet pathrace (Permission denied)\n']);
  });

  it('a bug is one line, and shows its origin only for debugging', async () => {
    const { code, err } = await run(['cleanup', '--force']);
    expect([code, err.split('\n').length]).toEqual([1, 2]);
    expect(err).toContain('E_INTERNAL: cannot read properties of undefined');
    expect((await run(['cleanup', '--force'], { PATHRACE_DEBUG: '1' })).err).toContain('\n    at ');
  });

  it('demo gets its arguments as they are', async () => {
    expect((await run(['demo', '--for', '20s', '--json', 'x', '--help'])).code).toBe(1);
    expect(ran.demo).toEqual(['--for', '20s', '--json', 'x', '--help']);
    expect((await run(['bench', '--quick'])).code).toBe(0);
  });

  it.each([
    [[], 2],
    [['--help'], 0],
    [['--version'], 0],
    [['help', 'why'], 0],
    [['status', '--help'], 0],
    [['nonsense'], 2],
    [['check', 'a', 'b'], 2],
    [['status', '--nonsense'], 2],
    [['status', '--control'], 2],
    [['drain'], 2],
    [['kill', 'a', 'b'], 2],
    [['reload', 'x'], 2],
    [['memory', 'a', 'b'], 2],
    [['memory', '--limit'], 2],
    [['routes', '--help'], 0],
  ])('%j ends with %i', async (args, code) => {
    const result = await run(args);
    expect(result.code).toBe(code);
    expect(result.out + result.err).not.toBe('');
    expect(result.out + result.err).not.toMatch(/\n\s+at /);
  });
});
