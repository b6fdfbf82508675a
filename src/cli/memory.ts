/** `pathrace memory`: what is remembered of destinations. */
import { askMemory } from '../api/client.js';
import type { MemoryEntry, MemoryRoute } from '../api/contract.js';
import { DEFAULT_MEMORY_LIMIT, MAX_MEMORY_LIMIT } from '../api/paths.js';
import { parsePrefix } from '../config/values/prefixes.js';
import { PathraceError } from '../model/errors.js';
import { type CommandIo, EXIT, writeJson } from './io.js';
import { formatCount, formatDuration, formatMillis, type Paint, paintFor, printable } from './style.js';
import { type Cell, type Column, renderTable } from './table.js';

export interface MemoryOptions {
  readonly control: string;
  readonly json: boolean;
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
  if (options.json) writeJson(io.stdout, entries);
  else io.stdout.write(renderMemory(entries, { within, limit }, paintFor(io.stdout, io.env)));
  return EXIT.ok;
}

/** A line per destination, a column per route. */
export function renderMemory(
  entries: readonly MemoryEntry[],
  { within, limit }: { readonly within: string | null; readonly limit: number },
  paint: Paint,
): string {
  if (entries.length === 0) return `Nothing is remembered${within === null ? '' : ` within ${within}`}.\n`;
  const names = [...new Set(entries.flatMap(({ routes }) => Object.keys(routes)))];
  const columns: readonly Column[] = [
    { title: 'DESTINATION' },
    ...names.map((name) => ({ title: printable(name), align: 'right' }) as const),
    { title: 'AGE', align: 'right' },
    { title: 'TRUSTED' },
  ];
  const rows = entries.map((entry) => cells(entry, names));
  const more =
    entries.length < limit ? '' : `; there may be more, which --limit up to ${MAX_MEMORY_LIMIT} shows`;
  return `${renderTable(columns, rows, paint)}\n${paint('dim', `* what memory would choose${more}`)}\n`;
}

function cells(
  { destination, routes, best, trusted }: MemoryEntry,
  names: readonly string[],
): readonly Cell[] {
  const ages = Object.values(routes).map(({ ageSeconds }) => ageSeconds);
  return [
    { text: printable(destination) },
    ...names.map((name) => routeCell(Object.hasOwn(routes, name) ? routes[name] : undefined, name === best)),
    { text: ages.length === 0 ? '-' : formatDuration(Math.min(...ages)) },
    trusted ? { text: 'yes', colour: 'green' } : { text: 'no', colour: 'dim' },
  ];
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
