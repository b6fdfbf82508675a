/** What each route did in a race, in words: the same on a terminal and on the page. Runs in browsers. */
import type { AttemptReport, Decision } from '../contract.js';
import { explainAnswer } from './decisions.js';
import { formatMillis } from './numbers.js';

/** As their copies left; a gateway of an older version does not say. */
export function inOrder(routes: readonly AttemptReport[]): readonly AttemptReport[] {
  const sent = ({ sentMicros }: AttemptReport): number => sentMicros ?? Number.POSITIVE_INFINITY;
  return [...routes].sort((a, b) => (sent(a) === sent(b) ? 0 : sent(a) - sent(b)));
}

/** When its copy left, from the begin of the race: `sent +0.42 ms`; empty: it is not known. */
export function sentText({ sentMicros, answer }: AttemptReport): string {
  if (sentMicros === undefined) return '';
  if (answer === 'waited') return `due +${formatMillis(sentMicros)}`;
  return sentMicros < 0 ? `sent -${formatMillis(-sentMicros)}` : `sent +${formatMillis(sentMicros)}`;
}

/** What the route answered, and why a time that is shorter than the winner's has not won. */
export function attemptWords(attempt: AttemptReport, won: boolean, { reasons, routes }: Decision): string {
  const { answer, answeredMicros, copies, intercepted, sentMicros, trial } = attempt;
  const parts = [explainAnswer(answer)];
  const wasSent = sentMicros !== undefined && answer !== 'waited';
  const isLater = wasSent && sentMicros >= LATER_MICROS;
  if (answeredMicros !== undefined && (isLater || (sentMicros ?? 0) < 0))
    parts[0] += ` at +${formatMillis(answeredMicros)}`;
  if (won) parts.push('carries it');
  if (trial === true) parts.push('on trial: measured, cannot win');
  if (intercepted === true) parts.push('intercepted: not the server’s own answer');
  if (isLater) parts.push('staggered: it was to be asked only if others took long');
  if (wasSent && sentMicros < 0) parts.push('the kernel had given it this route before');
  if ((copies ?? 1) > 1) parts.push(`${copies} copies`);
  const isFirst = won && routes.length > 1 && answeredMicros !== undefined;
  if (won && reasons.includes('first-payload')) parts.push('its server’s words came first');
  else if (isFirst && routes.some((other) => isFaster(other, attempt)))
    parts.push('the first of those that could win');
  return parts.join('; ');
}

/** Its answer was there before, and did not count. */
function isFaster(other: AttemptReport, winner: AttemptReport): boolean {
  return (other.answeredMicros ?? Number.POSITIVE_INFINITY) < (winner.answeredMicros ?? 0);
}

/** All copies that leave at once do so within this. */
const LATER_MICROS = 1000;
