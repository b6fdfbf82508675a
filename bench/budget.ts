/** A measured value beside its budget. */

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
    process.stdout.write(`${JSON.stringify({ rows, details }, null, 2)}\n`);
    return;
  }
  const cells = rows.map((row) => [
    row.what,
    `${format(row.value)} ${row.unit}`.trim(),
    row.atLeast === undefined ? `<= ${row.atMost}` : `>= ${row.atLeast}`,
    row.met ? 'met' : 'missed',
  ]);
  const head = ['what', 'measured', 'budget', ''];
  const widths = head.map((_, i) => Math.max(...[head, ...cells].map((line) => line[i]!.length)));
  for (const line of [head, ...cells]) {
    process.stdout.write(
      `${line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
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
