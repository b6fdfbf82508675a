/** What happens to providers in `compare-choices`, and what is asked of connections meanwhile. Each case has a lab of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigOverrides, ConnectPlan, ConnectResult, Lab, Scenario } from '../../lab/index.js';
import { plainNat } from '../../lab/index.js';
import { type Contender, gateway, MONITORS, peer, plain, SHAPES, selecting } from './subjects.js';

export const PORT = 7;
export const TOGETHER = 'together';
export const SERVERS = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'];
/** One provider does not let them through, as many do not let through port 25. */
const MAIL = ['1', '2', '3', '4', '5', '6'].map((last) => `192.0.2.10${last}`);
const [SERVER] = SERVERS as [string];

export interface ChoiceCase {
  readonly name: string;
  readonly scenario: Scenario;
  readonly subjects: readonly Contender[];
  /** Puts what is wrong; connections that are not looked at. */
  before?(lab: Lab): Promise<void>;
  /** The connections that count. */
  run(lab: Lab): Promise<readonly ConnectResult[]>;
  /** The provider by which the criterion wants them; `together`: all by one; null: it does not matter. */
  readonly wanted: string | null;
  /** How many may be elsewhere: the one that noticed, say. */
  readonly elsewhereAtMost: number;
  /** Connections that are open before anything happens, and must live. */
  readonly held?: number;
}

/** As somebody sets it who sets nothing: connections of a client to a server stay together. */
function choosing(select: unknown, more: ConfigOverrides = {}): ConfigOverrides {
  return { ...selecting(select), services: [{ name: 'all', match: { tcp: 'any' }, select }], ...more };
}

const NAT = plain('plain NAT', (lab) => plainNat(lab, lab.scenario.providers[0]!.name));
const COSTS = { routes: { a: { cost: 0 }, b: { cost: 10 } } };
const MEMORY = { memory: { trust: '10m', store: 'none' } };
const BACKUP = { routes: { a: {}, b: { use: 'last-resort' } } };

const RACED = gateway('race', choosing('race'));
const REMEMBERED = gateway('race, remembered', choosing('race', MEMORY));
const TURNS = gateway('round-robin', choosing('round-robin'));
const PRIORITY = gateway('priority', choosing({ criterion: 'priority', routes: ['a', 'b'] }));
const CHEAPEST = gateway('cheapest', choosing('cheapest', COSTS));
const LAST_RESORT = gateway('race, b is the last resort', choosing('race', { ...BACKUP, ...MEMORY }));
/** The first by its metric, the other when that is down. */
const MWAN3 = peer(
  {
    ...SHAPES.mwan3,
    name: 'mwan3, by metric',
    ruleset: (wans, alive) => SHAPES.mwan3.ruleset(wans, alive.slice(0, 1)),
  },
  { monitors: MONITORS },
);

/** Longer than the client waits before it repeats its SYN. */
function slow(roundTripMs: number): ChoiceCase {
  return {
    name: `a round trip of ${roundTripMs / 1000} s by both`,
    scenario: providers({ a: roundTripMs / 2, b: roundTripMs / 2 }, 50),
    subjects: [NAT, RACED, REMEMBERED, PRIORITY, TURNS],
    run: (lab) => connect(lab, { count: 15, concurrency: 5 }),
    wanted: null,
    elsewhereAtMost: 0,
  };
}

/** Preferred, and left for a moment: `after` is how long it has been well again before anybody looks. */
function left(
  name: string,
  outage: (lab: Lab) => Promise<void>,
  subjects: readonly Contender[],
  afterMs: number,
): ChoiceCase {
  return {
    name,
    scenario: providers({ a: 5, b: 15 }),
    subjects,
    async before(lab) {
      await connect(lab, { count: 8 });
      await outage(lab);
      await sleep(afterMs);
    },
    run: (lab) => connect(lab, { count: 40, concurrency: 8 }),
    wanted: 'a',
    elsewhereAtMost: 1,
  };
}

