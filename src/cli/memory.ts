/** `pathrace memory`: what is remembered of destinations. */
import { askMemory } from '../api/client.js';
import type { MemoryEntry, MemoryRoute } from '../api/contract.js';
import { DEFAULT_MEMORY_LIMIT, MAX_MEMORY_LIMIT } from '../api/paths.js';
import { destinationText } from '../api/words/memory.js';
import { parsePrefix } from '../config/values/prefixes.js';
import { PathraceError } from '../model/errors.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { formatCount, formatDuration, formatMillis, type Paint, paintFor, printable } from './style.js';
import { type Cell, type Column, NARROW, renderTable, renderText, WIDE } from './table.js';

export interface MemoryOptions {
  readonly control: string;
  readonly json: boolean;
  readonly wide?: boolean | undefined;
  /** As it was typed. */
  readonly limit: string | undefined;
}

export async function runMemory(
  prefix: string | undefined,
  options: MemoryOptions,
  io: CommandIo,
): Promise<number> {
  const within = prefix === undefined ? null : readPrefix(prefix);
  const limit = options.limit === undefined ? DEFAULT_MEMORY_LIMIT : parseLimit(options.limit);
  const entries = await askMemory(options.control, limit, within);
  if (options.json) writeResult(io, { destinations: entries });
  else
    io.stdout.write(
      renderMemory(
        entries,
        { within, limit },
        paintFor(io.stdout, io.env),
        options.wide === true ? WIDE : NARROW,
      ),
    );
  return EXIT.ok;
}

/** A line per destination: a column per route where that fits, else the best and the others. */
export function renderMemory(
  entries: readonly MemoryEntry[],
  { within, limit }: { readonly within: string | null; readonly limit: number },
  paint: Paint,
  width: number = NARROW,
): string {
  if (entries.length === 0) return `Nothing is remembered${within === null ? '' : ` within ${within}`}.\n`;
  const names = [...new Set(entries.flatMap(({ routes }) => Object.keys(routes)))];
  const columns: readonly Column[] = [
    { title: 'DESTINATION' },
    ...names.map((name) => ({ title: printable(name), align: 'right' }) as const),
    { title: 'AGE', align: 'right' },
    { title: 'TRUSTED' },
  ];
  const more =
    entries.length < limit ? '' : `; there may be more, which --limit up to ${MAX_MEMORY_LIMIT} shows`;
  const rows = entries.map((entry) => cells(entry, names));
  const table = renderTable(columns, rows, paint, WIDE);
  const fits = columnsFit(columns, rows, width);
  const compact = fits ? '' : renderTable(COMPACT, entries.map(compactCells), paint, width);
  const legend = fits ? `* what memory would choose${more}` : `BEST: what memory would choose${more}`;
  return `${fits ? table : compact}\n${renderText(legend, width)
    .trimEnd()
    .split('\n')
    .map((line) => `${paint('dim', line)}\n`)
    .join('')}`;
}

function columnsFit(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): boolean {
  const plain = renderTable(columns, rows, (_, text) => text, WIDE);
  return plain.split('\n').every((line) => line.length <= width);
}

const COMPACT: readonly Column[] = [
  { title: 'DESTINATION', shrink: 18 },
  { title: 'BEST', shrink: 8 },
  { title: 'TIME', align: 'right' },
  { title: 'OTHERS', shrink: 8 },
  { title: 'AGE', align: 'right' },
  { title: 'TRUSTED' },
];

/** The others by their times, so that what is cut is what matters least. */
function compactCells(entry: MemoryEntry): readonly Cell[] {
  const { routes, best } = entry;
  const time = ([, { rttMicros }]: [string, MemoryRoute]): number => rttMicros ?? Number.POSITIVE_INFINITY;
  const others = Object.entries(routes)
    .filter(([name]) => name !== best)
    .sort((a, b) => (time(a) < time(b) ? -1 : Number(time(a) > time(b))))
    .map(([name, route]) => `${printable(name)} ${routeCell(route, false).text}`);
  const chosen = best !== null && Object.hasOwn(routes, best) ? routes[best] : undefined;
  const [destination, age, trusted] = [cells(entry, [])[0], ...cells(entry, []).slice(-2)] as Cell[];
  return [
    destination ?? { text: '' },
    best === null ? { text: '-', colour: 'dim' } : { text: printable(best), colour: 'green' },
    { text: chosen === undefined ? '-' : shortTime(chosen) },
    { text: others.join(', ') },
    age ?? { text: '' },
    trusted ?? { text: '' },
  ];
}

function cells(entry: MemoryEntry, names: readonly string[]): readonly Cell[] {
  const { routes, best, trusted } = entry;
  const ages = Object.values(routes).map(({ ageSeconds }) => ageSeconds);
  return [
    { text: printable(destinationText(entry)) },
    ...names.map((name) => routeCell(Object.hasOwn(routes, name) ? routes[name] : undefined, name === best)),
    { text: ages.length === 0 ? '-' : formatDuration(Math.min(...ages)) },
    trusted ? { text: 'yes', colour: 'green' } : { text: 'no', colour: 'dim' },
  ];
}

/** The time alone, or the word where there is none. */
function shortTime({ rttMicros, answer }: MemoryRoute): string {
  return rttMicros === null ? printable(answer) : formatMillis(rttMicros);
}

/** The time; or what happened, where it is not simply that there was an answer. */
function routeCell(route: MemoryRoute | undefined, best: boolean): Cell {
  if (route === undefined) return { text: '-', colour: 'dim' };
  const { rttMicros, answer } = route;
  const time = rttMicros === null ? '' : formatMillis(rttMicros);
  const word = answer === 'answered' && rttMicros !== null ? '' : printable(answer);
  const text = [word, time].filter((part) => part !== '').join(' ');
  if (best) return { text: `* ${text}`, colour: 'green' };
  return rttMicros === null ? { text, colour: 'dim' } : { text };
}

function readPrefix(text: string): string {
  const prefix = parsePrefix(text);
  if ('value' in prefix) return prefix.value;
  throw new PathraceError('E_ARGUMENT', prefix.problems[0].message, {
    found: JSON.stringify(text.slice(0, 80)),
    expected: '198.51.100.7, 198.51.100.0/24, 2001:db8::1 or 2001:db8::/32',
  });
}

function parseLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_MEMORY_LIMIT) return limit;
  throw new PathraceError('E_ARGUMENT', 'Not a limit.', {
    found: JSON.stringify(text.slice(0, 80)),
    expected: `1 to ${formatCount(MAX_MEMORY_LIMIT)}`,
  });
}
