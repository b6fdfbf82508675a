/** A measured value beside its budget. */
import { writeResult } from '../src/cli/io.js';
import { renderTable, WIDE } from '../src/cli/table.js';

export interface BudgetRow {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Set when it is printed. */
  met?: boolean;
}

/** Prints the rows as a table, or everything as JSON. */
export function printRows(rows: BudgetRow[], details: Record<string, unknown>, json: boolean): void {
  for (const row of rows) row.met = isMet(row);
  if (json) {
    const { stdout, stderr, env } = process;
    writeResult({ stdout, stderr, env }, { rows, details }, rows.every(isMet));
    return;
  }
  const cells = rows.map((row) => [
    row.what,
    `${format(row.value)} ${row.unit}`.trim(),
    row.atLeast === undefined ? `<= ${row.atMost}` : `>= ${row.atLeast}`,
    row.met ? 'met' : 'missed',
  ]);
  const columns = ['what', 'measured', 'budget', ''].map((title) => ({ title }));
  const table = cells.map((row) => row.map((text) => ({ text })));
  process.stdout.write(renderTable(columns, table, (_, text) => text, WIDE));
}

function isMet(row: BudgetRow): boolean {
  if (Number.isNaN(row.value)) return false;
  return (
    row.value >= (row.atLeast ?? Number.NEGATIVE_INFINITY) &&
    row.value <= (row.atMost ?? Number.POSITIVE_INFINITY)
  );
}

function format(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}
