/** The hash that nft's `jhash ... seed 0` gives (include/linux/jhash.h, net/netfilter/nft_hash.c): what the kernel chooses by, we can tell. */
import type { AddressWords, Family } from '../model/address.js';

/** 32 bits of an address, as nft's `jhash ip daddr mod 4294967295 seed 0x0` gives them. */
export function keyHash(words: AddressWords, at: number, family: Family): number {
  return scaled(addressHash(words, at, family));
}

/** The same of several words: addresses in network order; a mark, which is in the order of the machine, by `markWord`. */
export function wordsHash(words: AddressWords, count: number): number {
  return scaled(jhash(words, 0, count) >>> 0);
}

/** A mark as a word of `wordsHash`. */
export function markWord(mark: number): number {
  return swap(mark);
}

/** reciprocal_scale by 2^32 - 1 takes one from everything but 0. */
function scaled(hash: number): number {
  return hash === 0 ? 0 : (hash - 1) | 0;
}

/** 32 bits of client and destination, as nft's `jhash ip saddr . ip daddr` has them before its `mod`. */
export function flowHash(packet: {
  family: Family;
  source: AddressWords;
  destination: AddressWords;
}): number {
  const words = packet.family === 4 ? 1 : 4;
  for (let i = 0; i < words; i++) {
    pair[i] = packet.source[4 - words + i];
    pair[words + i] = packet.destination[4 - words + i];
  }
  return jhash(pair, 0, words * 2) >>> 0;
}

/** 32 bits of one address, as nft's `jhash ip saddr` has them before its `mod`. */
export function addressHash(words: AddressWords, at: number, family: Family): number {
  return (family === 4 ? jhash(words, at + 3, 1) : jhash(words, at, 4)) >>> 0;
}

const pair = new Int32Array(8);

const JHASH_INITVAL = 0xdeadbeef;

/** jhash() of `count` words in network order, seed 0. Words are read as the little-endian kernel reads them. */
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
  if (left > 1) b = (b + swap(words[next + 1])) | 0;
  if (left > 2) c = (c + swap(words[next + 2])) | 0;
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
