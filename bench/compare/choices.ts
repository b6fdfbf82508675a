/** Choices that hold: long round trips, lost packets, outages that end, many connections at once. What clients and the server saw. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connector, type EchoConnection, type Lab, providerOf } from '../../lab/index.js';
import { type ChoiceCase, type Held, PORT, type Ran, SERVERS, TOGETHER } from './choices/case.js';
import { CHOICE_CASES } from './choices/index.js';
import { inWords, type Outcome, report } from './choices/report.js';
import { type CompareOptions, type Comparison, inLab } from './comparison.js';
import { errorsOf, lost } from './stream.js';
import { type Contender, withSubject } from './subjects.js';

export const compareChoices: Comparison = {
  name: 'compare-choices',
  title: 'long round trips, outages that end, many connections at once',
  run: async ({ quick, say }) =>
    report(
      await measureCases(
        CHOICE_CASES.filter(({ inQuick = true }) => inQuick || !quick),
        say,
      ),
    ),
};

/** Each case in a lab of its own. */
export async function measureCases(
  cases: readonly ChoiceCase[],
  say: CompareOptions['say'],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const each of cases) {
    await inLab(each.scenario, async (lab) => {
      const { ports = [PORT] } = each;
      const echo = await lab.server().echo({ ports });
      for (const subject of each.subjects) {
        const result = await withSubject(subject, lab, async (running) => {
          const flows = await hold(lab, each.held);
          const world = { lab, running, ours: subject.ours, forget: () => echo.forget() };
          await each.before?.(world);
          await world.forget();
          const ran = await each.run(world);
          const held = await flows.end();
          return { ...held, ...judge(lab, each, ran, await echo.connections()) };
        });
        const outcome = { ...nothing(each, subject), ...result };
        outcomes.push(outcome);
        say(`  ${outcome.case}, ${outcome.subject}: ${outcome.why ?? inWords(outcome)}`);
        await repair(lab);
      }
      await echo.stop();
    });
  }
  return outcomes;
}

async function repair(lab: Lab): Promise<void> {
  for (const { name } of lab.scenario.providers) {
    await lab.link(name).set({ blackhole: false, reject: {}, pathMtu: 0, pathMtuSilent: false });
    await lab.link(name).clearDrops();
  }
}

/** Connections that are open all the time; `end` says how many of them were, and how many are gone. */
async function hold(
  lab: Lab,
  held: Held | undefined,
): Promise<{ end(): Promise<Pick<Outcome, 'held' | 'cut'>> }> {
  if (held === undefined) return { end: async () => ({ held: 0, cut: 0 }) };
  const { count, to = SERVERS[0]!, port = PORT, bytes = 0 } = held;
  const holder = lab.client().connector();
  await holder.run({ targets: [{ address: to, port }], count, hold: true });
  const speaking = bytes === 0 ? undefined : speak(holder, bytes);
  return {
    async end() {
      await speaking?.end();
      const { ok } = await holder.check();
      await holder.stop();
      return { held: count, cut: count - ok };
    },
  };
}

/** So many bytes there and back on each of its connections, every fifth of a second. */
function speak(holder: Connector, bytes: number): { end(): Promise<void> } {
  let ended = false;
  const all = (async () => {
    while (!ended) {
      await holder.check(bytes);
      await sleep(200);
    }
  })();
  return {
    end: () => {
      ended = true;
      return all;
    },
  };
}

/** Of a subject that could not run. */
function nothing({ name, elsewhereAtMost, slowestAtMost }: ChoiceCase, subject: Contender): Outcome {
  return {
    ...{ case: name, subject: subject.name, ours: subject.ours },
    ...{ connections: 0, lost: Number.NaN, errors: {}, taken: {}, held: 0, cut: Number.NaN, remarks: [] },
    ...{ elsewhere: null, elsewhereAtMost, slowestMillis: Number.NaN, slowestAtMost: slowestAtMost ?? null },
  };
}

type Measured = Pick<
  Outcome,
  'connections' | 'lost' | 'errors' | 'taken' | 'elsewhere' | 'slowestMillis' | 'remarks'
>;

function judge(
  lab: Lab,
  { wanted, groupOf = () => '' }: ChoiceCase,
  { results, remarks = [] }: Ran,
  connections: readonly EchoConnection[],
): Measured {
  // BOUNDED: by the connections of a case.
  const groups = new Map<string, Record<string, number>>();
  for (const connection of connections) {
    const group = groups.get(groupOf(connection)) ?? {};
    const name = providerOf(lab.scenario, connection.remoteAddress) ?? 'untranslated';
    group[name] = (group[name] ?? 0) + 1;
    groups.set(groupOf(connection), group);
  }
  const taken: Record<string, number> = {};
  let there = 0;
  for (const group of groups.values()) {
    for (const [name, count] of Object.entries(group)) taken[name] = (taken[name] ?? 0) + count;
    there += wanted === TOGETHER ? Math.max(...Object.values(group)) : (group[wanted ?? ''] ?? 0);
  }
  return {
    connections: results.length,
    lost: lost(results),
    errors: errorsOf(results),
    taken,
    elsewhere: wanted === null ? null : connections.length - there,
    slowestMillis: Math.max(...results.map(({ connectMicros }) => connectMicros / 1000)),
    remarks,
  };
}
