/**
 * IPv6-to-IPv6 network prefix translation (RFC 6296): another prefix, and one 16-bit word adjusted so that no checksum changes.
 * Stateless and one to one.
 */
import { type AddressWords, familyOf, parseAddress, wordMask } from '../model/address.js';

/** What came of a translation; an address that is not OK cannot be translated and its packet must be dropped. */
export const NPTV6 = {
  OK: 0,
  /** It has another prefix, also: it is in a subnet of the shorter prefix that the longer one has no room for. */
  PREFIX: 1,
  /** Subnet 0xffff, which would come back as 0 (section 3.2): ICMPv6 destination unreachable. */
  SUBNET: 2,
  /** Interface identifier of all ones or all zeros (section 3.7): ICMPv6 parameter problem. */
  INTERFACE: 3,
} as const;

export interface PrefixMapping {
  readonly inside: AddressWords;
  readonly outside: AddressWords;
  /** Of the longer prefix; the shorter one is extended with zeros (section 3.7). */
  readonly length: number;
  /** Added on the way out: sum of the inside prefix less that of the outside one. */
  readonly adjustment: number;
}

const LONGEST_PREFIX = 64;
/** Up to here the word behind bits 0-47, the subnet, is adjusted (section 3.4), else one of the interface identifier (3.5). */
const LONGEST_SUBNET_PREFIX = 48;
const SUBNET_WORD = 3;
const FIRST_INTERFACE_WORD = 4;
const LAST_WORD = 7;
const ALL_ONES = 0xffff;

/** The mapping between prefixes such as `fd01:203:405::/48`; null when one is not a prefix of at most 64 bits. */
export function createMapping(inside: string, outside: string): PrefixMapping | null {
  const from = parsePrefix(inside);
  const to = parsePrefix(outside);
  if (from === null || to === null) return null;
  return {
    inside: from.words,
    outside: to.words,
    length: Math.max(from.length, to.length),
    adjustment: add(sum(from.words), ~sum(to.words) & ALL_ONES),
  };
}

/** Writes the outside address of an inside one. Returns one of NPTV6; `out` is valid when it is OK. May be the same array. */
export function toOutside(
  map: PrefixMapping,
  words: AddressWords,
  at: number,
  out: AddressWords,
  outAt: number,
): number {
  const { inside, outside, length, adjustment } = map;
  if (!hasPrefix(words, at, inside, length)) return NPTV6.PREFIX;
  let index = SUBNET_WORD;
  if (length > LONGEST_SUBNET_PREFIX) {
    if (words[at + 2] === 0 && words[at + 3] === 0) return NPTV6.INTERFACE;
    // > these words MUST be inspected in that sequence and the first that is not initially 0xFFFF chosen
    index = FIRST_INTERFACE_WORD;
    while (index <= LAST_WORD && getWord(words, at, index) === ALL_ONES) index++;
    if (index > LAST_WORD) return NPTV6.INTERFACE;
  } else if (getWord(words, at, SUBNET_WORD) === ALL_ONES) {
    return NPTV6.SUBNET;
  }
  const adjusted = add(getWord(words, at, index), adjustment);
  for (let i = 0; i < 4; i++) {
    const mask = wordMask(length - 32 * i);
    out[outAt + i] = (outside[i] & mask) | (words[at + i] & ~mask);
  }
  setWord(out, outAt, index, adjusted === ALL_ONES ? 0 : adjusted);
  // Its answers would have to be dropped.
  const lost = length > LONGEST_SUBNET_PREFIX && out[outAt + 2] === 0 && out[outAt + 3] === 0;
  return lost ? NPTV6.INTERFACE : NPTV6.OK;
}

function hasPrefix(words: AddressWords, at: number, prefix: AddressWords, length: number): boolean {
  const first = wordMask(length);
  const second = wordMask(length - 32);
  return ((words[at] ^ prefix[0]) & first) === 0 && ((words[at + 1] ^ prefix[1]) & second) === 0;
}

function getWord(words: AddressWords, at: number, index: number): number {
  const pair = words[at + (index >> 1)];
  return index & 1 ? pair & ALL_ONES : pair >>> 16;
}

function setWord(words: AddressWords, at: number, index: number, value: number): void {
  const i = at + (index >> 1);
  words[i] = index & 1 ? (words[i] & ~ALL_ONES) | value : (words[i] & ALL_ONES) | (value << 16);
}

/** One's complement addition of 16-bit words. */
function add(a: number, b: number): number {
  const total = a + b;
  return (total & ALL_ONES) + (total >>> 16);
}

function sum(words: AddressWords): number {
  let total = 0;
  for (let i = 0; i <= LAST_WORD; i++) total = add(total, getWord(words, 0, i));
  return total;
}

function parsePrefix(text: string): { words: AddressWords; length: number } | null {
  const found = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const words = found === null ? null : parseAddress(found[1]);
  if (found === null || words === null || !found[1].includes(':') || familyOf(words) !== 6) return null;
  const length = Number(found[2]);
  if (length < 1 || length > LONGEST_PREFIX) return null;
  for (let i = 0; i < 4; i++) if ((words[i] & ~wordMask(length - 32 * i)) !== 0) return null;
  return { words, length };
}
