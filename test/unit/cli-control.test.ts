import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type {
  ConfigChange,
  ConnectionEffect,
  ControlBackend,
  MemoryEntry,
  RouteCommandReport,
  RouteStatus,
  ServiceStatus,
  Status,
} from '../../src/api/contract.js';
import { startControl } from '../../src/api/server.js';
import { main } from '../../src/cli/main.js';
import { renderMemory } from '../../src/cli/memory.js';
import { renderReload } from '../../src/cli/reload.js';
import { renderCommand } from '../../src/cli/route-command.js';
import { renderRoutes } from '../../src/cli/routes.js';
import { renderServices } from '../../src/cli/services.js';
import { formatBytes, formatMillis, formatRate, formatShare } from '../../src/cli/style.js';
import { WIDE } from '../../src/cli/table.js';
import { loadConfig, parseConfig } from '../../src/config/load.js';
import { planReload } from '../../src/config/plan.js';
import { ConfigError } from '../../src/config/problems.js';
import type { GatewayConfig } from '../../src/model/config.js';
import { PathraceError } from '../../src/model/errors.js';
import { OTHERS } from './api-tools.js';

const plain = (_: string, text: string) => text;
const tagged = (colour: string, text: string) => `<${colour}>${text}</>`;

/** Runs a command and collects what it prints. */
async function runPlain(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(args, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env: {},
  });
  return { code, out: out.join(''), err: err.join('') };
}

/** The same at the socket of these tests. */
function run(...args: string[]) {
  return runPlain(...args, '--control', control);
}

const NOW = Date.parse('2024-03-01T12:00:00.000Z');

const FIBER: RouteStatus = {
  name: 'fiber',
  state: 'up',
  reasons: [],
  since: '2024-02-28T10:00:00.000Z',
  interface: 'wan1',
  addresses: [],
  gateways: [],
  attempts: 1,
  wins: 1,
  losses: 0,
  connections: 12,
  traffic: { in: 123_456_789, out: 999_600 },
  quota: { used: 12_345_678_901, bytes: null },
  rescues: 1234,
  check: { ok: true, rttMicros: 12_345, lastOk: '2024-03-01T11:59:59.000Z' },
  portUse: 0.004,
};

const LTE: RouteStatus = {
  ...FIBER,
  name: 'lte',
  state: 'suspect',
  reasons: ['checks-failed', 'silent'],
  since: '2024-03-01T11:58:30.000Z',
  connections: 0,
  traffic: { in: 0, out: 7 },
  quota: { used: 45e9, bytes: 50e9 },
  check: { ok: false, rttMicros: null, lastOk: '2024-03-01T11:55:00.000Z' },
  rescues: 0,
  portUse: 0.97,
};

const MEMORY: readonly MemoryEntry[] = [
  {
    destination: '198.51.100.7',
    of: 'connections',
    routes: {
      fiber: { rttMicros: 12_345, ageSeconds: 75, answer: 'answered' },
      lte: { rttMicros: 45_678, ageSeconds: 4000, answer: 'retransmitted' },
    },
    best: 'fiber',
    trusted: true,
  },
  {
    destination: '2001:db8::/64',
    of: 'connections',
    routes: { lte: { rttMicros: null, ageSeconds: 3, answer: 'silent' } },
    best: null,
    trusted: false,
  },
];

const CHANGES: readonly ConfigChange[] = [
  { key: 'routes.lte.cost', before: '0', after: '8/GB', apply: 'live' },
  { key: 'services[2]', before: null, after: 'sip', apply: 'live' },
  { key: 'routes.dsl', before: 'interface wan3', after: null, apply: 'restart' },
];

const EFFECTS: readonly ConnectionEffect[] = [
  { route: 'dsl', becomes: null, connections: 1, fate: 'cut', text: 'the connections of dsl (wan3) are cut' },
];

const EFFECT_LINES = '  1 connection: the connections of dsl (wan3) are cut\n';

const CHANGE_LINES = `~ routes.lte.cost: 0 -> 8/GB
+ services[2]: sip
- routes.dsl: interface wan3 (needs a restart)
`;

const PROBLEM = { line: 2, column: 3, key: 'rest.route', found: '"c"', expected: 'a, b', message: 'No.' };

