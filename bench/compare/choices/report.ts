/** What came out of `compare-choices`, as a table, and as budgets of the gateway. */
import type { BudgetRow } from '../../budget.js';
import { type ComparisonResult, cannotRun, figure } from '../comparison.js';
import type { Remark } from './case.js';

export interface Outcome {
  readonly case: string;
  readonly subject: string;
  readonly ours: boolean;
  readonly connections: number;
  readonly lost: number;
  readonly errors: Readonly<Record<string, number>>;
  /** By provider, as the server saw their addresses. */
  readonly taken: Readonly<Record<string, number>>;
  /** Null: it does not matter. */
  readonly elsewhere: number | null;
  readonly elsewhereAtMost: number;
  readonly slowestMillis: number;
  readonly slowestAtMost: number | null;
  readonly held: number;
  readonly cut: number;
  readonly remarks: readonly Remark[];
  readonly why?: string;
}

const NOTES = [
  'Elsewhere: not by the provider that the criterion wants, or not by that of the others of its group.',
  'A client waits 16 s. Plain NAT uses one provider, whatever happens to it. As wanted: asked of the gateway only.',
];

export function report(outcomes: readonly Outcome[]): ComparisonResult {
  return {
    tables: [
      {
        title:
          'Connections that begin in each case, and those that were open before, as clients and servers saw them',
        columns: [
          { title: '' },
          { title: '' },
          { title: 'made', align: 'right' },
          { title: 'lost', align: 'right' },
          { title: 'slowest', align: 'right' },
          { title: 'by' },
          { title: 'elsewhere', align: 'right' },
          { title: 'open before, alive', align: 'right' },
          { title: 'besides' },
          { title: 'as wanted' },
        ],
        rows: outcomes.map((each) => [
          each.case,
          each.subject,
          figure(each.connections - each.lost),
          figure(each.lost),
          figure(each.slowestMillis, 'ms'),
          byWhom(each),
          figure(each.elsewhere),
          each.held === 0 ? '-' : `${figure(each.held - each.cut)} of ${each.held}`,
          each.remarks.map(({ text }) => text).join('; '),
          verdict(each),
        ]),
      },
    ],
    budgets: outcomes.filter(({ ours }) => ours).flatMap(budgetsOf),
    notes: [
      ...NOTES,
      ...outcomes.flatMap(({ case: name, subject, why }) =>
        why === undefined ? [] : [`${name}: ${cannotRun(subject, why)}`],
      ),
    ],
    details: outcomes,
  };
}

/** One line for whoever waits. */
export function inWords(outcome: Outcome): string {
  const { connections, lost, errors, slowestMillis, held, cut, remarks } = outcome;
  const parts = [
    `${lost} of ${connections} lost${lost === 0 ? '' : ` ${JSON.stringify(errors)}`}`,
    `by ${byWhom(outcome)}`,
    `slowest ${figure(slowestMillis, 'ms')}`,
    ...(held === 0 ? [] : [`${cut} of ${held} cut`]),
    ...remarks.map(({ text }) => text),
  ];
  return `${parts.join(', ')}: ${verdict(outcome)}`;
}

function byWhom({ taken }: Outcome): string {
  const names = Object.entries(taken).sort();
  return names.map(([name, count]) => `${name} ${count}`).join(', ') || '-';
}

/** Of the gateway; what others are is what they do. */
function verdict(outcome: Outcome): string {
  if (!outcome.ours) return '-';
  return budgetsOf(outcome).every(({ value, atMost = 0 }) => value <= atMost) ? 'yes' : 'no';
}

function budgetsOf(each: Outcome): BudgetRow[] {
  const row = (what: string, value: number, unit: string, atMost = 0): BudgetRow => ({
    what: `${each.case}, ${each.subject}: ${what}`,
    ...{ value, unit, atMost },
  });
  return [
    row('lost', each.lost, `of ${each.connections}`),
    ...(each.elsewhere === null
      ? []
      : [row('elsewhere', each.elsewhere, `of ${each.connections}`, each.elsewhereAtMost)]),
    ...(each.slowestAtMost === null ? [] : [row('slowest', each.slowestMillis, 'ms', each.slowestAtMost)]),
    ...(each.held === 0 ? [] : [row('open before, cut', each.cut, `of ${each.held}`)]),
    ...each.remarks.map(({ text, asWanted }) => row(text, asWanted ? 0 : 1, 'not as wanted')),
  ];
}
