/** Tables and lines that fit a page. */
import { alignColumns, type Column, type Cell as PlainCell, wrapped } from '../model/columns.js';
import type { Colour, Paint } from './style.js';

export type { Column };
export type Cell = PlainCell<Colour>;

/** Characters of a line: what every terminal has, or without bound (`--wide`). */
export const NARROW = 80;
export const WIDE = Number.POSITIVE_INFINITY;

/** A row; `notes` stand below it, a line or more each. */
export type Row = readonly Cell[] | { readonly cells: readonly Cell[]; readonly notes: readonly Cell[] };

/** A header and rows, each line with an end, within `width` characters; columns are two spaces apart. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly Row[],
  paint: Paint,
  width: number = NARROW,
): string {
  const titled = columns.some(({ title }) => title !== '');
  const head: readonly Cell[] = columns.map(({ title }) => ({ text: title, colour: 'dim' }));
  const cells = rows.map((row) => ('cells' in row ? row.cells : row));
  const [first, ...others] = alignColumns<Colour>(columns, [head, ...cells], { width });
  const lines = others.map((line, at) => {
    const row = rows[at];
    const notes = row !== undefined && 'cells' in row ? row.notes : [];
    return paintLine(line, paint) + notes.map((note) => renderNote(note, paint, width)).join('');
  });
  return `${titled && first !== undefined ? paintLine(first, paint) : ''}${lines.join('')}`;
}

/** The same where the last column is words: what is too long for the line goes on below, in its column. */
export function renderWrapped(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
  width: number = NARROW,
): string {
  const fixed = columns.slice(0, -1);
  const last = columns.length - 1;
  const titled = columns.some(({ title }) => title !== '');
  const head: readonly Cell[] = columns.map(({ title }) => ({ text: title, colour: 'dim' }));
  const all = titled ? [head, ...rows] : rows;
  const lines = alignColumns<Colour>(
    fixed,
    all.map((row) => row.slice(0, last)),
    { width: width - LEAST_WORDS },
  );
  return lines
    .map((line, at) => {
      const indent = line.reduce((length, { text }) => length + text.length, 0) + 2;
      const { text, colour } = all[at]?.[last] ?? { text: '' };
      const [first = '', ...more] = wrapped(text, Math.max(LEAST_WORDS - 2, width - indent));
      const below = more.map((words) => `${' '.repeat(indent)}${colour ? paint(colour, words) : words}\n`);
      const cell: Cell = colour === undefined ? { text: first } : { text: first, colour };
      return paintLine([...line, { text: '  ' }, cell], paint) + below.join('');
    })
    .join('');
}

/** Room that is left to words, whatever the columns before them need. */
const LEAST_WORDS = 32;

/** Text that goes on in further lines, each with an end; all but the first begin with `indent` spaces. */
export function renderText(text: string, width: number, indent = 2): string {
  return wrapped(text, width, indent)
    .map((line) => `${line}\n`)
    .join('');
}

/** `title: text`, the title dim. */
export function renderTitled(title: string, text: string, paint: Paint, width: number): string {
  const lines = renderText(`${title}: ${text}`, width);
  return lines.startsWith(title) ? paint('dim', title) + lines.slice(title.length) : lines;
}

const NOTE_INDENT = 4;

function renderNote({ text, colour }: Cell, paint: Paint, width: number): string {
  const space = ' '.repeat(NOTE_INDENT);
  const painted = (line: string): string =>
    colour === undefined ? line : space + paint(colour, line.slice(NOTE_INDENT));
  return wrapped(space + text, width, NOTE_INDENT)
    .map((line) => `${painted(line)}\n`)
    .join('');
}

function paintLine(cells: readonly Cell[], paint: Paint): string {
  const last = cells.findLastIndex(({ text }) => text.trim() !== '');
  const shown = cells.slice(0, last + 1).map(({ text, colour }) => {
    return colour === undefined || text === '' ? text : paint(colour, text);
  });
  return `${shown.join('').trimEnd()}\n`;
}