let folder: string;
let control: string;
let good: string;
let bad: string;
let close: () => Promise<void>;
let asked: unknown[] = [];
/** The configuration of the gateway that is asked, where it is not that of the file. */
let running: GatewayConfig | null = null;
/** Routes at its start. */
const AT_START = 2;
const answers: Partial<ControlBackend> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathrace-cli-'));
  control = join(folder, 'control.sock');
  good = join(folder, 'good.yaml');
  bad = join(folder, 'bad.yaml');
  const routes = 'lan: l\nroutes: { a: { interface: w1 }, b: { interface: w2 } }\n';
  writeFileSync(good, `control: ${control}\n${routes}rest: { route: a }\n`);
  writeFileSync(bad, `${routes}rest: { route: c }\n`);
  const backend: ControlBackend = {
    ...OTHERS,
    status: async () => ({ routes: [FIBER, LTE] }) as unknown as Status,
    routes: async () => [FIBER, LTE],
    services: async () => (await answers.services?.()) ?? [],
    why: async () => [],
    memory: async (...args) => {
      asked.push(args);
      return MEMORY;
    },
    route: async (route, command) => {
      asked.push([route, command]);
      if (route !== 'fiber') {
        const detail = { found: route, expected: 'fiber, lte' };
        throw new PathraceError('E_ARGUMENT', 'There is no such route.', detail);
      }
      return { route, state: command === 'disable' ? 'disabled' : 'draining', cut: 0 };
    },
    reload: async () => (await answers.reload?.()) ?? { applied: true, changes: CHANGES, effects: EFFECTS },
    config: async () => loadConfig(good),
    preview: async (text) => {
      if (answers.preview !== undefined) return answers.preview(text);
      const wanted = parseConfig(text, good);
      return planReload(running ?? loadConfig(good), wanted, AT_START, () => 12);
    },
  };
  const started = await startControl(control, backend);
  close = () => started.close();
});

afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

afterEach(() => {
  asked = [];
  delete answers.reload;
  delete answers.preview;
  running = null;
});

describe('memory', () => {
  const page = { within: null, limit: 1000 };

  it('prints an aligned table with the best of each destination', async () => {
    expect(renderMemory(MEMORY, page, plain)).toBe(`\
DESTINATION        fiber                    lte         AGE  TRUSTED
198.51.100.7   * 12.3 ms  retransmitted 45.7 ms  1 min 15 s  yes
2001:db8::/64          -                 silent         3 s  no

* what memory would choose
`);
    expect(renderMemory(MEMORY, page, tagged)).toContain('<green>* 12.3 ms</>');
    expect(renderMemory([{ ...MEMORY[0], of: 'dns' }], page, plain)).toContain('198.51.100.7 DNS');
    const { code, out } = await run('memory');
    expect([code, out]).toEqual([0, renderMemory(MEMORY, page, plain)]);
  });

  it('says that there may be more, or that there is nothing', () => {
    expect(renderMemory(MEMORY, { within: null, limit: 2 }, plain)).toContain('there may be more');
    expect(renderMemory([], page, plain)).toBe('Nothing is remembered.\n');
    const within = '198.51.100.0/24';
    expect(renderMemory([], { within, limit: 1 }, plain)).toBe(`Nothing is remembered within ${within}.\n`);
  });

  it('asks for what was typed, and prints the entries as JSON', async () => {
    const { out } = await run('memory', '2001:DB8::/32', '--limit', '100000', '--json');
    expect(JSON.parse(out)).toEqual({ format: 1, ok: true, destinations: MEMORY });
    expect(asked).toEqual([[100_000, '2001:db8::/32']]);
  });

  it('shows names from elsewhere without what could steer a terminal', () => {
    const evil = { rttMicros: null, ageSeconds: 1, answer: '\x1b[2J' };
    const entry = { ...MEMORY[1], destination: '\x07', routes: { '\x1b[1m': evil }, best: 'constructor' };
    expect(renderMemory([entry], page, plain)).not.toMatch(/[\x1b\x07]/);
  });

  it.each([
    [['example.org']],
    [['10.0.0.1/8']],
    [['10.0.0.0/33']],
    [['']],
    [['x'.repeat(5000)]],
    [['--limit', '0']],
    [['--limit', '100001']],
    [['--limit', '1e3']],
    [['--limit', '-1']],
    [['--limit', '']],
  ])('%j is wrong usage, and asks nobody', async (args) => {
    const { code, err } = await run('memory', ...args);
    expect([code, err.includes('E_ARGUMENT') || err.includes('argument missing')]).toEqual([2, true]);
    expect(asked).toEqual([]);
  });
});

