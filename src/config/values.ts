/** Readers of the small values of a configuration: names, numbers, durations, ports. */
import type { PortRange } from '../model/config.js';
import { bad, type Mistake, type Parsed } from './parsed.js';

const MISSING = 'This key is required.';

export const NAME_ALLOWED = '1 to 32 letters, digits, `_`, `.` or `-`';
export const INTERFACE_ALLOWED =
  'the name of a network interface: 1 to 15 letters, digits, `_`, `.`, `@`, `+` or `-`';

export function isName(text: string): boolean {
  return /^[A-Za-z0-9_.-]{1,32}$/.test(text);
}

export function parseName(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  return isName(text.value) ? text : bad('Not a name.');
}

/** A narrower rule than the kernel's (dev_valid_name), so that a name means the same in every tool. */
export function parseInterface(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  const valid = /^[A-Za-z0-9_.@+-]{1,15}$/.test(text.value) && text.value !== '.' && text.value !== '..';
  return valid ? text : bad('Not the name of an interface.');
}

export const MAX_INTERFACES = 16;

/** One interface or a list. */
export function parseInterfaces(raw: unknown): Parsed<readonly string[]> {
  const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  if (items.length === 0 || items.length > MAX_INTERFACES) {
    return bad('Not 1 to 16 interfaces.', `1 to ${MAX_INTERFACES} interfaces`);
  }
  const names: string[] = []; // BOUNDED: MAX_INTERFACES.
  const problems: Mistake[] = [];
  items.forEach((item, index) => {
    const path = Array.isArray(raw) ? [index] : [];
    const one = parseInterface(item);
    if (!('value' in one)) problems.push(...one.problems.map((mistake) => ({ ...mistake, path })));
    else if (names.includes(one.value)) problems.push({ path, message: 'The interface is there twice.' });
    else names.push(one.value);
  });
  return problems.length > 0 ? { problems } : { value: names };
}

/** sun_path has 108 bytes with its closing zero (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

export function parseSocketPath(raw: unknown): Parsed<string> {
  const text = parseText(raw);
  if (!('value' in text)) return text;
  if (!text.value.startsWith('/') || text.value.endsWith('/')) return bad('Not the absolute path of a file.');
  if (text.value.includes('\0')) return bad('Contains a zero byte.');
  return new TextEncoder().encode(text.value).length <= MAX_SOCKET_PATH_BYTES
    ? text
    : bad('The path is too long for a socket.', `at most ${MAX_SOCKET_PATH_BYTES} bytes`);
}

export function parseBoolean(raw: unknown): Parsed<boolean> {
  if (raw === undefined) return bad(MISSING);
  return typeof raw === 'boolean' ? { value: raw } : bad('Not true or false.');
}

export function integerBetween(min: number, max: number): (raw: unknown) => Parsed<number> {
  return (raw) => {
    if (raw === undefined) return bad(MISSING);
    if (typeof raw !== 'number' || !Number.isInteger(raw)) return bad('Not a whole number.');
    if (raw < min) return bad('Too small.');
    return raw > max ? bad('Too large.') : { value: raw };
  };
}

export function oneOf<const T extends string>(words: readonly T[]): (raw: unknown) => Parsed<T> {
  return (raw) => {
    const word = words.find((candidate) => candidate === raw);
    return word === undefined
      ? bad(raw === undefined ? MISSING : 'Not one of the allowed words.')
      : { value: word };
  };
}

const MS_PER_UNIT = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `10m`: whole numbers with a unit; bounds and result in milliseconds. */
export function durationBetween(minMs: number, maxMs: number): (raw: unknown) => Parsed<number> {
  return (raw) => {
    if (raw === undefined) return bad(MISSING);
    if (typeof raw === 'number') return bad('A duration needs a unit.');
    const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(typeof raw === 'string' ? raw : '');
    if (match === null) return bad('Not a duration.');
    const ms = Number(match[1]) * MS_PER_UNIT[match[2] as keyof typeof MS_PER_UNIT];
    if (ms < minMs) return bad('Too short.');
    return ms > maxMs ? bad('Too long.') : { value: ms };
  };
}

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

function parseText(raw: unknown): Parsed<string> {
  if (raw === undefined || raw === null) return bad(MISSING);
  if (typeof raw === 'string') return { value: raw };
  return bad(typeof raw === 'object' ? 'Not a text.' : 'Not a text; put it in quotes.');
}
