/** 100 000 remembered destinations: what they take, what they cost new connections, and how long they take to load. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigOverrides, Lab } from '../../lab/index.js';
import type { BudgetRow } from '../budget.js';
import { type MemoryTableFigures, measureMemoryTable } from '../measure/memory-table.js';
import { measureScrapes, type ScrapeFigures } from '../measure/scrapes.js';
import { residentBytes } from '../process-time.js';
import { median } from '../side-by-side.js';
import { readStatus } from '../status.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  cannotRun,
  figure,
  inLab,
  SERVER,
  UNDELAYED,
} from './comparison.js';
import { lost, mean } from './stream.js';
import { gateway, type Running, selecting, single, withSubject } from './subjects.js';

const PORT = 7;
/** The benchmarking range (RFC 2544): the server takes all of it for its own. */
const MANY = '198.18.0.0/15';
const LOAD_WITHIN_MS = 60_000;

interface Living {
  readonly remembered: number;
  readonly lost: number;
  /** New connections a second while each met a destination for the first time. */
  readonly firstPerSecond: number;
  readonly residentBefore: number;
  readonly residentAfter: number;
  readonly inKernel: number;
  readonly scrapes: ScrapeFigures;
  /** Milliseconds from the start of the process. */
  readonly readyMs: number;
  readonly loadedMs: number;
  readonly residentLoaded: number;
  readonly full: readonly number[];
  readonly few: readonly number[];
  readonly plain: readonly number[];
}

export const compareMemory: Comparison = {
  name: 'compare-memory',
  title: '100 000 remembered destinations',
  async run(options) {
    const table = await measureMemoryTable(options.quick ? 10_000 : 100_000);
    const living = await inLab(UNDELAYED, (lab) => measure(lab, options));
    return report(table, living, options.quick);
  },
};

async function measure(lab: Lab, { quick, say }: CompareOptions): Promise<Living | { why: string }> {
  const count = quick ? 10_000 : 100_000;
  await lab.server().must(['ip', 'route', 'add', 'local', MANY, 'dev', 'lo']);
  const web = await lab.server().nginx({ ports: [80] });
  const echo = await lab.server().echo({ ports: [PORT] });
  const store = join(lab.directory, 'memory.store');
  const full = gateway('full', withMemory({ trust: '1h', size: 100_000, store }));
  const few = gateway('few', withMemory({ trust: '1h', size: 100_000, store: 'none' }));
  const plain = single('a');

  const filled = await withSubject(full, lab, async (running) => {
    await sleep(2000);
    const residentBefore = residentBytes(running.task!.pid);
    const startedAt = performance.now();
    const failed = await fill(lab, count, say);
    const seconds = (performance.now() - startedAt) / 1000;
    await sleep(3000);
    const { memory } = await readStatus(lab);
    const residentAfter = residentBytes(running.task!.pid);
    return {
      scrapes: await measureScrapes(lab.controlSocket, running.task!.pid),
      remembered: memory.destinations,
      inKernel: memory.inKernel,
      lost: failed,
      firstPerSecond: count / seconds,
      residentBefore,
      residentAfter,
    };
  });
  if ('why' in filled) return filled;
  say(`  ${filled.remembered} remembered, ${filled.inKernel} of them in the kernel`);

  const rates = { full: [] as number[], few: [] as number[], plain: [] as number[] };
  const loads: { readyMs: number; loadedMs: number; resident: number }[] = [];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const [name, subject] of Object.entries({ plain, full, few }) as [
      keyof typeof rates,
      typeof few,
    ][]) {
      const startedAt = performance.now();
      const rate = await withSubject(subject, lab, async (running) => {
        if (name === 'full') loads.push(await loaded(lab, running, startedAt, filled.inKernel));
        return perSecond(lab, quick ? 1 : 3);
      });
      if (typeof rate !== 'number') return rate;
      rates[name].push(rate);
      say(`  ${name}: ${figure(rate)} connections/s`);
    }
  }
  await Promise.all([web.stop(), echo.stop()]);
  return {
    ...filled,
    ...rates,
    readyMs: median(loads.map(({ readyMs }) => readyMs)),
    loadedMs: median(loads.map(({ loadedMs }) => loadedMs)),
    residentLoaded: median(loads.map(({ resident }) => resident)),
  };
}

function withMemory(memory: Record<string, unknown>): ConfigOverrides {
  return selecting('race', { memory });
}

/** One connection to each of so many addresses; gives how many were lost. */
async function fill(lab: Lab, count: number, say: (text: string) => void): Promise<number> {
  const connector = lab.client().connector();
  let failed = 0;
  const part = 10_000;
  for (let from = 0; from < count; from += part) {
    const targets = Array.from({ length: part }, (_, i) => ({ address: nth(from + i), port: PORT }));
    failed += lost(await connector.run({ targets, concurrency: 64, bytes: 10 }));
    say(`  ${from + part} destinations met`);
  }
  await connector.stop();
  return failed;
}