describe('routes', () => {
  it('prints an aligned table, and below a route what needs somebody', () => {
    expect(renderRoutes([FIBER, { ...LTE, check: { ...LTE.check!, lastOk: null } }], NOW, plain)).toBe(`\
ROUTE  STATE    SINCE  CONNECTIONS  IN bit/s  OUT bit/s  CHECK
fiber  up         2 d           12     123 M     1.00 M  ok 12.3 ms
    1 234 rescued from it by other routes
lte    suspect  1 min            0         0          7  failed
    checks-failed, silent
    check never ok
    45.0 GB of 50.0 GB (90 %) this period
    97 % of the ports to one server are in use
`);
  });

  it('prints all of it in one line with --wide', () => {
    const routes = [FIBER, { ...LTE, check: { ...LTE.check!, lastOk: null } }];
    expect(renderRoutes(routes, NOW, plain, WIDE)).toBe(`\
ROUTE  STATE         SINCE  REASONS                CONNECTIONS          IN          OUT                THIS PERIOD  CHECK             RESCUES  PORTS
fiber  up          2 d 2 h                                  12  123 Mbit/s  1.00 Mbit/s                    12.3 GB  ok 12.3 ms          1 234   <1 %
lte    suspect  1 min 30 s  checks-failed, silent            0     0 bit/s      7 bit/s  45.0 GB of 50.0 GB (90 %)  failed, never ok        0   97 %
`);
  });

  it('colours what needs somebody', () => {
    const text = renderRoutes([FIBER, LTE], NOW, tagged, WIDE);
    for (const part of [
      '<green>up</>',
      '<yellow>suspect</>',
      '<yellow>45.0 GB of 50.0 GB (90 %)</>',
      '<red>failed, last ok 5 min ago</>',
      '<red>97 %</>',
      '<green>ok 12.3 ms</>',
    ]) {
      expect(text).toContain(part);
    }
  });

  it.each([
    [{ ipv4: 1400 }, 'larger packets vanish: IPv4 1400 bytes pass'],
    [{ ipv4: 1400, ipv6: 1280 }, 'larger packets vanish: IPv4 1400, IPv6 1280 bytes pass'],
  ])('says which packets pass by a route: %j', (pathMtu, text) => {
    expect(renderRoutes([{ ...FIBER, pathMtu }], NOW, plain)).toContain(text);
    expect(renderRoutes([{ ...LTE, pathMtu }], NOW, plain, WIDE)).toContain(`checks-failed, silent, ${text}`);
  });

  it('copes with a state, a time and a quota that it does not know', () => {
    const { check: _, ...bare } = FIBER;
    const strange = { ...bare, state: 'sleeping', since: 'x', quota: { used: 1, bytes: 0 } };
    const text = renderRoutes([strange as unknown as RouteStatus], NOW, tagged, WIDE);
    expect(text).toContain('<dim>sleeping</>');
    expect(text).toContain('<red>1 B of 0 B (100 %)</>');
  });

  it('prints the routes of the status as JSON', async () => {
    const { code, out } = await run('routes', '--json');
    expect([code, JSON.parse(out)]).toEqual([0, { format: 1, ok: true, routes: [FIBER, LTE] }]);
    expect((await run('routes')).out).toContain('fiber  up');
  });
});

