/** Choices that hold: long round trips, lost packets, outages that end, many connections at once. What clients and the server saw. */
import { type ConnectResult, type EchoConnection, type Lab, providerOf } from '../../lab/index.js';
import { CHOICE_CASES, type ChoiceCase, PORT, SERVERS, TOGETHER } from './choice-cases.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  cannotRun,
  figure,
  inLab,
} from './comparison.js';
import { errorsOf, lost } from './stream.js';
import { withSubject } from './subjects.js';

interface Outcome {
  readonly case: string;
  readonly subject: string;
  readonly ours: boolean;
  readonly connections: number;
  readonly lost: number;
  readonly errors: Readonly<Record<string, number>>;
  /** By provider, as the server saw their addresses. */
  readonly taken: Readonly<Record<string, number>>;
  readonly elsewhere: number;
  readonly elsewhereAtMost: number;
  readonly slowestMillis: number;
  readonly held: number;
  readonly cut: number;
  readonly why?: string;
}

export const compareChoices: Comparison = {
  name: 'compare-choices',
  title: 'long round trips, outages that end, many connections at once',
  run: measure,
};

async function measure({ say }: CompareOptions): Promise<ComparisonResult> {
  const outcomes: Outcome[] = [];
  for (const each of CHOICE_CASES) {
    await inLab(each.scenario, async (lab) => {
      for (const outcome of await measureCase(lab, each)) {
        outcomes.push(outcome);
        say(`  ${outcome.case}, ${outcome.subject}: ${outcome.why ?? inWords(outcome)}`);
      }
    });
  }
  return report(outcomes);
}

async function measureCase(lab: Lab, each: ChoiceCase): Promise<Outcome[]> {
  const echo = await lab.server().echo({ ports: [PORT] });
  const outcomes: Outcome[] = [];
  for (const subject of each.subjects) {
    const result = await withSubject(subject, lab, async () => {
      const holder = lab.client().connector();
      const { held = 0 } = each;
      if (held > 0)
        await holder.run({ targets: [{ address: SERVERS[0]!, port: PORT }], count: held, hold: true });
      await each.before?.(lab);
      await echo.forget();
      const results = await each.run(lab);
      const { ok } = await holder.check();
      await holder.stop();
      return { held, cut: held - ok, ...judge(each, results, takenBy(lab, await echo.connections())) };
    });
    outcomes.push({
      case: each.name,
      subject: subject.name,
      ours: subject.ours,
      ...NOTHING,
      elsewhereAtMost: each.elsewhereAtMost,
      ...result,
    });
    for (const { name } of lab.scenario.providers) await lab.link(name).set({ blackhole: false, reject: {} });
  }
  await echo.stop();
  return outcomes;
}

type Measured = Pick<Outcome, 'connections' | 'lost' | 'errors' | 'taken' | 'elsewhere' | 'slowestMillis'>;
const NOTHING = {
  ...{ held: 0, cut: Number.NaN },
  ...{ connections: 0, lost: Number.NaN, errors: {}, taken: {} },
  ...{ elsewhere: Number.NaN, slowestMillis: Number.NaN },
};

function judge(
  { wanted }: ChoiceCase,
  results: readonly ConnectResult[],
  taken: Readonly<Record<string, number>>,
): Measured {
  const counts = Object.values(taken);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const there = wanted === null ? all : wanted === TOGETHER ? Math.max(0, ...counts) : (taken[wanted] ?? 0);
  return {
    connections: results.length,
    lost: lost(results),
    errors: errorsOf(results),
    taken,
    elsewhere: all - there,
    slowestMillis: Math.max(...results.map(({ connectMicros }) => connectMicros / 1000)),
  };
}

function takenBy(lab: Lab, connections: readonly EchoConnection[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { remoteAddress } of connections) {
    const name = providerOf(lab.scenario, remoteAddress) ?? 'untranslated';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function inWords({ connections, lost: gone, errors, taken, slowestMillis, held, cut }: Outcome): string {
  const why = gone === 0 ? '' : ` ${JSON.stringify(errors)}`;
  return `${gone} of ${connections} lost${why}, by ${JSON.stringify(taken)}, slowest ${figure(slowestMillis, 'ms')}${held === 0 ? '' : `, ${cut} of ${held} cut`}`;
}

function report(outcomes: readonly Outcome[]): ComparisonResult {
  return {
    tables: [
      {
        title: 'Lost, and by which providers (as the server saw), of connections that begin when all is well',
        columns: [
          { title: '' },
          { title: '' },
          { title: 'connections', align: 'right' },
          { title: 'lost', align: 'right' },
          { title: 'by' },
          { title: 'elsewhere', align: 'right' },
          { title: 'slowest', align: 'right' },
          { title: 'of those open before, cut', align: 'right' },
        ],
        rows: outcomes.map((each) => [
          each.case,
          each.subject,
          figure(each.connections),
          figure(each.lost),
          Object.entries(each.taken)
            .sort()
            .map(([name, count]) => `${name} ${count}`)
            .join(', '),
          figure(each.elsewhere),
          figure(each.slowestMillis, 'ms'),
          each.held === 0 ? '-' : `${figure(each.cut)} of ${each.held}`,
        ]),
      },
    ],
    budgets: outcomes
      .filter(({ ours }) => ours)
      .flatMap((each) => [
        {
          what: `${each.case}, ${each.subject}: lost`,
          value: each.lost,
          unit: `of ${each.connections}`,
          atMost: 0,
        },
        {
          what: `${each.case}, ${each.subject}: elsewhere`,
          value: each.elsewhere,
          unit: `of ${each.connections}`,
          atMost: each.elsewhereAtMost,
        },
        ...(each.held === 0
          ? []
          : [
              {
                what: `${each.case}, ${each.subject}: open before, cut`,
                value: each.cut,
                unit: `of ${each.held}`,
                atMost: 0,
              },
            ]),
      ]),
    notes: [
      "Elsewhere: not by the provider that the criterion wants; for one client's connections at one moment, not by the provider that has most.",
      'A client waits 16 s. Plain NAT uses one provider, whatever happens to it.',
      ...outcomes.flatMap(({ case: name, subject, why }) =>
        why === undefined ? [] : [`${name}: ${cannotRun(subject, why)}`],
      ),
    ],
    details: outcomes,
  };
}