/** 198.18.0.1 and following, without those that end in 0 or 255. */
function nth(index: number): string {
  const block = Math.floor(index / 254);
  return `198.${18 + (block >> 8)}.${block & 255}.${1 + (index % 254)}`;
}

/** Waits until the kernel decides by what was stored. */
async function loaded(
  lab: Lab,
  running: Running,
  startedAt: number,
  wanted: number,
): Promise<{ readyMs: number; loadedMs: number; resident: number }> {
  const readyMs = performance.now() - startedAt;
  const deadline = startedAt + LOAD_WITHIN_MS;
  let inKernel = 0;
  while (inKernel < 0.99 * wanted && performance.now() < deadline) {
    inKernel = (await readStatus(lab)).memory.inKernel;
  }
  const loadedMs = inKernel < 0.99 * wanted ? Number.NaN : performance.now() - startedAt;
  return { readyMs, loadedMs, resident: residentBytes(running.task!.pid) };
}

async function perSecond(lab: Lab, seconds: number): Promise<number> {
  const load = (length: number) =>
    lab.client().wrk(`http://${SERVER}:80/`, { connections: 64, threads: 1, seconds: length, close: true });
  await load(1);
  await sleep(300);
  return (await load(seconds)).requestsPerSecond;
}

function report(
  table: MemoryTableFigures,
  living: Living | { why: string },
  quick: boolean,
): ComparisonResult {
  const rows: string[][] = [
    ['table alone: memory per destination', figure(table.bytesPerDestination, 'B')],
    ['table alone: look-up with the best route', figure(table.lookupNanos, 'ns')],
    ['table alone: a measurement noted', figure(table.noteNanos, 'ns')],
    ['table alone: a destination that displaces another', figure(table.evictNanos, 'ns')],
    ['store: copied in the race loop', figure(table.snapshotMs, 'ms')],
    ['store: longest pause of the race loop, median', figure(table.largestPauseMicros, 'us')],
    [
      'store: written, read, restored',
      [table.writeMs, table.readMs, table.restoreMs].map((ms) => figure(ms, 'ms')).join(', '),
    ],
    ['store: size of the file', figure(table.fileMb, 'MB')],
  ];
  const budgets: BudgetRow[] = [
    { what: 'table memory per destination', value: table.bytesPerDestination, unit: 'B', atMost: 300 },
  ];
  const notes: string[] = [];
  if ('why' in living) notes.push(cannotRun('the gateway', living.why));
  else {
    const bytesEach = (living.residentAfter - living.residentBefore) / Math.max(1, living.remembered);
    const ratio = median(living.full.map((rate, i) => rate / living.plain[i]!));
    const ofFew = median(living.full.map((rate, i) => rate / living.few[i]!));
    rows.push(
      ['destinations remembered', figure(living.remembered)],
      ['of them decided by the kernel', figure(living.inKernel)],
      ['connections lost while meeting them', figure(living.lost)],
      ['met per second, each raced', figure(Math.round(living.firstPerSecond))],
      [
        'resident before and after',
        `${figure(living.residentBefore / 1e6)} and ${figure(living.residentAfter / 1e6, 'MB')}`,
      ],
      ['resident memory per destination', figure(bytesEach, 'B')],
      [
        'a scrape of the metrics: median of 50, largest, first',
        [living.scrapes.medianMs, living.scrapes.largestMs, living.scrapes.firstMs]
          .map((ms) => figure(ms, 'ms'))
          .join(', '),
      ],
      [
        'resident before the first scrape, after it, after 50 more',
        [living.scrapes.residentBefore, living.scrapes.residentFirst, living.scrapes.residentAfter]
          .map((bytes) => figure(bytes / 1e6, 'MB'))
          .join(', '),
      ],
      ['ready after a restart', figure(living.readyMs, 'ms')],
      ['kernel decides by all of it again', figure(living.loadedMs, 'ms')],
      ['resident after a restart', figure(living.residentLoaded / 1e6, 'MB')],
      ['connections/s, table full', figure(Math.round(mean(living.full)))],
      ['connections/s, one destination', figure(Math.round(mean(living.few)))],
      ['connections/s, plain kernel NAT', figure(Math.round(mean(living.plain)))],
      ['table full / one destination', figure(ofFew)],
    );
    budgets.push(
      { what: 'connections/s, table full / plain NAT', value: ratio, unit: '', atLeast: 0.97 },
      { what: 'connections lost while meeting them', value: living.lost, unit: '', atMost: 0 },
      { what: 'median of scrapes, table full', value: living.scrapes.medianMs, unit: 'ms', atMost: 20 },
    );
  }
  return {
    tables: [
      {
        title: `${quick ? '10 000' : '100 000'} remembered destinations`,
        columns: [{ title: '' }, { title: '', align: 'right' }],
        rows,
      },
    ],
    budgets,
    notes,
    details: { table, living },
  };
}
