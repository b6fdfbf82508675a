/** Days by the time zone of this machine, or by a named one. */
import { type Day, dayText, type LocalTime } from '../core/quota/calendar.js';

const QUARTER_MS = 900_000;

/** `zone`: such as `Europe/Berlin`; the machine's own where none is named. */
export function localTime(zone?: string): LocalTime & { readonly zone: string } {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  });
  const dayOf = (wallMs: number): Day => {
    const [month, day, year] = format.format(wallMs).split('/').map(Number);
    return dayText(year, month, day);
  };
  const startOf = (day: Day): number => {
    // No zone is further than 14 hours from Greenwich, and all change by quarters of an hour.
    let at = Date.parse(`${day}T00:00:00Z`) - 15 * 3_600_000;
    while (dayOf(at) < day) at += QUARTER_MS;
    return at;
  };
  return { zone: format.resolvedOptions().timeZone, dayOf, startOf };
}
