/** Days of the calendar, and the periods that a provider bills: from a day of the month to before the same day of the next. Pure. */

/** `2026-02-28`, local time: days compare as text. */
export type Day = string;

/** What the time zone says; times are wall time in milliseconds. */
export interface LocalTime {
  dayOf(wallMs: number): Day;
  /** The first moment of a day. */
  startOf(day: Day): number;
}

export interface Period {
  /** Its first day. */
  readonly from: Day;
  /** The first day of the next. */
  readonly until: Day;
}

/** The period that a day is in. In a month that is shorter than `billingDay` (1 to 31) the period begins on the month's last day. */
export function periodOf(day: Day, billingDay: number): Period {
  const [year, month] = day.split('-').map(Number);
  const start = startIn(year, month, billingDay);
  return day >= start
    ? { from: start, until: startIn(year, month + 1, billingDay) }
    : { from: startIn(year, month - 1, billingDay), until: start };
}

/** `month`: 0 is December of the year before, 13 January of the next. */
function startIn(year: number, month: number, billingDay: number): Day {
  const at = year * 12 + month - 1;
  const realYear = Math.floor(at / 12);
  const realMonth = (at % 12) + 1;
  return dayText(realYear, realMonth, Math.min(billingDay, daysIn(realYear, realMonth)));
}

/** The Gregorian calendar's. */
export function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** Years that do not fit into four digits become the last or first one that does. */
export function dayText(year: number, month: number, day: number): Day {
  if (year > 9999) return '9999-12-31';
  if (year < 1) return '0001-01-01';
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
}
