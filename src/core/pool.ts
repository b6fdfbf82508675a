/**
 * A route's pool of addresses, four words each. A client always gets the same one (paired pooling, RFC 4787 REQ-2), by the same hash
 * as nft's `jhash ip saddr mod N seed 0`, so that connections which the kernel translates alone get it too.
 */
import { type AddressWords, type Family, sameAddress } from '../model/address.js';
import { addressHash } from './jhash.js';

/** Index into a pool of `count` addresses. */
export function sourceIndex(words: AddressWords, at: number, family: Family, count: number): number {
  if (count <= 1) return 0;
  // reciprocal_scale: the upper half of hash * count.
  return Math.floor((addressHash(words, at, family) * count) / 0x1_0000_0000);
}

/** Whether an address is one of a pool of four-word addresses. */
export function isInPool(pool: Int32Array, words: AddressWords, at: number): boolean {
  for (let i = 0; i < pool.length; i += 4) if (sameAddress(pool, i, words, at)) return true;
  return false;
}
