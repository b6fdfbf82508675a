/**
 * Connections per second, one HTTP request each, beside plain kernel NAT in the same minute: destinations that are remembered,
 * each criterion that chooses without a race, races, and the other products' rulesets.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../lab/index.js';
import { userMicros } from '../process-time.js';
import { median } from '../side-by-side.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  cannotRun,
  figure,
  inLab,
  SERVER,
  spread,
  UNDELAYED,
} from './comparison.js';
import { criteriaConfigs } from './criteria.js';
import {
  type Contender,
  gateway,
  peer,
  RACE,
  REMEMBER,
  SHAPES,
  selecting,
  single,
  withSubject,
} from './subjects.js';

const PLAIN = single('a');
/** Refresh races belong to what memory costs: the default share stays, and what it costs is seen beside none. */
const REMEMBERED = gateway('Pathrace, remembered', REMEMBER);
const NEVER_REFRESHED = selecting('race', { memory: { trust: '10m', store: 'none', refresh: 0 } });
const SUBJECTS: readonly Contender[] = [
  REMEMBERED,
  gateway('Pathrace, remembered, refresh 0', NEVER_REFRESHED),
  ...criteriaConfigs(SERVER).map(({ name, config }) => gateway(`Pathrace, ${name}`, config)),
  gateway('Pathrace, race', RACE),
  peer(SHAPES.mwan3),
  peer(SHAPES.vyos),
  peer(SHAPES.pfsense),
  // The same against itself: what the machine's noise makes of a ratio of one.
  { ...PLAIN, name: 'plain kernel NAT' },
];

/** What has a budget is measured three times as often: single samples differ by ten percent. */
const TURNS: readonly Contender[] = [...SUBJECTS, REMEMBERED, REMEMBERED];

interface Sample {
  readonly perSecond: number;
  readonly errors: number;
  /** Of the daemon, microseconds per connection; null without one. */
  readonly userMicros: number | null;
}

interface Pair {
  readonly plain: number;
  readonly subject: Sample;
}

export const compareRate: Comparison = {
  name: 'compare-rate',
  title: 'connections per second, each beside plain kernel NAT',
  run: (options) => inLab(UNDELAYED, (lab) => measure(lab, options)),
};

async function measure(lab: Lab, { quick, say }: CompareOptions): Promise<ComparisonResult> {
  const rounds = quick ? 1 : 5;
  const seconds = quick ? 1 : 3;
  const web = await lab.server().nginx({ ports: [80] });
  // BOUNDED: one entry per subject.
  const pairs = new Map<Contender, Pair[]>(SUBJECTS.map((subject) => [subject, []]));
  const unable = new Map<Contender, string>();
  const sample = async (subject: Contender): Promise<Sample | { why: string }> =>
    withSubject(subject, lab, (running) => load(lab, running.task?.pid ?? null, seconds));
  for (let round = 0; round < rounds; round++) {
    for (const subject of TURNS.filter((each) => !unable.has(each))) {
      const pair = await samplePair(sample, subject, round);
      if ('why' in pair) {
        unable.set(subject, pair.why);
        say(`  ${cannotRun(subject.name, pair.why)}`);
        continue;
      }
      pairs.get(subject)!.push(pair);
      const { perSecond } = pair.subject;
      say(
        `  ${round + 1}/${rounds} ${subject.name}: ${figure(perSecond)}/s, ${figure(perSecond / pair.plain)}`,
      );
    }
  }
  await web.stop();
  return report(pairs, unable, rounds);
}

/** The subject and plain NAT one right after the other, in turned order each round. */
async function samplePair(
  sample: (subject: Contender) => Promise<Sample | { why: string }>,
  subject: Contender,
  round: number,
): Promise<Pair | { why: string }> {
  const order = round % 2 === 0 ? [PLAIN, subject] : [subject, PLAIN];
  const [first, second] = [await sample(order[0]!), await sample(order[1]!)];
  const [plain, other] = round % 2 === 0 ? [first, second] : [second, first];
  if ('why' in plain) throw new Error(plain.why);
  return 'why' in other ? other : { plain: plain.perSecond, subject: other };
}

async function load(lab: Lab, pid: number | null, seconds: number): Promise<Sample> {
  const run = (length: number) =>
    lab.client().wrk(`http://${SERVER}:80/`, { connections: 64, threads: 1, seconds: length, close: true });
  // The first second is the compiler's, and memory's.
  await run(1);
  await sleep(300);
  const before = pid === null ? 0 : userMicros(pid);
  const { requests, requestsPerSecond, socketErrors } = await run(seconds);
  const cpu = pid === null ? null : (userMicros(pid) - before) / Math.max(1, requests);
  return { perSecond: requestsPerSecond, errors: socketErrors, userMicros: cpu };
}

function report(
  pairs: ReadonlyMap<Contender, readonly Pair[]>,
  unable: ReadonlyMap<Contender, string>,
  rounds: number,
): ComparisonResult {
  const ratios = (subject: Contender): number[] =>
    (pairs.get(subject) ?? []).map((pair) => pair.subject.perSecond / pair.plain);
  const rows = SUBJECTS.map((subject) => {
    const all = pairs.get(subject) ?? [];
    const cpu = all.flatMap((pair) => pair.subject.userMicros ?? []);
    return [
      subject.name,
      figure(Math.round(median(all.map((pair) => pair.subject.perSecond)))),
      spread(ratios(subject)),
      cpu.length === 0 ? '-' : figure(median(cpu), 'us'),
      all.length === 0 ? '-' : `${all.reduce((sum, pair) => sum + pair.subject.errors, 0)}`,
    ];
  });
  return {
    tables: [
      {
        title: `Connections per second, each beside plain kernel NAT; medians of ${rounds} rounds`,
        columns: [
          { title: '' },
          ...['per second', '/ plain NAT', 'user CPU of the daemon each', 'errors'].map((title) => ({
            title,
            align: 'right' as const,
          })),
        ],
        rows,
      },
    ],
    budgets: [
      {
        what: 'connections/s, remembered destinations / plain NAT',
        value: median(ratios(REMEMBERED)),
        unit: '',
        atLeast: 0.97,
      },
    ],
    notes: [...unable].map(([{ name }, why]) => cannotRun(name, why)),
    details: Object.fromEntries([...pairs].map(([{ name }, all]) => [name, all])),
  };
}
