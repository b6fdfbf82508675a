/**
 * Which address of a route's pool a client gets: always the same one (paired pooling, RFC 4787 REQ-2). The same hash
 * as nft's `jhash ip saddr mod N seed 0`, so that connections which the kernel translates alone get it too
 * (include/linux/jhash.h, net/netfilter/nft_hash.c).
 */
import { type AddressWords, type Family, sameAddress } from '../../model/address.js';

/** Index into a pool of `count` addresses. */
export function sourceIndex(words: AddressWords, at: number, family: Family, count: number): number {
  if (count <= 1) return 0;
  const hash = family === 4 ? jhash(words, at + 3, 1) : jhash(words, at, 4);
  // reciprocal_scale: the upper half of hash * count.
  return Math.floor(((hash >>> 0) * count) / 0x1_0000_0000);
}

/** Whether an address is one of a pool of four-word addresses. */
export function isInPool(pool: Int32Array, words: AddressWords, at: number): boolean {
  for (let i = 0; i < pool.length; i += 4) if (sameAddress(pool, i, words, at)) return true;
  return false;
}

const JHASH_INITVAL = 0xdeadbeef;

/** jhash() of 4 or 16 bytes in network order, seed 0. Words are read as the little-endian kernel reads them. */
function jhash(words: AddressWords, at: number, count: number): number {
  let a = (JHASH_INITVAL + count * 4) | 0;
  let b = a;
  let c = a;
  let left = count;
  let next = at;
  while (left > 3) {
    a = (a + swap(words[next])) | 0;
    b = (b + swap(words[next + 1])) | 0;
    c = (c + swap(words[next + 2])) | 0;
    a = ((a - c) | 0) ^ rol(c, 4);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rol(a, 6);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rol(b, 8);
    b = (b + a) | 0;
    a = ((a - c) | 0) ^ rol(c, 16);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rol(a, 19);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rol(b, 4);
    b = (b + a) | 0;
    next += 3;
    left -= 3;
  }
  a = (a + swap(words[next])) | 0;
  c = ((c ^ b) - rol(b, 14)) | 0;
  a = ((a ^ c) - rol(c, 11)) | 0;
  b = ((b ^ a) - rol(a, 25)) | 0;
  c = ((c ^ b) - rol(b, 16)) | 0;
  a = ((a ^ c) - rol(c, 4)) | 0;
  b = ((b ^ a) - rol(a, 14)) | 0;
  c = ((c ^ b) - rol(b, 24)) | 0;
  return c;
}

function rol(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function swap(word: number): number {
  return ((word & 255) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
