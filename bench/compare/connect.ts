/**
 * Connect times over 50 destinations whose best route differs, with every policy in turn; and the oracle, who knows the best
 * route of each destination and pays nothing for knowing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { shuffle } from '../../lab/demo/world.js';
import type { ConnectResult, Lab, Provider, Scenario } from '../../lab/index.js';
import { random } from '../../src/sim/random.js';
import { median, quantile } from '../side-by-side.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  cannotRun,
  figure,
  inLab,
} from './comparison.js';
import { lost, mean } from './stream.js';
import {
  type Contender,
  gateway,
  KERNEL_TURNS,
  peer,
  RACE,
  REMEMBER,
  SHAPES,
  selecting,
  single,
  withSubject,
} from './subjects.js';

const PORT = 7;
const DESTINATIONS = 50;
/** Connections under way at one time: few, as what is measured is delay, not load. */
const CONCURRENCY = 4;
const WEIGHTS = { fiber: 5, cable: 3, radio: 2 };

const PROVIDERS: readonly Provider[] = [
  { name: 'fiber', link: { delayMs: 2 } },
  { name: 'cable', link: { delayMs: 3 } },
  { name: 'radio', link: { delayMs: 6 } },
];
const NAMES = PROVIDERS.map(({ name }) => name);

/** Each provider is the nearest of a third of the destinations, by 3 ms one way at the least. */
const SERVERS = (() => {
  const draw = random(3);
  return Array.from({ length: DESTINATIONS }, (_, i) => {
    const nearest = 7 + 8 * draw();
    const further = [nearest + 3 + 6 * draw(), nearest + 3 + 12 * draw()];
    const oneWay = NAMES.map((_, at) => (at === i % NAMES.length ? nearest : (further.pop() as number)));
    const rounded = oneWay.map((each) => Math.round(each * 10) / 10);
    const distance = PROVIDERS.map(({ name, link }, at) => [name, rounded[at]! - (link?.delayMs ?? 0)]);
    return {
      name: `d${i + 1}`,
      distanceMs: Object.fromEntries(distance) as Record<string, number>,
      roundTripMs: rounded.map((each) => 2 * each),
    };
  });
})();

const SCENARIO: Scenario = {
  seed: 3,
  providers: PROVIDERS,
  servers: SERVERS.map(({ name, distanceMs }) => ({ name, distanceMs })),
};
const WEIGHTED_ROUTES = Object.fromEntries(
  Object.entries(WEIGHTS).map(([name, weight]) => [name, { weight }]),
);

const SINGLES = NAMES.map(single);
const RACING = gateway('Pathrace, race', RACE);
const WARM = gateway('Pathrace, memory warm', REMEMBER);
const SUBJECTS: readonly Contender[] = [
  ...SINGLES,
  RACING,
  WARM,
  gateway('Pathrace, round robin', selecting('round-robin')),
  gateway('Pathrace, weighted 5:3:2', selecting('weighted', { routes: WEIGHTED_ROUTES })),
  KERNEL_TURNS,
  peer(SHAPES.mwan3, { weights: WEIGHTS }),
  peer(SHAPES.vyos, { weights: WEIGHTS }),
  peer(SHAPES.pfsense, { weights: WEIGHTS }),
];

/** Of one subject in one round: connect times by destination. */
interface Round {
  readonly millis: readonly (readonly number[])[];
  readonly lost: number;
}

export const compareConnect: Comparison = {
  name: 'compare-connect',
  title: `connect times over ${DESTINATIONS} destinations`,
  run: (options) => inLab(SCENARIO, (lab) => measure(lab, options)),
};

async function measure(lab: Lab, { quick, say }: CompareOptions): Promise<ComparisonResult> {
  const rounds = quick ? 2 : 5;
  const perDestination = quick ? 4 : 10;
  const echo = await lab.server().echo({ ports: [PORT] });
  // BOUNDED: one entry per subject.
  const results = new Map<Contender, Round[]>(SUBJECTS.map((subject) => [subject, []]));
  const unable = new Map<Contender, string>();
  for (let round = 0; round < rounds; round++) {
    for (const subject of round % 2 === 0 ? SUBJECTS : [...SUBJECTS].reverse()) {
      if (unable.has(subject)) continue;
      const done = await withSubject(subject, lab, () => connectAll(lab, perDestination));
      if ('why' in done) {
        unable.set(subject, done.why);
        say(`  ${cannotRun(subject.name, done.why)}`);
        continue;
      }
      results.get(subject)!.push(done);
      const times = done.millis.flat();
      say(`  ${round + 1}/${rounds} ${subject.name}: mean ${figure(mean(times), 'ms')}, ${done.lost} lost`);
    }
  }
  await echo.stop();
  return report(results, unable);
}