describe('services', () => {
  const none = { kind: 'none', routes: {} } as const;
  const turns = { kind: 'turns', routes: { fiber: 0.75, cable: 0.25 } } as const;
  const BANK = { name: 'bank', match: 'tcp: 443', select: 'race', affinity: 'client', active: true };
  const SERVICES: readonly ServiceStatus[] = [
    { ...BANK, plan: { ipv4: { kind: 'memory', routes: {} }, ipv6: none }, hits: 1234 },
    { ...BANK, name: 'bulk', select: 'weighted', plan: { ipv4: turns, ipv6: turns }, hits: 0, active: false },
  ];

  it('prints an aligned table with what each matches and does next', async () => {
    answers.services = async () => SERVICES;
    expect((await run('services')).out).toBe(`\
SERVICE  ACTIVE    HITS  CHOSEN BY
bank     yes      1 234  race
    matches tcp: 443
    next: what is remembered of its destination, else copies by all routes
bulk     not now      0  weighted
    matches tcp: 443
    next: in turn: fiber 75 %, cable 25 %
`);
    const document = JSON.parse((await run('services', '--json')).out);
    expect(document).toEqual({ format: 1, ok: true, services: SERVICES });
  });

  it('says where both families differ, and that there are none', () => {
    const [bank] = SERVICES as [ServiceStatus];
    const text = renderServices([{ ...bank, plan: { ...bank.plan, ipv6: turns } }], plain, WIDE);
    expect(text).toContain(
      'IPv4 what is remembered of its destination, else copies by all routes; IPv6 in turn: fiber 75 %',
    );
    expect(renderServices([], plain)).toBe('There are no services: everything goes by the rest route.\n');
  });
});

describe('commands on a route', () => {
  it('say what happened, with the connections that stay', async () => {
    expect(await run('drain', 'fiber')).toEqual({
      code: 0,
      out: 'fiber is draining; 12 connections stay until they end\n',
      err: '',
    });
    expect((await run('disable', 'fiber')).out).toBe(
      'fiber is disabled; 12 connections stay until they end\n',
    );
    const report = { format: 1, ok: true, route: 'fiber', state: 'draining', cut: 0 };
    expect(JSON.parse((await run('kill', 'fiber', '--json')).out)).toEqual(report);
    await run('undrain', 'fiber');
    await run('enable', 'fiber');
    expect(asked).toEqual(
      ['drain', 'disable', 'kill', 'undrain', 'enable'].map((command) => ['fiber', command]),
    );
  });

  it.each([
    ['drain', { state: 'draining', cut: 0 }, 1, 'a is draining; 1 connection stays until it ends'],
    ['drain', { state: 'draining', cut: 0 }, 0, 'a is draining; it has no connections left'],
    ['drain', { state: 'down', cut: 0 }, 0, 'a is down (no-carrier); it has no connections left'],
    ['kill', { state: 'up', cut: 1234 }, 0, 'a is up; 1 234 connections were cut'],
    ['kill', { state: 'up', cut: 1 }, 0, 'a is up; 1 connection was cut'],
    [
      'kill',
      { state: 'up', cut: 1234, left: 198_766 },
      0,
      'a is up; 1 234 connections were cut, 198 766 are being cut (`pathrace status` says how many are left)',
    ],
    ['kill', { state: 'up', cut: 0 }, 0, 'a is up; it had no connections to cut'],
    ['disable', { state: 'disabled', cut: 3 }, 0, 'a is disabled; 3 connections were cut'],
    ['undrain', { state: 'up', cut: 0 }, 0, 'a is up; new connections use it'],
    [
      'enable',
      { state: 'draining', cut: 0 },
      0,
      'a is draining; new connections use it after `pathrace undrain`',
    ],
    ['enable', { state: 'down', cut: 0 }, 0, 'a is down (no-carrier); it is used when it works again'],
  ] as const)('%s %j with %i connections: %s', (command, report, connections, text) => {
    const route = { ...FIBER, connections, reasons: ['no-carrier'] };
    const full: RouteCommandReport = { route: 'a', ...report };
    expect(renderCommand(command, full, route, plain)).toBe(`${text}\n`);
  });

  it('say less when the state after it is not known', () => {
    const report = { route: 'a', state: 'draining', cut: 0 } as const;
    expect(renderCommand('drain', report, undefined, plain)).toBe(
      'a is draining; its connections stay until they end\n',
    );
    expect(renderCommand('enable', { ...report, state: 'down' }, undefined, tagged)).toBe(
      'a is <red>down</>; it is used when it works again\n',
    );
  });

  it('of an unknown route are wrong usage and name the routes', async () => {
    const { code, out, err } = await run('drain', 'cable');
    expect([code, out]).toEqual([2, '']);
    expect(err).toBe(
      'pathrace: E_ARGUMENT: There is no such route. Found: cable. Expected: fiber, lte. Remedy: See --help of the command.\n',
    );
    expect(JSON.parse((await run('kill', 'cable', '--json')).out)).toMatchObject({
      error: { code: 'E_ARGUMENT', found: 'cable', expected: 'fiber, lte' },
    });
  });

  it.each(['', '../reload', 'a b', 'a/b', 'é', 'x'.repeat(33), '%2e'])('of %j ask nobody', async (name) => {
    const { code, err } = await run('kill', name);
    expect([code, err.includes('E_ARGUMENT')]).toEqual([2, true]);
    expect(asked).toEqual([]);
  });
});

