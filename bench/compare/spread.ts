/** 10 000 connections by each criterion, counted at the server by the address that they came from, beside what was computed by hand. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EchoServer, type Lab, providerOf, type Scenario } from '../../lab/index.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  cannotRun,
  figure,
  inLab,
} from './comparison.js';
import { CASES, CONNECTIONS, PORT, PROBE, SIDE_PORT, type SpreadCase } from './spread-cases.js';
import { lost } from './stream.js';
import { withSubject } from './subjects.js';

const ROUTES = ['a', 'b', 'c'] as const;
const CLIENTS = 250;
/** Without a common factor with CLIENTS: taken in turn, the first 10 250 pairs of client and destination all differ. */
const DESTINATIONS = 41;
const CONCURRENCY = 64;

const SERVERS = [
  { name: 'many', ipv4: Array.from({ length: DESTINATIONS }, (_, i) => `198.51.100.${i + 1}`) },
  { name: 'probe', ipv4: [PROBE] },
];
const LAN = { clients: CLIENTS };
const SCENARIOS: Record<SpreadCase['lab'], Scenario> = {
  plain: { plain: true, lan: LAN, providers: ROUTES.map((name) => ({ name })), servers: SERVERS },
  delays: {
    lan: LAN,
    providers: ROUTES.map((name, i) => ({ name, link: { delayMs: 1 + 2 * i } })),
    servers: SERVERS,
  },
};

interface Outcome {
  readonly name: string;
  readonly counted: Readonly<Record<string, number>> | null;
  readonly lost: number;
  /** Pairs that took another route the second time. */
  readonly strayed: number | null;
  readonly why?: string;
}

export const compareSpread: Comparison = {
  name: 'compare-spread',
  title: `${CONNECTIONS} connections by each criterion, counted at the server`,
  async run(options) {
    const kinds = ['plain', 'delays'] as const;
    // BOUNDED: one entry per case.
    const outcomes = new Map<SpreadCase, Outcome>();
    for (const kind of kinds) {
      const cases = CASES.filter((each) => each.lab === kind);
      await inLab(SCENARIOS[kind], (lab) => measure(lab, cases, options, outcomes));
    }
    return report(outcomes);
  },
};

async function measure(
  lab: Lab,
  cases: readonly SpreadCase[],
  { say }: CompareOptions,
  outcomes: Map<SpreadCase, Outcome>,
): Promise<void> {
  const echo = await lab.server().echo({ ports: [PORT, SIDE_PORT] });
  await lab.server().iperf3();
  for (const each of cases) {
    const done = await withSubject(each.subject, lab, () => countOne(lab, echo, each));
    const outcome = 'why' in done ? { ...done, counted: null, lost: 0, strayed: null } : done;
    const name = `${each.subject.name}, ${each.what}`;
    say(`  ${name}: ${outcome.counted === null ? outcome.why : JSON.stringify(outcome.counted)}`);
    outcomes.set(each, { ...outcome, name });
  }
  await echo.stop();
}

async function countOne(lab: Lab, echo: EchoServer, each: SpreadCase): Promise<Omit<Outcome, 'name'>> {
  const undo = await prepare(lab, each);
  await echo.forget();
  const first = await open(lab, each);
  const counted = await countBySource(lab, echo);
  let strayed: number | null = null;
  if (each.pairs) {
    const before = await routeOfPair(lab, echo);
    await echo.forget();
    await open(lab, each);
    const after = await routeOfPair(lab, echo);
    strayed = [...before].filter(([pair, route]) => after.get(pair) !== route).length;
  }
  await undo();
  return { counted, lost: first, strayed };
}

/** Opens the counted connections; gives how many were lost. */
async function open(lab: Lab, each: SpreadCase): Promise<number> {
  const connector = lab.client().connector();
  const addresses = lab.server('many').addresses.ipv4;
  const results = await connector.run({
    targets: addresses.map((address) => ({ address, port: PORT })),
    sources: lab.clients.map(({ ipv4 }) => ipv4),
    count: CONNECTIONS,
    concurrency: CONCURRENCY,
    bytes: 10,
    hold: each.hold ?? false,
  });
  await connector.release('reset');
  await connector.stop();
  return lost(results);
}

