/** Colour for terminals, and numbers for people. */
import type { CommandIo, Output } from './io.js';

export {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatMillis,
  formatRate,
  formatShare,
  formatTally,
} from '../api/words/numbers.js';

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

/** Colours on a terminal only; NO_COLOR (no-color.org) switches them off. */
export function paintFor(output: Output, env: CommandIo['env']): Paint {
  const noColour = env.NO_COLOR !== undefined && env.NO_COLOR !== '';
  if (output.isTTY !== true || noColour || env.TERM === 'dumb') return (_, text) => text;
  return (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m`;
}

/** The local time with its distance from UTC, which tells the two hours of a change of clocks apart: `2024-03-01 03:59:07.123 +01:00`. */
export function formatLocal(date: Date, withMillis = true): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const millis = withMillis ? `.${String(date.getMilliseconds()).padStart(3, '0')}` : '';
  const east = -date.getTimezoneOffset();
  const ahead = Math.abs(east);
  const zone = `${east < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
  return `${day} ${time}${millis} ${east === 0 ? 'UTC' : zone}`;
}

/** Text from elsewhere without what could steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, '?');
}
