/** Numbers with a unit, read and written: durations, capacities, volumes, prices, shares. */
import { bad, type Parsed } from '../parsed.js';
import { MISSING } from './texts.js';

export function integerBetween(min: number, max: number): (raw: unknown) => Parsed<number> {
  return (raw) => {
    if (raw === undefined) return bad(MISSING);
    if (typeof raw !== 'number' || !Number.isInteger(raw)) return bad('Not a whole number.');
    if (raw < min) return bad('Too small.');
    return raw > max ? bad('Too large.') : { value: raw };
  };
}

/** The word `none`, which is null, or a whole number. */
export function integerOrNone(min: number, max: number): (raw: unknown) => Parsed<number | null> {
  const read = integerBetween(min, max);
  return (raw) => (raw === 'none' ? { value: null } : read(raw));
}

/** The word `auto`, or what `read` takes. */
export function autoOr<T>(read: (raw: unknown) => Parsed<T>): (raw: unknown) => Parsed<T | 'auto'> {
  return (raw) => (raw === 'auto' ? { value: 'auto' } : read(raw));
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

export function formatDuration(ms: number): string {
  const units = Object.entries(MS_PER_UNIT).reverse();
  const [unit, size] = (ms === 0 ? undefined : units.find(([, size]) => ms % size === 0)) ?? ['s', 1000];
  return `${ms / size}${unit}`;
}

const BITS_PER_UNIT = { kbit: 1e3, mbit: 1e6, gbit: 1e9 } as const;
export const CAPACITY_ALLOWED = 'bits per second from 1kbit to 1000gbit, such as 20kbit, 500mbit or 2.5gbit';
export const CAPACITY_PATTERN = '^\\d{1,9}(\\.\\d{1,9})?[kmgKMG][bB][iI][tT]$';

/** Bits per second. */
export function parseCapacity(raw: unknown): Parsed<number> {
  if (raw === undefined) return bad(MISSING);
  if (typeof raw === 'number') return bad('A capacity needs a unit.');
  const match = /^(\d{1,9}(?:\.\d{1,9})?)([kmg]bit)$/i.exec(typeof raw === 'string' ? raw : '');
  if (match === null) return bad('Not a capacity.');
  const bits = Number(match[1]) * BITS_PER_UNIT[match[2].toLowerCase() as keyof typeof BITS_PER_UNIT];
  if (bits < 1e3) return bad('Too small.');
  return bits > 1e12 ? bad('Too large.') : { value: Math.round(bits) };
}

export function formatCapacity(bitsPerSecond: number): string {
  const units = Object.entries(BITS_PER_UNIT).reverse();
  const [unit, size] = units.find(([, size]) => bitsPerSecond >= size) ?? ['bit', 1];
  return `${bitsPerSecond / size}${unit}`;
}

const BYTES_PER_UNIT = {
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;
export const QUOTA_ALLOWED =
  'a volume from 1kB to 1000TB in kB, MB, GB, TB, KiB, MiB, GiB or TiB, with or without /month, such as 500MB or 50GB/month';
export const QUOTA_PATTERN = '^\\d{1,9}(\\.\\d{1,9})?(kB|MB|GB|TB|KiB|MiB|GiB|TiB)(/month)?$';

/** Bytes in a month. */
export function parseQuota(raw: unknown): Parsed<number> {
  if (raw === undefined) return bad(MISSING);
  if (typeof raw === 'number') return bad('A volume needs a unit.');
  const match = new RegExp(QUOTA_PATTERN).exec(typeof raw === 'string' ? raw : '');
  if (match === null) return bad('Not a volume.');
  const count = Number.parseFloat(match[0]);
  const bytes = Math.round(count * BYTES_PER_UNIT[match[2] as keyof typeof BYTES_PER_UNIT]);
  if (bytes < 1e3) return bad('Too small.');
  return bytes > 1e15 ? bad('Too large.') : { value: bytes };
}

export const FILE_SIZE_ALLOWED = 'a size from 64kB to 10GB in kB, MB, GB, KiB, MiB or GiB, such as 10MB';
export const FILE_SIZE_PATTERN = '^\\d{1,9}(\\.\\d{1,9})?(kB|MB|GB|KiB|MiB|GiB)$';

/** Bytes of a file. */
export function parseFileSize(raw: unknown): Parsed<number> {
  if (raw === undefined) return bad(MISSING);
  if (typeof raw === 'number') return bad('A size needs a unit.');
  const match = new RegExp(FILE_SIZE_PATTERN).exec(typeof raw === 'string' ? raw : '');
  if (match === null) return bad('Not a size.');
  const bytes = Math.round(
    Number.parseFloat(match[0]) * BYTES_PER_UNIT[match[2] as keyof typeof BYTES_PER_UNIT],
  );
  if (bytes < 64e3) return bad('Too small.');
  return bytes > 1e10 ? bad('Too large.') : { value: bytes };
}

/** In the unit that makes the shortest text. */
export function formatVolume(bytes: number): string {
  const texts = Object.entries(BYTES_PER_UNIT)
    .filter(([, size]) => bytes >= size)
    .map(([unit, size]) => `${bytes / size}${unit}`);
  return texts.length === 0
    ? `${bytes}B`
    : texts.reduce((best, text) => (text.length < best.length ? text : best));
}

export const COST_ALLOWED = 'a number from 0 to 1000000, or the same with /GB, such as 8/GB or 0.5/GB';
const MAX_COST = 1_000_000;

/** Price of a gigabyte. */
export function parseCost(raw: unknown): Parsed<number> {
  if (raw === undefined) return bad(MISSING);
  const match = typeof raw === 'string' ? /^(\d{1,9}(?:\.\d{1,9})?)\/GB$/.exec(raw) : null;
  const cost = match === null ? raw : Number(match[1]);
  if (typeof cost !== 'number' || Number.isNaN(cost)) return bad('Not a price of a gigabyte.');
  if (cost < 0) return bad('Too small.');
  return cost > MAX_COST ? bad('Too large.') : { value: cost };
}

export function formatCost(cost: number): string {
  return cost === 0 ? '0' : `${cost}/GB`;
}

/** `0.8` or `80%`. */
export function shareBetween(min: number, max: number): (raw: unknown) => Parsed<number> {
  return (raw) => {
    if (raw === undefined) return bad(MISSING);
    const match = typeof raw === 'string' ? /^(\d{1,3}(?:\.\d{1,9})?)%$/.exec(raw) : null;
    const share = match === null ? raw : Number(match[1]) / 100;
    if (typeof share !== 'number' || Number.isNaN(share)) return bad('Not a share.');
    if (share < min) return bad('Too small.');
    return share > max ? bad('Too large.') : { value: share };
  };
}

/** In percent where that says it exactly. */
export function formatShare(share: number): string {
  const percent = Number((share * 100).toFixed(6));
  return percent / 100 === share ? `${percent}%` : String(share);
}
