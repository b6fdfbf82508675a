/**
 * What clients notice of an operator's and a provider's doings under load: the configuration read again, the daemon ended and
 * started again, a route that comes and goes every 5 s. Lost is what the clients say is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigOverrides, Lab, Scenario } from '../../lab/index.js';
import { quantile } from '../side-by-side.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  cannotRun,
  figure,
  inLab,
} from './comparison.js';
import { errorsOf, HURT_MS, lost, startStream } from './stream.js';
import {
  type Contender,
  gateway,
  MONITORS,
  peer,
  REMEMBER,
  type Running,
  SHAPES,
  selecting,
  withSubject,
} from './subjects.js';

const PORT = 7;
const HELD = 50;
const PER_SECOND = 100;
const CLIENT_TIMEOUT_MS = 16_000;
const FLAP_MS = 5000;

const SCENARIO: Scenario = {
  seed: 1,
  providers: [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 10 } },
    { name: 'c', link: { delayMs: 15 } },
  ],
  servers: [...['s1', 's2', 's3', 's4'].map((name) => ({ name })), { name: 'monitors', ipv4: MONITORS }],
};

const CHECK = {
  check: { targets: MONITORS.slice(0, 2).map((address) => `ping ${address}`), interval: '1s' },
};
const CHECKED = { a: CHECK, b: CHECK, c: CHECK };
/** What a reload changes: weights, which move nothing that is established. */
const HEAVIER: ConfigOverrides = { routes: { a: { ...CHECK, weight: 3 }, b: CHECK, c: CHECK } };
const LIGHTER: ConfigOverrides = { routes: CHECKED };

interface Fault {
  readonly name: string;
  /** Whether a connection that was open before must live through it. */
  readonly heldMustLive: boolean;
  applies(subject: Contender): boolean;
  /** Called with load on; returns when it is over. */
  run(lab: Lab, running: Running, quick: boolean): Promise<void>;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'reload, 5 times',
    heldMustLive: true,
    applies: () => true,
    async run(_, running) {
      for (let time = 0; time < 5; time++) {
        await running.reload(time % 2 === 0 ? HEAVIER : LIGHTER);
        await sleep(1000);
      }
    },
  },
  {
    name: 'daemon ended and started, 3 times',
    heldMustLive: true,
    applies: ({ ours }) => ours,
    run: (_, running) => restart(running, 'SIGQUIT'),
  },
  {
    name: 'daemon killed and started, 3 times',
    heldMustLive: true,
    applies: ({ ours }) => ours,
    run: (_, running) => restart(running, 'SIGKILL'),
  },
  {
    name: 'route silent every other 5 s',
    heldMustLive: false,
    applies: () => true,
    run: (lab, _, quick) => flap(quick, (dead) => lab.link('a').set({ blackhole: dead })),
  },
  {
    name: 'interface down every other 5 s',
    heldMustLive: false,
    applies: ({ ours }) => ours,
    run: (lab, _, quick) => flap(quick, (dead) => (dead ? interfaceDown(lab) : interfaceUp(lab))),
  },
];

const SUBJECTS: readonly Contender[] = [
  gateway('Pathrace, remembered', { ...REMEMBER, routes: CHECKED }),
  gateway('Pathrace, round robin', selecting('round-robin', { routes: CHECKED })),
  peer(SHAPES.mwan3, { monitors: MONITORS }),
  peer(SHAPES.vyos, { monitors: MONITORS }),
  peer(SHAPES.pfsense, { monitors: MONITORS }),
];

interface Outcome {
  readonly fault: string;
  readonly subject: string;
  readonly ours: boolean;
  readonly heldMustLive: boolean;
  readonly connections: number;
  /** Never connected. */
  readonly lost: number;
  /** Connected, and then did not get their answer. */
  readonly cut: number;
  readonly errors: Record<string, number>;
  /** Lost, cut, or slower than HURT_MS. */
  readonly hurt: number;
  readonly p99Millis: number;
  readonly slowestMillis: number;
  readonly held: number;
  readonly heldAlive: number;
  readonly why?: string;
}

export const compareFaults: Comparison = {
  name: 'compare-faults',
  title: 'reload, restart and a flapping route, under load',
  run: (options) => inLab(SCENARIO, (lab) => measure(lab, options)),
};

async function measure(lab: Lab, { quick, say }: CompareOptions): Promise<ComparisonResult> {
  const echo = await lab.server().echo({ ports: [PORT] });
  const outcomes: Outcome[] = [];
  for (const fault of FAULTS) {
    for (const subject of SUBJECTS.filter((each) => fault.applies(each))) {
      const base = { fault: fault.name, subject: subject.name, ours: subject.ours };
      const { heldMustLive } = fault;
      const done = await withSubject(subject, lab, (running) => underLoad(lab, running, fault, quick));
      const outcome: Outcome = { ...base, heldMustLive, ...NOTHING, ...done };
      outcomes.push(outcome);
      say(`  ${fault.name}, ${subject.name}: ${outcome.why ?? inWords(outcome)}`);
    }
  }
  await echo.stop();
  return report(outcomes);
}

function inWords({ connections, lost: gone, cut, errors, held, heldAlive }: Outcome): string {
  return `${gone} of ${connections} lost, ${cut} cut ${JSON.stringify(errors)}, ${heldAlive} of ${held} held`;
}

