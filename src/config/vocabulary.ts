/** Words of the configuration that a reader may expect although this release does not take them, and words meant by others. */

import { PathraceError } from '../model/errors.js';

/** Keys of later releases, by the last key of the mapping that they belong to. */
const LATER: Readonly<Record<string, readonly string[]>> = {
  match: ['sip', 'dns', 'quic', 'rtsp', 'h323'],
};

/** Whether `key` is a key that a later release takes in the mapping called `parent`. */
export function isLaterKey(parent: string, key: string): boolean {
  return Object.hasOwn(LATER, parent) && LATER[parent].includes(key);
}

/** The word of `words` that `text` was probably meant to be. */
export function nearest(text: string, words: readonly string[]): string | undefined {
  const limit = text.length <= 1 ? 0 : text.length <= 4 ? 1 : 2;
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const word of words) {
    if (Math.abs(word.length - text.length) > limit) continue;
    const distance = editDistance(text.toLowerCase(), word.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [word, distance];
  }
  return best;
}

/** `There is no such route; did you mean fiber?` */
export function unknownWord(what: string, found: string, words: readonly string[]): string {
  const meant = nearest(found, words);
  return `There is no such ${what}${meant === undefined ? '.' : `; did you mean ${meant}?`}`;
}

/** E_ARGUMENT for the name of something that there is not, with the nearest that there is. */
export function unknownName(what: string, found: string, names: readonly string[]): PathraceError {
  const meant = nearest(found, names);
  return new PathraceError('E_ARGUMENT', unknownWord(what, found, names), {
    found: found.slice(0, 80),
    expected: names.join(', '),
    remedy: meant === undefined ? `Name one of these ${what}s.` : `Say ${meant}, if that is what you mean.`,
  });
}

/** Levenshtein; a swap of neighbours costs two. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, replaced);
    }
    previous = current;
  }
  return previous[b.length];
}
