/** Colour for terminals, and numbers for people. */
import type { CommandIo, Output } from './io.js';

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

/** Colours on a terminal only; NO_COLOR (no-color.org) switches them off. */
export function paintFor(output: Output, env: CommandIo['env']): Paint {
  const noColour = env.NO_COLOR !== undefined && env.NO_COLOR !== '';
  if (output.isTTY !== true || noColour || env.TERM === 'dumb') return (_, text) => text;
  return (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m`;
}

/** 1234567 as `1 234 567`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** Microseconds with a unit that fits: `870 us`, `12.3 ms`, `3.05 s`. */
export function formatMicros(micros: number): string {
  if (micros < 1000) return `${Math.round(micros)} us`;
  if (micros < 1_000_000) return `${(micros / 1000).toFixed(1)} ms`;
  return `${(micros / 1_000_000).toFixed(2)} s`;
}

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

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** Text from elsewhere without what could steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, '?');
}