describe('reload', () => {
  it('prints the difference and the result', async () => {
    const { code, out } = await run('reload');
    expect([code, out]).toEqual([0, `${CHANGE_LINES}${EFFECT_LINES}applied; 1 change at the next start\n`]);
    const document = { format: 1, ok: true, applied: true, changes: CHANGES, effects: EFFECTS };
    expect(JSON.parse((await run('reload', '--json')).out)).toEqual(document);
  });

  it('says what was not done', () => {
    expect(renderReload({ applied: true, changes: [], effects: [] }, plain)).toBe('nothing to change\n');
    expect(renderReload({ applied: true, changes: [CHANGES[0]], effects: [] }, plain)).toMatch(
      /\napplied\n$/,
    );
    expect(renderReload({ applied: false, changes: [CHANGES[2]], effects: [] }, plain)).toMatch(
      /\nnot applied; 1 change at the next start\n$/,
    );
    const evil = { key: '\x1b[2J', before: null, after: '\x07', apply: 'live' } as const;
    expect(renderReload({ applied: true, changes: [evil], effects: [] }, plain)).not.toMatch(/[\x1b\x07]/);
  });

  it('uses colour for what comes and goes', () => {
    const text = renderReload({ applied: true, changes: CHANGES, effects: EFFECTS }, tagged);
    for (const part of [
      '<yellow>~ routes.lte.cost</>: 0',
      '<green>+ services[2]</>: sip',
      '<red>- routes.dsl</>: interface wan3<yellow> (needs a restart)</>',
      '<green>applied</>',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('prints all problems of a bad file as `check` does', async () => {
    answers.reload = async () => loadFailing();
    const [reload, check] = [await run('reload'), await run('check', bad)];
    expect(reload).toEqual(check);
    expect([reload.code, reload.err]).toEqual([1, '']);
    expect(await run('reload', '--json')).toEqual(await run('check', bad, '--json'));
    answers.reload = () => Promise.reject(new ConfigError('/p.yaml', [PROBLEM, { ...PROBLEM, line: 7 }]));
    expect((await run('reload')).out.split('\n')).toEqual([
      '/p.yaml:2:3 rest.route: No. (found "c"; allowed a, b)',
      '/p.yaml:7:3 rest.route: No. (found "c"; allowed a, b)',
      '',
    ]);
  });

  it('fails with the error of a file that cannot be read', async () => {
    const gone = new PathraceError('E_CONFIG_UNREADABLE', '/p.yaml cannot be read: there is no such file.');
    answers.reload = () => Promise.reject(gone);
    const { code, err } = await run('reload');
    expect([code, err]).toEqual([1, `pathrace: ${gone.toString()}\n`]);
  });
});

async function loadFailing(): Promise<never> {
  loadConfig(bad);
  return expect.unreachable('it is a bad file');
}

describe('check --diff', () => {
  const ok = () => `${good}: ok, 2 routes, 0 services\n`;

  it('says that nothing would change', async () => {
    const { code, out } = await run('check', good, '--diff');
    expect([code, out]).toEqual([0, `${ok()}The gateway runs with the same configuration.\n`]);
  });

  it('prints what would change and what becomes of connections, asking where the file says', async () => {
    running = parseConfig(
      `control: ${control}\nlan: l\nroutes: { a: { interface: w2 }, b: { interface: w1 }, c: { interface: w3 } }\nrest: { route: a }\n`,
      'running',
    );
    const { code, out } = await runPlain('check', good, '--diff');
    expect([code, out]).toEqual([
      0,
      `${ok()}~ routes.a.interface: w2 -> w1
~ routes.b.interface: w1 -> w2
- routes.c: { interface: w3 }
  12 connections: the connections of a (w2) go on as those of b
  12 connections: the connections of b (w1) go on as those of a
  12 connections: the connections of c (w3) are cut: no route goes on for it
3 changes to the running gateway
`,
    ]);
    const json = JSON.parse((await run('check', good, '--diff', '--json')).out);
    expect(json).toMatchObject({ ok: true });
    expect([json.changes.length, json.effects.length]).toEqual([3, 3]);
  });

  it('agrees with a reload on what needs a restart: a fifth route after two at the start', async () => {
    const routes = (count: number): string =>
      Array.from({ length: count }, (_, i) => `r${i}: { interface: w${i} }`).join(', ');
    const text = (count: number): string =>
      `control: ${control}\nlan: l\nroutes: { ${routes(count)} }\nrest: { route: r0 }\n`;
    // Started with two, four after a reload.
    running = parseConfig(text(4), 'running');
    const five = join(folder, 'five.yaml');
    writeFileSync(five, text(5));
    const json = JSON.parse((await run('check', five, '--diff', '--json')).out);
    const { changes, isLive } = planReload(running, loadConfig(five), AT_START, () => 0);
    expect(json.changes).toEqual(changes);
    expect(json.changes).toEqual([
      { key: 'routes.r4', before: null, after: '{ interface: w4 }', apply: 'restart' },
    ]);
    expect(isLive).toBe(false);
  });

  it('prints only the problems of a bad file', async () => {
    expect(await run('check', bad, '--diff')).toEqual(await run('check', bad));
  });

  it('needs a gateway', async () => {
    const none = join(folder, 'none.sock');
    const { code, err } = await runPlain('check', good, '--diff', '--control', none);
    expect([code, err.includes('E_CONTROL_UNREACHABLE')]).toEqual([1, true]);
    expect((await run('check', good)).out).toBe(ok());
  });

  it.each([
    [null],
    [[]],
    [7],
    [{}],
    [{ changes: [] }],
    [{ changes: {}, effects: [] }],
    [{ changes: [null], effects: [] }],
    [{ changes: [{ key: 7 }], effects: [] }],
    [{ changes: [], effects: [{}] }],
  ])('does not print what a gateway of another version says: %j', async (said) => {
    answers.preview = async () => said as never;
    const { code, err } = await run('check', good, '--diff');
    expect(code).toBe(1);
    expect(err).toMatch(/^pathrace: E_CONTROL_UNREACHABLE: The gateway at .* is of another version/);
  });

  it.each(['E_ARGUMENT', 'E_CONFIG_INVALID'] as const)(
    'says the same of one that answers %s',
    async (code) => {
      answers.preview = () => Promise.reject(new PathraceError(code, 'Not this.'));
      expect((await run('check', good, '--diff')).err).toMatch(/is of another version.*Not this/);
    },
  );
});

describe('numbers', () => {
  it('have three digits and a unit', () => {
    expect([0, 1, 999, 999.6, 1500, 99_949, 123e9, 5e20].map(formatBytes)).toEqual([
      '0 B',
      '1 B',
      '999 B',
      '1.00 kB',
      '1.50 kB',
      '99.9 kB',
      '123 GB',
      '500000 PB',
    ]);
    expect([0, 9_996_000].map(formatRate)).toEqual(['0 bit/s', '10.0 Mbit/s']);
    expect([0, 0.0001, 0.5, 0.9999, 1, 1.234].map(formatShare)).toEqual([
      '0 %',
      '<1 %',
      '50 %',
      '99 %',
      '100 %',
      '123 %',
    ]);
    expect([870, 9_999, 12_345, 99_960, 3_050_000].map(formatMillis)).toEqual([
      '0.87 ms',
      '10.0 ms',
      '12.3 ms',
      '100 ms',
      '3050 ms',
    ]);
  });
});
