/** Racing, the single providers and round robin side by side. */
import { formatCount } from '../../src/cli/style.js';
import { anySingle, type Figure, type PolicyFigures } from './figures.js';
import { type FixedColumn, grid, type Line, milliseconds, text } from './layout.js';

export interface ComparisonOptions {
  /** Means and losses only, to fit beside another block. */
  readonly isBrief: boolean;
}

/** A title line, a header and a row per policy. */
export function comparison(table: readonly PolicyFigures[], { isBrief }: ComparisonOptions): Line[] {
  const any = anySingle(table);
  const singles = table.filter(({ kind }) => kind === 'single').length;
  const rows = any === null ? table : [...table.slice(0, 1 + singles), any, ...table.slice(1 + singles)];
  const columns = [NAME, ...(isBrief ? BRIEF : FULL), ...(isBrief ? BRIEF : FULL)];
  const lines = rows.map((row): Line => {
    const colour = row.kind === 'race' ? ('green' as const) : undefined;
    return [
      text(row.name, colour),
      ...cells(row.healthy, isBrief, colour),
      ...cells(row.dead, isBrief, colour),
    ];
  });
  const half = (isBrief ? BRIEF : FULL).reduce((sum, { min }) => sum + min + GAP, 0);
  const title: Line = [
    text(' '.repeat(NAME.min)),
    text('all healthy'.padStart(half), 'bold'),
    text((isBrief ? 'one dead' : 'one silently dead').padStart(half), 'bold'),
  ];
  return [title, ...grid(columns, lines, GAP)];
}

const GAP = 1;
const NAME: FixedColumn = { title: 'CONNECT, ms', min: 14 };
const MEAN: FixedColumn = { title: 'mean', min: 6, align: 'right' };
const P95: FixedColumn = { title: 'p95', min: 6, align: 'right' };
const LOST: FixedColumn = { title: 'lost', min: 5, align: 'right' };
const COUNT: FixedColumn = { title: 'of', min: 7, align: 'right' };
const FULL = [MEAN, P95, LOST, COUNT];
const BRIEF = [MEAN, LOST];

function cells(figure: Figure | null, isBrief: boolean, colour: 'green' | undefined): Line {
  if (figure === null) return (isBrief ? BRIEF : FULL).map(() => text('-', 'dim'));
  const { meanMs, p95Ms, lost, connections } = figure;
  const share =
    lost === 0 ? '0' : isBrief ? `${Math.round((100 * lost) / connections)} %` : formatCount(lost);
  const losses = text(share, lost === 0 ? colour : 'red');
  if (isBrief) return [text(milliseconds(meanMs), colour), losses];
  return [
    text(milliseconds(meanMs), colour),
    text(milliseconds(p95Ms), colour),
    losses,
    text(formatCount(connections)),
  ];
}