/** Does what the case wants done before; the result ends it. */
async function prepare(lab: Lab, { before, lab: kind }: SpreadCase): Promise<() => Promise<void>> {
  const address = lab.server('many').addresses.ipv4[0] as string;
  // Measurements, checks and plans of the kernel settle.
  if (kind === 'delays') await sleep(3000);
  if (before === undefined) return async () => {};
  if (before.kind === 'load') {
    const task = lab
      .client()
      .spawn(['iperf3', '-c', address, '-b', `${before.megabits}M`, '-t', '120', '-B', lab.client().ipv4]);
    await sleep(4000);
    return async () => void (await task.stop());
  }
  const connector = lab.client().connector();
  const targets = [{ address, port: SIDE_PORT }];
  const hold = before.kind === 'held';
  const done = await connector.run({ targets, count: before.count, bytes: 10, hold });
  if (lost(done) > 0) throw new Error(`${lost(done)} of the connections before were lost`);
  await sleep(2000);
  return async () => {
    await connector.release('reset');
    await connector.stop();
  };
}

/** What the server saw: connections by the provider whose address they came from. */
async function countBySource(lab: Lab, echo: EchoServer): Promise<Record<string, number>> {
  const counted: Record<string, number> = { a: 0, b: 0, c: 0 };
  for (const { remoteAddress, localPort } of await echo.connections()) {
    if (localPort !== PORT) continue;
    const route = providerOf(lab.scenario, remoteAddress) ?? remoteAddress;
    counted[route] = (counted[route] ?? 0) + 1;
  }
  return counted;
}

/**
 * The server does not see the client. But connections are opened in a known order of pairs to 41 addresses, so those of one
 * address that came by one route, as a share, must repeat; a pair that changes its route changes two of these counts.
 */
async function routeOfPair(lab: Lab, echo: EchoServer): Promise<Map<string, string>> {
  const counts = new Map<string, number>();
  for (const { remoteAddress, localAddress, localPort } of await echo.connections()) {
    if (localPort !== PORT) continue;
    const key = `${localAddress} ${providerOf(lab.scenario, remoteAddress) ?? remoteAddress}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return new Map([...counts].map(([key, count]) => [key, String(count)]));
}

function report(outcomes: ReadonlyMap<SpreadCase, Outcome>): ComparisonResult {
  const ordered = CASES.flatMap((each) => {
    const outcome = outcomes.get(each);
    return outcome === undefined ? [] : [[each, outcome] as const];
  });
  const shown = (counts: Readonly<Record<string, number>> | null): string =>
    counts === null ? '-' : Object.values(counts).join(' / ');
  const off = ({ expected }: SpreadCase, { counted }: Outcome): number =>
    counted === null
      ? Number.NaN
      : Math.max(...ROUTES.map((route) => Math.abs((counted[route] ?? 0) - expected[route])));
  const own = ordered.filter(([{ subject }]) => subject.ours);
  return {
    tables: [
      {
        title: `${CONNECTIONS} connections over routes a / b / c, read at the server`,
        columns: [
          { title: '' },
          ...['by hand', 'counted', 'off by', 'allowed', 'lost'].map((title) => ({
            title,
            align: 'right' as const,
          })),
          { title: 'why' },
        ],
        rows: ordered.map(([each, outcome]) => [
          outcome.name,
          shown(each.expected),
          shown(outcome.counted),
          figure(off(each, outcome)),
          figure(each.tolerance),
          outcome.counted === null ? '-' : figure(outcome.lost),
          each.because,
        ]),
      },
    ],
    budgets: [
      ...own.map(([each, outcome]) => ({
        what: `${outcome.name}: off by`,
        value: off(each, outcome),
        unit: 'connections',
        atMost: each.tolerance,
      })),
      ...own
        .filter(([{ pairs }]) => pairs)
        .map(([, outcome]) => ({
          what: `${outcome.name}: counts that differ the second time`,
          value: outcome.strayed ?? Number.NaN,
          unit: '',
          atMost: 0,
        })),
    ],
    notes: ordered.flatMap(([, { name, why }]) => (why === undefined ? [] : [cannotRun(name, why)])),
    details: ordered.map(([each, outcome]) => ({ ...outcome, expected: each.expected })),
  };
}
