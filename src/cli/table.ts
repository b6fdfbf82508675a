/** Aligned columns. */
import type { Colour, Paint } from './style.js';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

export interface Column {
  readonly title: string;
  /** Numbers stand right. */
  readonly align?: 'left' | 'right';
}

/** A header and rows, each line with an end; columns are two spaces apart. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
): string {
  const head: readonly Cell[] = columns.map(({ title }) => ({ text: title, colour: 'dim' }));
  const titled = columns.some(({ title }) => title !== '');
  const all = titled ? [head, ...rows] : rows;
  const widths = columns.map((_, i) => Math.max(...all.map((row) => row[i]?.text.length ?? 0)));
  return all.map((row) => renderRow(columns, widths, row, paint)).join('');
}

function renderRow(
  columns: readonly Column[],
  widths: readonly number[],
  row: readonly Cell[],
  paint: Paint,
): string {
  const cells = row.map(({ text, colour }, i) => {
    const last = i === row.length - 1;
    const right = columns[i]?.align === 'right';
    const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - text.length));
    const shown = colour === undefined ? text : paint(colour, text);
    if (right) return space + shown;
    return last ? shown : shown + space;
  });
  return `${cells.join('  ').trimEnd()}\n`;
}
