/** Ports as people write them: one, a range, a list, any. */
import type { PortRange } from '../../model/config.js';
import { bad, type Mistake, type Parsed } from '../parsed.js';
import { MISSING } from './texts.js';

const MAX_PORT = 65535;
export const MAX_PORT_ITEMS = 256;
export const PORTS_ALLOWED = 'any, a port from 1 to 65535, a range such as "8000-8999", or a list of these';

/** Ports of a service, as sorted ranges that neither touch nor overlap. */
export function parsePorts(raw: unknown): Parsed<readonly PortRange[]> {
  if (raw === undefined) return bad(MISSING);
  if (raw === 'any') return { value: [{ from: 1, to: MAX_PORT }] };
  const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  if (items.length === 0) return bad('The list is empty.');
  if (items.length > MAX_PORT_ITEMS)
    return bad('The list is too long.', `at most ${MAX_PORT_ITEMS} ports and ranges`);
  const ranges: PortRange[] = []; // BOUNDED: MAX_PORT_ITEMS.
  const problems: Mistake[] = [];
  items.forEach((item, index) => {
    const range = parsePortRange(item);
    if (range !== undefined) ranges.push(range);
    else
      problems.push({ path: Array.isArray(raw) ? [index] : [], message: 'Not a port or a range of ports.' });
  });
  return problems.length > 0 ? { problems } : { value: merge(ranges) };
}

/** The attempts' ports: enough of them, and enough left below for all other connections. */
export function parseRacePorts(raw: unknown): Parsed<PortRange> {
  const range = typeof raw === 'string' ? parsePortRange(raw) : undefined;
  if (range === undefined) return bad('Not a range of ports.');
  if (range.to - range.from + 1 < 1024) return bad('Fewer than 1024 ports.');
  if (range.from < 2048)
    return bad('Leaves fewer than the 1024 ports from 1024 on for all other connections.');
  return { value: range };
}

/** One port from its digits. */
export function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) ? parsePortRange(text)?.from : undefined;
}

export function formatPorts(ranges: readonly PortRange[]): readonly string[] {
  const isAny = ranges.length === 1 && ranges[0].from === 1 && ranges[0].to === MAX_PORT;
  return isAny ? ['any'] : ranges.map(formatPortRange);
}

export function formatPortRange({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function parsePortRange(item: unknown): PortRange | undefined {
  if (typeof item !== 'number' && typeof item !== 'string') return undefined;
  const match = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(String(item));
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return from >= 1 && from <= to && to <= MAX_PORT ? { from, to } : undefined;
}

function merge(ranges: readonly PortRange[]): readonly PortRange[] {
  const merged: PortRange[] = []; // BOUNDED: MAX_PORT_ITEMS.
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && range.from <= last.to + 1) {
      merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
    } else merged.push(range);
  }
  return merged;
}
