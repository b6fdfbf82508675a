/** Prefixes as people write them: an address, a prefix, a list of both families, named sets. */
import { familyOf, parseAddress } from '../../model/address.js';
import { bad, type Parsed } from '../parsed.js';
import { fromNumber, toNumber } from './addresses.js';
import { listOf } from './lists.js';
import { clip, isName, parseText } from './texts.js';

/** After the sets are put in. */
export const MAX_PREFIXES = 256;
export const PREFIXES_ALLOWED = `an address, a prefix such as 192.0.2.0/24 or "2001:db8::/32", or a list of at most ${MAX_PREFIXES} of these`;
export const MATCH_PREFIXES_ALLOWED = `an address, a prefix such as 192.0.2.0/24 or "2001:db8::/32", a set such as "@guests", or a list of these; at most ${MAX_PREFIXES} prefixes`;

/** A set: canonical prefixes. */
export const parsePrefixes = listOf({ noun: 'prefix', max: MAX_PREFIXES, one: parsePrefix });

/** Canonical prefixes, and names of sets with their `@`. */
export const parsePrefixesAndSets = listOf({
  noun: 'item',
  max: MAX_PREFIXES,
  one: (item) => (typeof item === 'string' && item.startsWith('@') ? parseSetName(item) : parsePrefix(item)),
});

/** `192.0.2.0/24`; an address alone is a prefix of its full length. */
export function parsePrefix(item: unknown): Parsed<string> {
  const text = parseText(item);
  if (!('value' in text)) return text;
  const match = /^([^/]{1,45})(?:\/(\d{1,3}))?$/.exec(text.value);
  const words = match === null ? null : parseAddress(match[1]);
  if (match === null || words === null) return bad(`${clip(text.value)} is not an address or a prefix.`);
  const family = match[1].includes(':') ? 6 : 4;
  if (familyOf(words) !== family) return bad('An IPv4 address in IPv6 form; write it as IPv4.');
  const width = family === 4 ? 32 : 128;
  const length = match[2] === undefined ? width : Number(match[2]);
  if (length > width) return bad(`A prefix length of IPv${family} is at most ${width}.`);
  const value = toNumber(match[1]);
  const beyond = value & ((1n << BigInt(width - length)) - 1n);
  const prefix = `${fromNumber(value - beyond)}/${length}`;
  if (beyond !== 0n) return bad(`Bits behind the prefix length are set; did you mean ${prefix}?`);
  return { value: prefix };
}

export const TRANSLATION_PREFIX_ALLOWED = 'an IPv6 prefix of 16 to 64 bits, such as "fd01:203:405::/48"';

/** One side of a prefix translation: RFC 6296 keeps 64 bits for the interface, and needs 16 to make up the checksum. */
export function parseTranslationPrefix(raw: unknown): Parsed<string> {
  const prefix = parsePrefix(raw);
  if (!('value' in prefix)) return prefix;
  const { address, length } = splitPrefix(prefix.value);
  if (!address.includes(':')) return bad('Not an IPv6 prefix.');
  if (length < 16 || length > 64) return bad('Not 16 to 64 bits long.');
  if (/^(ff|fe[89ab])/.test(address)) return bad('Not a prefix of addresses that are routed to one host.');
  return prefix;
}

export function splitPrefix(prefix: string): { readonly address: string; readonly length: number } {
  const [address, length] = prefix.split('/');
  return { address, length: Number(length) };
}

export function isIpv6Prefix(prefix: string): boolean {
  return prefix.includes(':');
}

/** Without those that another one contains, each once; the order stays. */
export function withoutCovered(prefixes: readonly string[]): readonly string[] {
  const blocks = [...new Set(prefixes)].map((prefix) => {
    const { address, length } = splitPrefix(prefix);
    const first = toNumber(address);
    const last = first + (1n << BigInt((isIpv6Prefix(prefix) ? 128 : 32) - length)) - 1n;
    return { prefix, first, last };
  });
  // Two prefixes are nested or apart, so a block is covered when an earlier one reaches beyond its beginning.
  const order = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
  const covered = new Set<string>(); // BOUNDED: one per prefix.
  for (const ipv6 of [false, true]) {
    let end = -1n;
    const family = blocks.filter(({ prefix }) => isIpv6Prefix(prefix) === ipv6);
    for (const block of family.sort((a, b) => order(a.first, b.first) || order(b.last, a.last))) {
      if (block.first <= end) covered.add(block.prefix);
      else end = block.last;
    }
  }
  return blocks.map(({ prefix }) => prefix).filter((prefix) => !covered.has(prefix));
}

function parseSetName(text: string): Parsed<string> {
  return isName(text.slice(1)) ? { value: text } : bad(`${clip(text)} is not @ and the name of a set.`);
}
