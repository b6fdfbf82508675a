/** Lines of coloured text that can be put side by side and cut to a terminal's size. */
import type { Paint } from '../../src/cli/style.js';
import type { Cell, Column } from '../../src/cli/table.js';
import { alignColumns } from '../../src/model/columns.js';

export type Line = readonly Cell[];

/** A column that is at least `min` wide, so that the page stays still while its numbers grow. */
export interface FixedColumn extends Column {
  readonly min: number;
}

export function text(content: string, colour?: Cell['colour']): Cell {
  return colour === undefined ? { text: content } : { text: content, colour };
}

/** A dim header and rows with aligned columns, `gap` spaces apart. */
export function grid(columns: readonly FixedColumn[], rows: readonly Line[], gap = 2): Line[] {
  const head = columns.map(({ title }) => text(title, 'dim'));
  return alignColumns(columns, [head, ...rows], { gap });
}

/** Two blocks side by side, the right one starting at column `at`. */
export function beside(left: readonly Line[], right: readonly Line[], at: number): Line[] {
  const count = Math.max(left.length, right.length);
  return Array.from({ length: count }, (_, index) => {
    const line = clip(left[index] ?? [], at);
    return [...line, text(' '.repeat(at - lengthOf(line))), ...(right[index] ?? [])];
  });
}

/** `left` and, at the right edge of `width`, `right`. */
export function apart(left: Line, right: Line, width: number): Line {
  const space = Math.max(1, width - lengthOf(left) - lengthOf(right));
  return [...left, text(' '.repeat(space)), ...right];
}

export function lengthOf(line: Line): number {
  return line.reduce((sum, cell) => sum + cell.text.length, 0);
}

/** The first `width` columns of a line. */
export function clip(line: Line, width: number): Line {
  const result: Cell[] = []; // BOUNDED: cells of the line.
  let left = width;
  for (const cell of line) {
    if (left <= 0) break;
    result.push({ ...cell, text: cell.text.slice(0, left) });
    left -= cell.text.length;
  }
  return result;
}

export function paintLine(line: Line, paint: Paint): string {
  const painted = line.map(({ text: content, colour }) =>
    colour === undefined || content.trim() === '' ? content : paint(colour, content),
  );
  return painted.join('').trimEnd();
}

/** `share` (0 to 1) of `width` columns, in eighths of a column. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const rest = eighths % 8 === 0 ? '' : (EIGHTHS[(eighths % 8) - 1] ?? '');
  return ('█'.repeat(Math.floor(eighths / 8)) + rest).padEnd(width);
}

const EIGHTHS = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** Milliseconds with one decimal, without the unit; `-` for none. */
export function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : value.toFixed(1);
}

/** `00:07`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours === 0 ? rest : `${hours}:${rest}`;
}
