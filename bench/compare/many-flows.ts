/** What living connections cost a gateway that has nothing else to do, and what they make slow: before and after in one table. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab, Task } from '../../lab/index.js';
import { callControl, commandControl } from '../../src/api/client.js';
import { ROUTES_PATH, routePath, STATUS_PATH } from '../../src/api/paths.js';
import { DEFAULT_MARK_MASK } from '../../src/model/mark-mask.js';
import type { BudgetRow } from '../budget.js';
import { threadMicros } from '../process-time.js';
import { median } from '../side-by-side.js';
import { type Comparison, type ComparisonResult, figure, inLab, SERVER, UNDELAYED } from './comparison.js';

const COUNTS = [0, 20_000, 120_000, 250_000] as const;
const PATIENCE_MS = 60_000;
const ECHO_PORT = 7;

interface Figures {
  readonly flows: number;
  readonly real: boolean;
  /** Shares of one processor while nothing happens: the main thread, and the whole process. */
  readonly mainShare: number;
  readonly allShare: number;
  /** Milliseconds; the slower of a median and three at once. */
  readonly statusMs: number;
  readonly statusAtOnceMs: number;
  readonly routesMs: number;
  readonly lossMs: number;
  /** Of another route, while all of the flows are being cut. */
  readonly lossWhileCutMs: number;
  readonly killAnswerMs: number;
  /** Until the last one is out of the kernel's table. */
  readonly cutMs: number;
}

export const compareManyFlows: Comparison = {
  name: 'many-flows',
  title: 'many living connections and nothing to do',
  async run({ quick, say }) {
    const rows: Figures[] = [];
    const counts = quick ? COUNTS.slice(0, 2) : COUNTS;
    for (const flows of counts) rows.push(await told(say, flows, false, quick));
    if (!quick) rows.push(await told(say, 20_000, true, quick));
    return report(rows);
  },
};

async function told(
  say: (text: string) => void,
  flows: number,
  real: boolean,
  quick: boolean,
): Promise<Figures> {
  const row = await inLab(UNDELAYED, (lab) => measure(lab, flows, real, quick));
  say(`  ${JSON.stringify(row)}`);
  return row;
}

async function measure(lab: Lab, flows: number, real: boolean, quick: boolean): Promise<Figures> {
  const config = lab.configYaml({
    services: [{ name: 'everything', match: { tcp: 'any' }, select: 'priority', affinity: 'none' }],
    log: { level: 'warn' },
  });
  const task = lab.gateway.spawn(['./bin/pathrace', 'gateway', '--config', config]);
  await task.waitForLine(/^ready/, PATIENCE_MS);
  const release = real ? await hold(lab, flows) : await write(lab, flows);
  // What it has to read of them is no rest; nor is what it does because so many have begun.
  await sleep(quick ? 5000 : 25_000);
  const seconds = quick ? 5 : 30;
  const before = { main: threadMicros(task.pid, task.pid), all: threadMicros(task.pid, null) };
  await sleep(seconds * 1000);
  const mainShare = (threadMicros(task.pid, task.pid) - before.main) / (seconds * 1e6);
  const allShare = (threadMicros(task.pid, null) - before.all) / (seconds * 1e6);

  const ask = (path: string): Promise<number> => timed(callControl(lab.controlSocket, path, PATIENCE_MS));
  const statusMs = median(await repeated(7, () => ask(STATUS_PATH)));
  const routesMs = median(await repeated(7, () => ask(ROUTES_PATH)));
  const statusAtOnceMs = Math.max(...(await Promise.all([1, 2, 3].map(() => ask(STATUS_PATH)))));

  const lossMs = await lose(lab, 'wan3');
  const startedAt = performance.now();
  const answered = timed(commandControl(lab.controlSocket, routePath('a', 'kill'), PATIENCE_MS));
  await sleep(20);
  const lossWhileCutMs = await lose(lab, 'wan2');
  while ((await entries(lab)) > Math.max(20, flows / 200) && performance.now() - startedAt < PATIENCE_MS)
    await sleep(20);
  const cutMs = performance.now() - startedAt;
  const killAnswerMs = await answered;
  await release();
  await ended(task);
  const times = { statusMs, statusAtOnceMs, routesMs, lossMs, lossWhileCutMs, killAnswerMs, cutMs };
  return { flows, real, mainShare, allShare, ...times };
}

