/** Numbers for people: the same on a terminal and on the page. Runs in browsers. */

/** 1234567 as `1 234 567`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** A count for a narrow column: `999 999`, from a million on `1.23 M`. */
export function formatTally(count: number): string {
  return count < 1_000_000 ? formatCount(count) : formatScaled(count);
}

/** Microseconds in milliseconds, for columns of them: `0.87 ms`, `12.3 ms`, `3050 ms`. */
export function formatMillis(micros: number): string {
  const digits = micros < 9_995 ? 2 : micros < 99_950 ? 1 : 0;
  return `${(micros / 1000).toFixed(digits)} ms`;
}

/** Bits per second: `0 bit/s`, `870 kbit/s`, `12.3 Mbit/s`. */
export function formatRate(bitsPerSecond: number): string {
  return `${formatScaled(bitsPerSecond)}bit/s`;
}

/** Bytes, decimal as providers count them: `512 B`, `12.3 GB`. */
export function formatBytes(bytes: number): string {
  return `${formatScaled(bytes)}B`;
}

/** A share as `24 %`; a little is not nothing, and almost all is not all. */
export function formatShare(share: number): string {
  const percent = 100 * share;
  if (percent > 0 && percent < 1) return '<1 %';
  return `${percent < 100 ? Math.min(99, Math.round(percent)) : Math.round(percent)} %`;
}

/** Three digits and a decimal prefix. */
function formatScaled(value: number): string {
  let scaled = value;
  let step = 0;
  while (scaled >= 999.5 && step < PREFIXES.length - 1) {
    scaled /= 1000;
    step++;
  }
  const digits = step === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${PREFIXES[step]}`;
}

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** Seconds as the two largest units: `2 d 3 h`, `5 min 12 s`. */
export function formatDuration(seconds: number): string {
  let left = Math.floor(seconds);
  const parts: string[] = []; // BOUNDED: UNITS.
  for (const [size, unit] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 || (unit === 's' && parts.length === 0)) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(' ');
}

/** Seconds as the largest unit alone: `2 d`, `59 min`. */
export function formatAge(seconds: number): string {
  return formatDuration(seconds).split(' ').slice(0, 2).join(' ');
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;
