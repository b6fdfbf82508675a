/** Why a route is in its state, in words: the same on a terminal and on the page. Runs in browsers. */
import { ROUTE_REASONS } from '../counters.js';

/** `IPv6: no next hop is known`; a word that is not known stays as it is. */
export function routeReasonText(reason: string): string {
  const family = /^ipv([46])-(.+)$/.exec(reason);
  const word = family?.[2] ?? reason;
  const meaning = Object.hasOwn(WORDS, word) ? WORDS[word] : word;
  return family === null ? meaning : `IPv${family[1]}: ${meaning}`;
}

const WORDS: Readonly<Record<string, string>> = { ...ROUTE_REASONS, quota: 'its quota is used up' };
