/**
 * What it costs connections that somebody looks: one gateway that races all of them, alone and with readers of its events, a scraper and the
 * page in a browser, in turn; at 2 000 connections a second, and at as many as there can be.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../lab/index.js';
import { startWatchers, WATCHED } from '../measure/watchers.js';
import { threadMicros } from '../process-time.js';
import { median } from '../side-by-side.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  figure,
  inLab,
  SERVER,
  spread,
  UNDELAYED,
} from './comparison.js';
import { lost, startStream } from './stream.js';
import { gateway, RACE, withSubject } from './subjects.js';

const SUBJECT = gateway('Pathrace', { ...RACE, api: { listen: [WATCHED], anonymous: 'read' } });
const OFFERED = 2000;
const PORT = 7;

interface Sample {
  readonly perSecond: number;
  readonly lost: number;
  /** Of the daemon's threads, microseconds of both modes per connection. */
  readonly cpuMicros: number;
}

const LOADS = ['offered', 'most', 'most-without-page'] as const;
type Load = (typeof LOADS)[number];

interface Figures {
  /** Alone and watched, of each round. */
  readonly rounds: Readonly<Record<Load, { alone: Sample; watched: Sample }[]>>;
  readonly streams: number;
  readonly hasPage: boolean;
}

export const compareWatched: Comparison = {
  name: 'compare-watched',
  title: 'races with and without the page, scrapes and streams of events',
  async run(options) {
    const figures = await inLab(UNDELAYED, (lab) =>
      withSubject(SUBJECT, lab, ({ task }) => measure(lab, task!.pid, options)),
    );
    if ('why' in figures) throw new Error(figures.why);
    return report(figures);
  },
};

async function measure(lab: Lab, pid: number, { quick, say }: CompareOptions): Promise<Figures> {
  const count = quick ? 2 : 7;
  const seconds = quick ? 2 : 5;
  const web = await lab.server().nginx({ ports: [80] });
  const echo = await lab.server().echo({ ports: [PORT] });
  const connector = lab.client().connector();
  const most = () =>
    costOf(pid, async () => {
      const options = { connections: 64, threads: 1, seconds, close: true };
      const { requests, requestsPerSecond, socketErrors } = await lab
        .client()
        .wrk(`http://${SERVER}:80/`, options);
      return { connections: requests, perSecond: requestsPerSecond, lost: socketErrors };
    });
  const loads: Record<Load, () => Promise<Sample>> = {
    offered: () =>
      costOf(pid, async () => {
        const stream = startStream(connector, { targets: [{ address: SERVER, port: PORT }] }, OFFERED);
        const startedAt = performance.now();
        await sleep(seconds * 1000);
        const results = await stream.stop();
        const failed = lost(results);
        const passed = (performance.now() - startedAt) / 1000;
        return { connections: results.length, perSecond: (results.length - failed) / passed, lost: failed };
      }),
    most,
    'most-without-page': most,
  };
  const rounds: Record<Load, { alone: Sample; watched: Sample }[]> = {
    offered: [],
    most: [],
    'most-without-page': [],
  };
  let streams = 0;
  let hasPage = false;
  // The first seconds are the compiler's.
  await loads.most();
  for (let round = 0; round < count; round++) {
    for (const load of LOADS) {
      const watched = async (): Promise<Sample> => {
        const watchers = await startWatchers(lab, load !== 'most-without-page');
        if (watchers.hasPage) ({ streams, hasPage } = watchers);
        // A browser's start is not what is asked about.
        await sleep(3000);
        const sample = await loads[load]();
        await watchers.stop();
        return sample;
      };
      const pair =
        round % 2 === 0
          ? { alone: await loads[load](), watched: await watched() }
          : { watched: await watched(), alone: await loads[load]() };
      rounds[load].push(pair);
      say(
        `  ${round + 1}/${count} ${load}: ${figure(pair.alone.perSecond)}/s alone, ${figure(pair.watched.perSecond)}/s watched`,
      );
    }
  }
  await connector.stop();
  await echo.stop();
  await web.stop();
  return { rounds, streams, hasPage };
}

async function costOf(
  pid: number,
  work: () => Promise<{ connections: number; perSecond: number; lost: number }>,
): Promise<Sample> {
  await sleep(300);
  const before = threadMicros(pid, null);
  const { connections, perSecond, lost } = await work();
  return { perSecond, lost, cpuMicros: (threadMicros(pid, null) - before) / Math.max(1, connections) };
}

const TITLES: Readonly<Record<Load, string>> = {
  offered: `${OFFERED} connections a second`,
  most: 'as many as there can be',
  'most-without-page': 'the same, no browser on this machine',
};

function report({ rounds, streams, hasPage }: Figures): ComparisonResult {
  const ratios = (load: Load) =>
    rounds[load].map(({ alone, watched }) => watched.perSecond / alone.perSecond);
  const rows = LOADS.map((load) => {
    const all = rounds[load];
    const of = (who: 'alone' | 'watched', what: keyof Sample) => median(all.map((pair) => pair[who][what]));
    return [
      TITLES[load],
      figure(Math.round(of('alone', 'perSecond'))),
      figure(Math.round(of('watched', 'perSecond'))),
      spread(ratios(load)),
      figure(of('alone', 'cpuMicros'), 'us'),
      figure(of('watched', 'cpuMicros'), 'us'),
      `${all.reduce((sum, { alone, watched }) => sum + alone.lost + watched.lost, 0)}`,
    ];
  });
  const titles = [
    'per second alone',
    'watched',
    'watched / alone',
    'CPU of the daemon each, alone',
    'watched',
    'lost',
  ];
  return {
    tables: [
      {
        title: `Races a second with and without who looks; medians of ${rounds.most.length} rounds`,
        columns: [{ title: '' }, ...titles.map((title) => ({ title, align: 'right' as const }))],
        rows,
      },
    ],
    budgets: LOADS.map((load) => ({
      what: `races/s watched / alone, ${TITLES[load]}`,
      value: median(ratios(load)),
      unit: '',
      atLeast: 0.97,
    })),
    notes: [
      `Looking: ${streams} streams of events are read, one scrape a second${hasPage ? ', the page is open in Chromium' : '; there is no Chromium, so no page is open'}. They run on this machine, below everything else (nice 19).`,
    ],
    details: rounds,
  };
}
