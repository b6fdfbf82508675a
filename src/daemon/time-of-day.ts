/** Whether it is the time of a service: local time, as an operator writes it. */
import type { TimeSpan } from '../model/config.js';

const MINUTES_OF_DAY = 1440;

/** No span at all means always. */
export function isWithin(spans: readonly TimeSpan[], now: Date): boolean {
  if (spans.length === 0) return true;
  const minute = now.getHours() * 60 + now.getMinutes();
  const today = now.getDay();
  const yesterday = (today + 6) % 7;
  return spans.some(({ days, from, to }) => {
    if (from < to) return days.includes(today) && minute >= from && minute < to;
    // Beyond midnight: the evening of the day, and the morning after it.
    return (
      (days.includes(today) && minute >= from) || (days.includes(yesterday) && minute < to % MINUTES_OF_DAY)
    );
  });
}