type Measured = Pick<
  Outcome,
  'connections' | 'lost' | 'cut' | 'errors' | 'hurt' | 'p99Millis' | 'slowestMillis' | 'held' | 'heldAlive'
>;
const NOTHING: Measured = {
  ...{ connections: 0, lost: Number.NaN, cut: Number.NaN, errors: {}, held: 0, heldAlive: Number.NaN },
  ...{ hurt: Number.NaN, p99Millis: Number.NaN, slowestMillis: Number.NaN },
};

/** Connections that are held, and new ones all the time, from before the fault until after it. */
async function underLoad(lab: Lab, running: Running, fault: Fault, quick: boolean): Promise<Measured> {
  const targets = lab.servers
    .filter(({ name }) => name !== 'monitors')
    .map(({ addresses }) => ({ address: addresses.ipv4[0] as string, port: PORT }));
  const holder = lab.client().connector();
  const opener = lab.client().connector();
  const opened = await holder.run({ targets, count: HELD, bytes: 100, hold: true });
  if (lost(opened) > 0) throw new Error(`${lost(opened)} connections lost before anything was wrong`);
  const stream = startStream(opener, { targets, bytes: 100, timeoutMs: CLIENT_TIMEOUT_MS }, PER_SECOND);
  await sleep(1000);
  try {
    await fault.run(lab, running, quick);
  } catch (error) {
    await stream.stop();
    throw error;
  }
  await sleep(1000);
  const results = await stream.stop();
  const { held, ok } = await holder.check();
  await holder.release('reset');
  await Promise.all([holder.stop(), opener.stop()]);
  const millis = results.filter((each) => each.ok).map(({ connectMicros }) => connectMicros / 1000);
  return {
    connections: results.length,
    lost: results.filter(({ connected }) => !connected).length,
    cut: results.filter(({ connected, ok }) => connected && !ok).length,
    errors: errorsOf(results),
    hurt: lost(results) + millis.filter((each) => each > HURT_MS).length,
    p99Millis: quantile(millis, 0.99),
    slowestMillis: Math.max(...millis),
    held,
    heldAlive: ok,
  };
}

async function restart(running: Running, signal: 'SIGQUIT' | 'SIGKILL'): Promise<void> {
  for (let time = 0; time < 3; time++) {
    await running.restart?.(signal);
    await sleep(2000);
  }
}

/** Two minutes, of which the route is dead for every other 5 s; ends alive. */
async function flap(quick: boolean, set: (dead: boolean) => Promise<void>): Promise<void> {
  for (let time = 0; time < (quick ? 4 : 24); time++) {
    await set(time % 2 === 0);
    await sleep(FLAP_MS);
  }
}

async function interfaceDown(lab: Lab): Promise<void> {
  await lab.gateway.must(['ip', 'link', 'set', 'wan1', 'down']);
}

/** What the kernel does not bring back by itself, the lab's operator does. */
async function interfaceUp(lab: Lab): Promise<void> {
  await lab.gateway.must(['ip', 'link', 'set', 'wan1', 'up']);
  await lab.gateway.must(['ip', 'addr', 'replace', 'fd03:1::2/64', 'dev', 'wan1', 'nodad']);
  const route = ['route', 'replace', 'default', 'dev', 'wan1', 'metric', '101', 'via'];
  await lab.gateway.must(['ip', '-4', ...route, '203.0.1.1']);
  await lab.gateway.must(['ip', '-6', ...route, 'fd03:1::1']);
}

function report(outcomes: readonly Outcome[]): ComparisonResult {
  const mine = outcomes.filter(({ ours }) => ours);
  return {
    tables: [
      {
        title: `${PER_SECOND} new connections a second, client timeout 16 s, and ${HELD} held ones; slow: over ${HURT_MS} ms`,
        columns: [
          { title: '' },
          { title: '' },
          ...['new', 'lost', 'cut', `slow, lost or cut`, 'p99', 'slowest', 'held alive'].map((title) => ({
            title,
            align: 'right' as const,
          })),
        ],
        rows: outcomes.map((each) => [
          each.fault,
          each.subject,
          figure(each.connections),
          figure(each.lost),
          figure(each.cut),
          figure(each.hurt),
          figure(each.p99Millis, 'ms'),
          figure(each.slowestMillis, 'ms'),
          each.why === undefined ? `${each.heldAlive} of ${each.held}` : '-',
        ]),
      },
    ],
    budgets: mine.flatMap((each) => [
      {
        what: `${each.fault}, ${each.subject}: new lost`,
        value: each.lost,
        unit: `of ${each.connections}`,
        atMost: 0,
      },
      ...(each.heldMustLive
        ? [
            {
              what: `${each.fault}, ${each.subject}: new cut`,
              value: each.cut,
              unit: `of ${each.connections}`,
              atMost: 0,
            },
            {
              what: `${each.fault}, ${each.subject}: held lost`,
              value: each.held - each.heldAlive,
              unit: `of ${each.held}`,
              atMost: 0,
            },
          ]
        : []),
    ]),
    notes: [
      'Connections on a route that goes away may be cut when it is declared down (on-down: reset), so cut and held carry no budget there.',
      'The reload of mwan3 is stop and start in the order of its own rules, in milliseconds; its shell scripts take seconds.',
      ...outcomes.flatMap(({ fault, subject, why }) =>
        why === undefined ? [] : [cannotRun(`${fault}, ${subject}`, why)],
      ),
    ],
    details: outcomes,
  };
}
