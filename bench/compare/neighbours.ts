/** An operator's rules and programs beside plain kernel NAT and beside the gateway: what arrives must not depend on who distributes. */
import {
  ask,
  type Case,
  GROUND,
  HELPER,
  NEIGHBOURS,
  type Outcome,
  openGround,
  RULES,
} from '../../lab/beside/index.js';
import { type Lab, plainMasquerade, type Scenario } from '../../lab/index.js';
import {
  type CompareOptions,
  type Comparison,
  type ComparisonResult,
  cannotRun,
  inLab,
} from './comparison.js';
import { type Contender, gateway, plain, RACE, REMEMBER, selecting, withSubject } from './subjects.js';

const SCENARIO: Scenario = { seed: 1, ...GROUND };

const SUBJECTS: readonly Contender[] = [
  plain('plain NAT', plainMasquerade),
  gateway('round-robin', selecting('round-robin')),
  gateway('raced', RACE),
  gateway('remembered', REMEMBER),
];

interface Row {
  readonly kind: Case['kind'];
  readonly case: string;
  readonly probe: string;
  /** By subject. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
  readonly agree: boolean;
}

export const compareNeighbours: Comparison = {
  name: 'compare-neighbours',
  title: 'an operator’s rules and programs beside',
  run: (options) => inLab(SCENARIO, (lab) => measure(lab, options)),
};

async function measure(lab: Lab, { quick, say }: CompareOptions): Promise<ComparisonResult> {
  await openGround(lab);
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const each of [...RULES, HELPER, ...NEIGHBOURS]) {
    // What starts slowly is left to the whole run.
    if (quick && SLOW.has(each.name)) continue;
    for (const row of await measureCase(lab, each, notes)) {
      const cells = SUBJECTS.map((subject) => `${subject.name} ${cell(row.outcomes[subject.name])}`).join(
        ', ',
      );
      say(`  ${row.case}, ${row.probe}: ${row.agree ? '' : 'NOT THE SAME, '}${cells}`);
      rows.push(row);
    }
  }
  return report(rows, notes);
}

const SLOW: ReadonlySet<string> = new Set(['ufw', 'firewalld']);

async function measureCase(lab: Lab, each: Case, notes: string[]): Promise<Row[]> {
  const outcomes = each.probes.map((): Record<string, Outcome> => ({}));
  // Rules count, so that everybody gets new ones; a program is there once.
  const shared = each.kind === 'neighbour' ? await each.install(lab) : null;
  for (const subject of SUBJECTS) {
    const installed = shared ?? (await each.install(lab));
    const result = await withSubject(subject, lab, async () => {
      for (const [i, probe] of each.probes.entries())
        outcomes[i]![subject.name] = await ask(probe, lab, installed);
    });
    if (result !== undefined) notes.push(`${each.name}: ${cannotRun(subject.name, result.why)}`);
    if (shared === null) await installed.remove();
  }
  await shared?.remove();
  return each.probes.map(({ name }, i) => ({
    kind: each.kind,
    case: each.name,
    probe: name,
    outcomes: outcomes[i]!,
    agree: SUBJECTS.every((subject) => isSame(outcomes[i]![subject.name], outcomes[i]![SUBJECTS[0]!.name])),
  }));
}

/** As many arrive, at the same places, and nothing leaves with an address that is not the provider's. */
function isSame(outcome: Outcome | undefined, plainly: Outcome | undefined): boolean {
  if (outcome === undefined || plainly === undefined) return false;
  return (
    arrived(outcome) === arrived(plainly) &&
    outcome.reached.join() === plainly.reached.join() &&
    outcome.foreign === 0
  );
}

function arrived({ answers }: Outcome): number {
  return answers.ok ?? 0;
}

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '-';
  const all = Object.values(outcome.answers).reduce((sum, count) => sum + count, 0);
  const foreign = outcome.foreign > 0 ? `, ${outcome.foreign} packets with a foreign address` : '';
  return `${arrived(outcome)} / ${all - arrived(outcome)}${foreign}`;
}

function report(rows: readonly Row[], notes: readonly string[]): ComparisonResult {
  const disagreeing = rows.filter(({ agree }) => !agree).length;
  return {
    tables: [
      {
        title: 'Connections that arrived / were blocked, with rules and programs that were there before',
        columns: [
          { title: 'beside' },
          { title: 'connections' },
          ...SUBJECTS.map(({ name }) => ({ title: name, align: 'right' as const })),
          { title: 'agree' },
        ],
        rows: rows.map((row) => [
          row.case,
          row.probe,
          ...SUBJECTS.map(({ name }) => cell(row.outcomes[name])),
          row.agree ? 'yes' : 'NO',
        ]),
      },
    ],
    budgets: [
      {
        what: 'kinds of connections that do not fare as beside plain NAT',
        value: disagreeing,
        unit: `of ${rows.length}`,
        atMost: 0,
      },
    ],
    notes: [
      'Two rounds each: in the second, the destination is remembered where there is a memory. "Arrived" is what the client has back from the server.',
      'They agree when as many arrive, their first packets go to the same places (as seen on the providers’ wires), and none leaves with an address that is not the provider’s.',
      ...notes,
    ],
    details: rows,
  };
}
