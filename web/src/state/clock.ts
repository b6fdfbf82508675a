/** The time, each second, for what says how long ago something was. */
import { signal } from '@preact/signals';

export const nowMs = signal(Date.now());
setInterval(() => {
  if (!document.hidden) nowMs.value = Date.now();
}, 1000);

/** `14:03:07`, local. */
export function clockText(time: number | string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((one) => String(one).padStart(2, '0'))
    .join(':');
}

/** Seconds from then to now, at least 0. */
export function secondsSince(time: number | string): number {
  const then = typeof time === 'number' ? time : Date.parse(time);
  return Number.isNaN(then) ? 0 : Math.max(0, (nowMs.value - then) / 1000);
}
