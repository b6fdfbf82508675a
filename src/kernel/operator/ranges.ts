/** Ranges of addresses, as rules name them. Pure. */
import {
  type AddressWords,
  type Family,
  familyOf,
  formatAddress,
  parseAddress,
} from '../../model/address.js';

export interface AddressRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS-ADDRESS`; null when it is none of them. */
export function parseRange(text: string): AddressRange | null {
  const [from, to] = text.split('-');
  if (to !== undefined) return between(from, to);
  const [address, length] = text.split('/');
  const words = parseAddress(address);
  if (words === null) return null;
  const family = familyOf(words);
  const bits = family === 4 ? 32 : 128;
  const free = BigInt(bits - (length === undefined ? bits : Number(length)));
  const first = (toNumber(words) >> free) << free;
  return { family, first, last: first | ((1n << free) - 1n) };
}

export function between(from: string, to: string): AddressRange | null {
  const [first, last] = [parseAddress(from), parseAddress(to)];
  if (first === null || last === null || familyOf(first) !== familyOf(last)) return null;
  return { family: familyOf(first), first: toNumber(first), last: toNumber(last) };
}

/** The ranges of a family as nft takes them in one set: in order, none touching another. */
export function rangeTexts(ranges: readonly AddressRange[], family: Family): string[] {
  const own = ranges.filter((range) => range.family === family);
  const sorted = own.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of sorted) {
    const before = merged.at(-1);
    if (before === undefined || first > before.last + 1n) merged.push({ first, last });
    else if (last > before.last) before.last = last;
  }
  return merged.map(({ first, last }) =>
    first === last ? toText(first, family) : `${toText(first, family)}-${toText(last, family)}`,
  );
}

/** IPv4 without the mapping's prefix. */
function toNumber(words: AddressWords): bigint {
  const low = BigInt(words[3] >>> 0);
  if (familyOf(words) === 4) return low;
  return [...words].reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}

function toText(value: bigint, family: Family): string {
  const words = new Int32Array(4);
  for (let i = 0; i < 4; i++) words[i] = Number((value >> BigInt(32 * (3 - i))) & 0xffffffffn) | 0;
  if (family === 4) words[2] = 0xffff;
  return formatAddress(words);
}
