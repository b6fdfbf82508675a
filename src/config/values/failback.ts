/** When a route that comes back gets its connections back. */
import type { Failback } from '../../model/config.js';
import { bad, type Parsed } from '../parsed.js';
import { durationBetween, formatDuration } from './quantities.js';

export const FAILBACK_ALLOWED =
  'stay, move-new, or reset after a time from 1s to 7d such as "reset after 10m"; a number alone is minutes';
export const FAILBACK_PATTERN =
  '^\\s*(stay|move(-|\\s+)new((-|\\s+)only)?|reset\\s+after\\s+\\d{1,9}(ms|s|m|h|d)?)\\s*$';

const readTime = durationBetween(1000, 604_800_000);

export function parseFailback(raw: unknown): Parsed<Failback> {
  const text = typeof raw === 'string' ? raw.trim().replace(/\s+/g, ' ') : '';
  if (text === 'stay') return { value: { kind: 'stay' } };
  if (/^move[- ]new([- ]only)?$/.test(text)) return { value: { kind: 'move-new' } };
  const match = /^reset after (\d+[a-z]*)$/.exec(text);
  if (match === null) return bad('Not one of the ways to come back.');
  const after = readTime(/^\d+$/.test(match[1]) ? `${match[1]}m` : match[1]);
  return 'value' in after ? { value: { kind: 'reset', afterMs: after.value } } : after;
}

export function formatFailback(failback: Failback): string {
  return failback.kind === 'reset' ? `reset after ${formatDuration(failback.afterMs)}` : failback.kind;
}
