/** Hours of the week as people write them: `mon-fri 08:00-18:00`, `sat,sun`, `22:00-06:00`. */
import type { TimeSpan } from '../../model/config.js';
import { bad, type Mistake, type Parsed } from '../parsed.js';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAY_MINUTES = 24 * 60;
const MAX_SPANS = 32;
export const TIMES_ALLOWED = `days, hours, or both, such as "mon-fri 08:00-18:00", "sat,sun" or 22:00-06:00, or a list of at most ${MAX_SPANS}`;
/** JSON Schema knows no letter case that does not count. */
const anyCase = (word: string): string =>
  [...word].map((letter) => `[${letter.toUpperCase()}${letter}]`).join('');
const DAY = `(?:${DAYS.map(anyCase).join('|')})`;
const RANGE = `${DAY}(?:\\s*-\\s*${DAY})?`;
const CLOCK = '(?:(?:[01]?\\d|2[0-3]):[0-5]\\d|24:00)';
const HOURS = `(?!24)${CLOCK}\\s*-\\s*${CLOCK}`;
const DAYS_OF_WEEK = `${RANGE}(?:\\s*,\\s*${RANGE}){0,13}`;
export const TIME_PATTERN = `^\\s*(?:${DAYS_OF_WEEK}\\s*|(?:${DAYS_OF_WEEK}\\s*)?${HOURS}\\s*)$`;

/** Local time; hours beyond midnight belong to the day on which they begin. */
export function parseTimes(raw: unknown): Parsed<readonly TimeSpan[]> {
  const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  if (items.length === 0) return bad('The list is empty.');
  if (items.length > MAX_SPANS) return bad('The list is too long.', `at most ${MAX_SPANS} in a list`);
  const spans: TimeSpan[] = []; // BOUNDED: MAX_SPANS.
  const problems: Mistake[] = []; // BOUNDED: MAX_SPANS.
  items.forEach((item, index) => {
    const path = Array.isArray(raw) ? [index] : [];
    const span = parseSpan(item);
    if (typeof span === 'string') problems.push({ path, message: span });
    else spans.push(span);
  });
  return problems.length > 0 ? { problems } : { value: spans };
}

export function formatSpan({ days, from, to }: TimeSpan): string {
  const hours = from === 0 && to === DAY_MINUTES ? '' : `${formatMinute(from)}-${formatMinute(to)}`;
  const names = days.length === DAYS.length ? (hours === '' ? 'mon-sun' : '') : formatDays(days);
  return [names, hours].filter((part) => part !== '').join(' ');
}

/** The span, or what is wrong with it. */
function parseSpan(item: unknown): TimeSpan | string {
  const text = typeof item === 'string' ? item.trim().toLowerCase() : '';
  const match = /^([a-z]{3}(?:\s*[-,]\s*[a-z]{3}){0,13})?\s*([\d:]{4,5}\s*-\s*[\d:]{4,5})?$/.exec(text);
  if (text === '' || match === null) return 'Not days and hours.';
  const days = match[1] === undefined ? DAYS.map((_, day) => day) : parseDays(match[1]);
  if (typeof days === 'string') return days;
  if (match[2] === undefined) return { days, from: 0, to: DAY_MINUTES };
  const [from, to] = match[2].split('-').map((end) => parseMinute(end.trim()));
  if (from === undefined || to === undefined || from === DAY_MINUTES) return 'Not hours from 00:00 to 24:00.';
  return from === to ? 'Begins and ends in the same minute.' : { days, from, to };
}

/** Numbers of the days in order, or what is wrong. */
function parseDays(text: string): readonly number[] | string {
  const found = new Set<number>(); // BOUNDED: 7.
  for (const part of text.split(',')) {
    const ends = part.split('-').map((end) => end.trim());
    const numbers = ends.map((end) => (DAYS as readonly string[]).indexOf(end));
    const unknown = numbers.indexOf(-1);
    if (unknown >= 0) return `"${ends[unknown]}" is not a day: ${DAYS.join(', ')}.`;
    if (numbers.length > 2) return 'Not a range of days.';
    const [first, last = first] = numbers;
    for (let day = first; ; day = (day + 1) % DAYS.length) {
      found.add(day);
      if (day === last) break;
    }
  }
  return [...found].sort((a, b) => a - b);
}

function parseMinute(text: string): number | undefined {
  const match = /^(\d\d?):(\d\d)$/.exec(text);
  if (match === null) return undefined;
  const minute = Number(match[1]) * 60 + Number(match[2]);
  return Number(match[2]) < 60 && minute <= DAY_MINUTES ? minute : undefined;
}

function formatMinute(minute: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** Runs of three and more days as a range; the week begins on Monday. */
function formatDays(days: readonly number[]): string {
  const week = [1, 2, 3, 4, 5, 6, 0];
  const runs: number[][] = [];
  for (const [place, day] of week.entries()) {
    if (!days.includes(day)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.at(-1) === week[place - 1]) last.push(day);
    else runs.push([day]);
  }
  return runs
    .map((run) => {
      const names = run.map((day) => DAYS[day]);
      return names.length > 2 ? `${names[0]}-${names.at(-1)}` : names.join(',');
    })
    .join(',');
}
