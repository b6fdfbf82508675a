/** A small keyed hash for tables (murmur3's mixing steps): the key keeps outsiders from choosing collisions. */
import type { AddressWords } from '../model/address.js';
import { mix } from '../model/mix.js';

export { mix };

export function finishHash(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

export function mixAddress(hash: number, words: AddressWords, at: number): number {
  // IPv4 differs in the last word only; three words more for IPv6 cost less than a branch saves.
  return mix(mix(mix(mix(hash, words[at + 3]), words[at + 2]), words[at + 1]), words[at]);
}

/** Smallest power of two that is not below `n`. */
export function powerOfTwo(n: number): number {
  let size = 1;
  while (size < n) size *= 2;
  return size;
}