async function connectAll(lab: Lab, perDestination: number): Promise<Round> {
  const targets = lab.servers.map(({ addresses }) => ({ address: addresses.ipv4[0] as string, port: PORT }));
  const connector = lab.client().connector();
  // Neighbours are known and memory is filled; it reaches the kernel a moment later.
  await connector.run({ targets, concurrency: CONCURRENCY });
  await sleep(500);
  // Each pass in an order of its own: a turn of routes must not fall into step with the destinations.
  const draw = random(5);
  const order = Array.from({ length: perDestination }, () => shuffle(targets, draw)).flat();
  const results = await connector.run({ targets: order, concurrency: CONCURRENCY });
  await connector.stop();
  const millis = targets.map((target) =>
    results.filter((each, i) => order[i] === target && each.ok).map(millisOf),
  );
  return { millis, lost: lost(results) };
}

function millisOf({ connectMicros }: ConnectResult): number {
  return connectMicros / 1000;
}

/** What connects take when the best route of each destination is always taken: the times of that route alone, per round. */
function oracle(singles: readonly (readonly Round[])[], round: number): number[] {
  return SERVERS.flatMap(({ roundTripMs }, destination) => {
    const best = roundTripMs.indexOf(Math.min(...roundTripMs));
    return singles[best]?.[round]?.millis[destination] ?? [];
  });
}

function report(
  results: ReadonlyMap<Contender, readonly Round[]>,
  unable: ReadonlyMap<Contender, string>,
): ComparisonResult {
  const singles = SINGLES.map((subject) => results.get(subject) ?? []);
  const rounds = singles[0]?.length ?? 0;
  const oracles = Array.from({ length: rounds }, (_, round) => oracle(singles, round));
  const configured = mean(SERVERS.map(({ roundTripMs }) => Math.min(...roundTripMs)));
  const oracleMean = median(oracles.map(mean));
  const summaries = SUBJECTS.map((subject) => {
    const all = (results.get(subject) ?? []).map(({ millis }) => millis.flat());
    // Against the oracle of the same round: both met the machine in the same mood.
    const excess = all.map((times, round) => mean(times) / mean(oracles[round] ?? []));
    const overMicros = all.map((times, round) => (mean(times) - 1.03 * mean(oracles[round] ?? [])) * 1000);
    return {
      name: subject.name,
      mean: median(all.map(mean)),
      p95: median(all.map((times) => quantile(times, 0.95))),
      excess: median(excess),
      overMicros: median(overMicros),
      lost: (results.get(subject) ?? []).reduce((sum, each) => sum + each.lost, 0),
    };
  });
  const rows = [
    ['always the best, configured', figure(configured, 'ms'), '-', '-', '-'],
    [
      'always the best, measured',
      figure(oracleMean, 'ms'),
      figure(median(oracles.map((times) => quantile(times, 0.95))), 'ms'),
      figure(1),
      '-',
    ],
    ...summaries.map((each) => [
      each.name,
      figure(each.mean, 'ms'),
      figure(each.p95, 'ms'),
      figure(each.excess),
      unable.has(SUBJECTS.find(({ name }) => name === each.name)!) ? '-' : `${each.lost}`,
    ]),
  ];
  const budgetOf = (subject: Contender) => ({
    what: `${subject.name}: mean connect - 1.03 x oracle`,
    value: summaries.find(({ name }) => name === subject.name)?.overMicros ?? Number.NaN,
    unit: 'us',
    atMost: 150,
  });
  return {
    tables: [
      {
        title: `Connect times over ${DESTINATIONS} destinations, 3 routes, each the best of a third; medians of ${rounds} rounds`,
        columns: [
          { title: '' },
          ...['mean', 'p95', 'mean / oracle', 'lost'].map((title) => ({ title, align: 'right' as const })),
        ],
        rows,
      },
    ],
    budgets: [budgetOf(WARM), budgetOf(RACING)],
    notes: [
      'The measured oracle takes, per destination, the times of the best route alone in the same round: it holds what the emulator and the machine add.',
      ...[...unable].map(([{ name }, why]) => cannotRun(name, why)),
    ],
    details: { configured, oracleMean, summaries },
  };
}