async function write(lab: Lab, count: number): Promise<() => Promise<void>> {
  const child = lab.gateway.child('children/flow-table');
  const plan = { count, route: 1, source: '203.0.1.2', mark: DEFAULT_MARK_MASK };
  const refused = await child.ask<number>('fill', plan);
  if (refused > 0) throw new Error(`${refused} entries were refused`);
  await child.stop();
  return async () => {};
}

/** Connections that programs hold, of two processes: one may not have so many files. */
async function hold(lab: Lab, count: number): Promise<() => Promise<void>> {
  const echo = await lab.server().echo({ ports: [ECHO_PORT, ECHO_PORT + 1] });
  const connectors = [lab.client().connector(), lab.client().connector()];
  for (const [i, connector] of connectors.entries()) {
    const targets = [{ address: SERVER, port: ECHO_PORT + i }];
    const plan = { targets, count: count / 2, hold: true, bytes: 10, concurrency: 64 };
    const lost = (await connector.run(plan)).filter(({ ok }) => !ok);
    // A machine that has other work loses some.
    if (lost.length > count / 100) throw new Error(`${lost.length} connections failed`);
  }
  return async () => {
    for (const connector of connectors) await connector.stop();
    await echo.stop();
  };
}

/** Takes an interface away: milliseconds until the kernel's set of open routes has lost it. */
async function lose(lab: Lab, device: string): Promise<number> {
  const monitor = lab.gateway.spawn(['nft', '-n', 'monitor', 'destroy', 'elements']);
  await sleep(200);
  const startedAt = performance.now();
  await lab.gateway.must(['ip', 'link', 'set', device, 'down']);
  await monitor.waitForLine(/element inet pathrace open4/, PATIENCE_MS);
  const took = performance.now() - startedAt;
  await monitor.stop();
  return took;
}

async function entries(lab: Lab): Promise<number> {
  return Number(await lab.gateway.must(['cat', '/proc/sys/net/netfilter/nf_conntrack_count']));
}

async function timed(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  // A refusal or a time-out is an answer, too: `kill` of many flows used to give none.
  await work.catch(() => undefined);
  return performance.now() - startedAt;
}

async function repeated(times: number, work: () => Promise<number>): Promise<number[]> {
  const values: number[] = []; // BOUNDED: times.
  for (let i = 0; i < times; i++) values.push(await work());
  return values;
}

async function ended(task: Task): Promise<void> {
  await task.stop(20_000);
}

function report(rows: readonly Figures[]): ComparisonResult {
  const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const most = rows.at(-1)!;
  const largest = rows.filter(({ real }) => !real).at(-1) ?? most;
  const budgets: BudgetRow[] = [
    {
      what: `CPU of the main thread at rest, ${largest.flows} flows`,
      value: 100 * largest.mainShare,
      unit: '%',
      atMost: 2,
    },
    { what: 'status', value: largest.statusMs, unit: 'ms', atMost: 100 },
    { what: 'loss of a link acted on', value: largest.lossMs, unit: 'ms', atMost: 200 },
    { what: 'the same while all are cut', value: largest.lossWhileCutMs, unit: 'ms', atMost: 200 },
  ];
  return {
    tables: [
      {
        title: 'living connections',
        columns: [
          { title: 'FLOWS', align: 'right' },
          { title: 'MAIN THREAD', align: 'right' },
          { title: 'PROCESS', align: 'right' },
          { title: 'STATUS MS', align: 'right' },
          { title: '3 AT ONCE', align: 'right' },
          { title: 'ROUTES MS', align: 'right' },
          { title: 'LINK LOST MS', align: 'right' },
          { title: 'WHILE CUTTING', align: 'right' },
          { title: 'KILL ANSWERS MS', align: 'right' },
          { title: 'ALL CUT MS', align: 'right' },
        ],
        rows: rows.map((row) => [
          `${row.flows}${row.real ? ' real' : ''}`,
          share(row.mainShare),
          share(row.allShare),
          figure(row.statusMs),
          figure(row.statusAtOnceMs),
          figure(row.routesMs),
          figure(row.lossMs),
          figure(row.lossWhileCutMs),
          figure(row.killAnswerMs),
          figure(row.cutMs),
        ]),
      },
    ],
    budgets,
    notes: [
      'Entries are written into the connection table by netlink, over 5000 servers; those that are real are held by programs.',
      "A link counts as acted on when its route has left the kernel's set of open routes; the start of `ip` (some 10 ms) is in it.",
    ],
    details: rows,
  };
}
