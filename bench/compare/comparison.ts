/** A comparison: what it is called, how it runs, and what it gives: a table, budgets, and everything as data. */
import { type Lab, type Scenario, startLab } from '../../lab/index.js';
import { type Column, renderTable } from '../../src/cli/table.js';
import type { BudgetRow } from '../budget.js';

export interface Comparison {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  run(options: CompareOptions): Promise<ComparisonResult>;
}

export interface CompareOptions {
  /** Fewer and shorter rounds. */
  readonly quick: boolean;
  /** What is going on; goes to stderr. */
  say(text: string): void;
}

export interface ComparisonResult {
  readonly tables: readonly Table[];
  readonly budgets: readonly BudgetRow[];
  /** How to read the table: what was derived, not measured, and what could not run. */
  readonly notes: readonly string[];
  /** Every single value. */
  readonly details: unknown;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

/** Three routes to one server, and nothing emulated: what is measured is work, not waiting. */
export const UNDELAYED: Scenario = {
  seed: 1,
  plain: true,
  providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
  servers: [{ name: 's' }],
};
/** The address of that server. */
export const SERVER = '198.51.100.1';

export async function inLab<T>(scenario: Scenario, work: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await startLab(scenario);
  try {
    return await work(lab);
  } finally {
    await lab.stop();
  }
}

/** The tables and notes, without colour. */
export function renderComparison({ tables, notes }: ComparisonResult): string {
  const parts = tables.map(({ title, columns, rows }) => {
    const cells = rows.map((row) => row.map((text) => ({ text })));
    return `${title}\n${renderTable(columns, cells, (_, text) => text)}`;
  });
  return [...parts, notes.map((note) => `* ${note}\n`).join('')].join('\n');
}

/** The note for a subject that did not start. */
export function cannotRun(name: string, why: string): string {
  return `${name} could not run: ${why}`;
}

/** A number with as many digits as are worth reading; `-` for none. */
export function figure(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '-';
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`;
}

/** Smallest, middle and largest value: `41 (38 to 45)`. */
export function spread(values: readonly number[], unit = ''): string {
  if (values.length === 0) return '-';
  const sorted = [...values].sort((a, b) => a - b);
  const middle = figure(sorted[Math.floor(sorted.length / 2)], unit);
  if (sorted.length === 1 || sorted[0] === sorted.at(-1)) return middle;
  return `${middle} (${figure(sorted[0])} to ${figure(sorted.at(-1))})`;
}
