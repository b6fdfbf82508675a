/** Why a route is in its state, in words: the same on a terminal and on the page. Runs in browsers. */
import { ROUTE_REASONS } from '../counters.js';

/** All of them; what is the same in both families is said once. */
export function routeReasonsText(reasons: readonly string[]): string {
  const words = reasons.map((reason) => {
    const { family, word } = partsOf(reason);
    const isBoth = family === '4' && reasons.includes(`ipv6-${word}`);
    const isSaid = family === '6' && reasons.includes(`ipv4-${word}`);
    return isSaid ? null : routeReasonText(isBoth ? word : reason);
  });
  return words.filter((text) => text !== null).join('; ');
}

/** `IPv6: no next hop is known`; a word that is not known stays as it is. */
export function routeReasonText(reason: string): string {
  const { family, word } = partsOf(reason);
  const meaning = Object.hasOwn(WORDS, word) ? WORDS[word] : word;
  return family === null ? meaning : `IPv${family}: ${meaning}`;
}

function partsOf(reason: string): { family: string | null; word: string } {
  const found = /^ipv([46])-(.+)$/.exec(reason);
  return found === null ? { family: null, word: reason } : { family: found[1], word: found[2] };
}

const WORDS: Readonly<Record<string, string>> = { ...ROUTE_REASONS, quota: 'its quota is used up' };