export const CHOICE_CASES: readonly ChoiceCase[] = [
  slow(1300),
  slow(2200),
  slow(3000),
  {
    name: 'a cheap provider with a round trip of 1.2 s',
    scenario: providers({ a: 600, b: 5 }),
    subjects: [NAT, CHEAPEST, PRIORITY],
    run: async (lab) => {
      const results: ConnectResult[] = [];
      for (let i = 0; i < 14; i++) results.push(...(await connect(lab, { count: 1 })));
      return results;
    },
    wanted: 'a',
    // What is as slow as this has to be learnt.
    elsewhereAtMost: 2,
  },
  left(
    'one SYN lost by the preferred provider',
    async (lab) => {
      await lab.link('a').dropNext('syn', 1, { direction: 'out' });
      await connect(lab, { count: 1 });
    },
    [PRIORITY, CHEAPEST, LAST_RESORT, MWAN3],
    1000,
  ),
  left(
    'the preferred provider silent for 5 s, 30 s later',
    async (lab) => {
      await lab.link('a').set({ blackhole: true });
      await connect(lab, { count: 16, rate: 4 });
      await lab.link('a').set({ blackhole: false });
    },
    [PRIORITY, CHEAPEST, LAST_RESORT, MWAN3],
    30_000,
  ),
  {
    name: 'the fast provider of a race silent for 20 s, 60 s later; the other has 600 ms',
    scenario: providers({ a: 6, b: 300 }),
    subjects: [REMEMBERED, gateway('race, by client', choosing('race', { ...MEMORY, services: groups() }))],
    async before(lab) {
      await connect(lab, { count: 8 });
      await lab.link('a').set({ blackhole: true });
      await connect(lab, { count: 40, rate: 2 });
      await lab.link('a').set({ blackhole: false });
      // Clients go on as they do; what is asked again is asked by their connections.
      await connect(lab, { count: 120, rate: 2 });
    },
    run: (lab) => connect(lab, { count: 40, concurrency: 8 }),
    wanted: 'a',
    elsewhereAtMost: 1,
  },
  left('disabled and enabled again', (lab) => commands(lab, 'disable', 'enable'), [PRIORITY, CHEAPEST], 3000),
  left('drained and undrained', (lab) => commands(lab, 'drain', 'undrain'), [PRIORITY, CHEAPEST], 3000),
  {
    name: 'no default route for 10 ms',
    scenario: providers({ a: 5, b: 15 }),
    subjects: [NAT, PRIORITY, RACED],
    before: async (lab) => {
      const route = 'default via 203.0.1.1 dev wan1 metric 101';
      await lab.gateway.must(['sh', '-c', `ip route del ${route}; sleep 0.01; ip route add ${route}`]);
      await sleep(2000);
    },
    run: (lab) => connect(lab, { count: 8 }),
    wanted: 'a',
    elsewhereAtMost: 0,
    held: 8,
  },
  {
    name: 'six servers that one provider does not let through',
    scenario: providers({ a: 5, b: 15 }),
    subjects: [PRIORITY, RACED],
    before: async (lab) => {
      const filtered = Object.fromEntries(MAIL.map((address) => [address, 'silent' as const]));
      await lab.link('a').set({ reject: filtered });
      const targets = MAIL.map((address) => ({ address, port: PORT }));
      await connect(lab, { targets, count: 60, rate: 6 });
    },
    run: (lab) => connect(lab, { count: 16 }),
    wanted: 'a',
    elsewhereAtMost: 1,
    held: 8,
  },
  {
    name: 'a server’s firewall resets all but the slowest of three providers (300 ms)',
    scenario: providers({ a: 5, b: 10, c: 150 }),
    subjects: [plain('plain NAT by c', (lab) => plainNat(lab, 'c')), RACED, REMEMBERED],
    before: async (lab) => {
      for (const name of ['a', 'b']) await lab.link(name).set({ reject: { [SERVER]: 'rst' } });
    },
    run: (lab) => connect(lab, { targets: [{ address: SERVER, port: PORT }], count: 10, concurrency: 1 }),
    wanted: 'c',
    elsewhereAtMost: 0,
  },
  {
    name: 'twelve connections of one client at one moment, `affinity: client`',
    scenario: providers({ a: 20, b: 20, c: 20 }),
    subjects: [
      gateway('race', choosing('race', { services: groups() })),
      gateway('round-robin', choosing('round-robin', { services: groups('round-robin') })),
    ],
    run: (lab) => connect(lab, { count: 12, concurrency: 12 }),
    wanted: TOGETHER,
    elsewhereAtMost: 0,
  },
];

function groups(select = 'race'): object[] {
  return [{ name: 'all', match: { tcp: 'any' }, select, affinity: 'client' }];
}

type Delays = Readonly<Record<string, number>>;

function providers(delays: Delays, jitterMs = 0): Scenario {
  return {
    seed: 1,
    providers: Object.entries(delays).map(([name, delayMs]) => ({ name, link: { delayMs, jitterMs } })),
    servers: [
      ...SERVERS.map((ipv4, i) => ({ name: `s${i + 1}`, ipv4: [ipv4] })),
      { name: 'monitors', ipv4: MONITORS },
      { name: 'mail', ipv4: MAIL },
    ],
  };
}

function connect(lab: Lab, plan: Partial<ConnectPlan>): Promise<ConnectResult[]> {
  const targets = SERVERS.map((address) => ({ address, port: PORT }));
  return lab.client().connect({ targets, bytes: 100, timeoutMs: 16_000, ...plan });
}

async function commands(lab: Lab, ...words: string[]): Promise<void> {
  for (const word of words) {
    await lab.gateway.must(['./bin/pathrace', word, 'a', '--control', lab.controlSocket]);
    // Everybody goes elsewhere meanwhile.
    await connect(lab, { count: 16 });
  }
}
