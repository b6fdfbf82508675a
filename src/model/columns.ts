/** Columns of text: how wide each is, and what is padded or cut for that. Whoever prints a table asks here. Pure. */

export interface Cell<Colour extends string = string> {
  readonly text: string;
  readonly colour?: Colour;
}

export interface Column {
  readonly title: string;
  /** Numbers stand right. */
  readonly align?: 'left' | 'right';
  /** At least so wide, so that a page stays still while its numbers grow. */
  readonly min?: number;
  /** Where a line is too long its cells are cut down to this many characters; absent: never. */
  readonly shrink?: number;
}

/** The title cells and the rows, every cell padded with spaces of its own; `width`: characters of a line at most. */
export function alignColumns<C extends string>(
  columns: readonly Column[],
  rows: readonly (readonly Cell<C>[])[],
  { gap = 2, width = Number.POSITIVE_INFINITY }: { readonly gap?: number; readonly width?: number } = {},
): Cell<C>[][] {
  const widths = widthsOf(columns, rows, width - gap * (columns.length - 1));
  return rows.map((row) =>
    columns.flatMap((column, at) => padded(column, row[at], widths[at] ?? 0, at, gap)),
  );
}

/** The text with its middle left out where it is longer than `width`: both ends of a name tell it from others. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  if (width < 2) return text.slice(0, Math.max(0, width));
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

/** Lines of at most `width` characters, broken between words; all but the first begin with `indent` spaces. */
export function wrapped(text: string, width: number, indent = 0): string[] {
  const lines: string[] = []; // BOUNDED: by the text.
  let line = /^ */.exec(text)?.[0] ?? '';
  let isEmpty = true;
  const end = (): void => {
    lines.push(line);
    line = ' '.repeat(indent);
    isEmpty = true;
  };
  for (let word of text.trim().split(/ +/)) {
    if (!isEmpty && line.length + 1 + word.length > width) end();
    while (isEmpty && line.length + word.length > width) {
      const fits = Math.max(1, width - line.length);
      line += word.slice(0, fits);
      word = word.slice(fits);
      end();
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

function widthsOf(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  available: number,
): number[] {
  const widths = columns.map(({ min = 0 }, at) =>
    rows.reduce((widest, row) => Math.max(widest, row[at]?.text.length ?? 0), min),
  );
  // The widest that may is cut first, so short names stay whole.
  for (let over = sum(widths) - available; over > 0; over--) {
    let widest = -1;
    for (const [at, { shrink }] of columns.entries()) {
      const canShrink = shrink !== undefined && (widths[at] ?? 0) > shrink;
      if (canShrink && (widest < 0 || (widths[at] ?? 0) > (widths[widest] ?? 0))) widest = at;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function padded<C extends string>(
  { align }: Column,
  cell: Cell<C> | undefined,
  width: number,
  at: number,
  gap: number,
): Cell<C>[] {
  const whole: Cell<C> = cell ?? { text: '' };
  const shown: Cell<C> = { ...whole, text: shortened(whole.text, width) };
  const space: Cell<C> = { text: ' '.repeat(width - shown.text.length) };
  const between: Cell<C> = { text: ' '.repeat(at === 0 ? 0 : gap) };
  return align === 'right' ? [between, space, shown] : [between, shown, space];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
