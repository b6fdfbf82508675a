/** Lists of addresses as people write them: one, a range, a list that mixes both families. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { formatAddress, parseAddress } from '../../model/address.js';
import { bad, type Mistake, type Parsed } from '../parsed.js';
import { clip } from './texts.js';

/** Canonical text by family, ranges expanded. */
export interface AddressSet {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

/** Addresses of one route; a pool beyond this gains nothing, each address has a whole range of ports. */
export const MAX_ADDRESSES = 64;

export const ADDRESSES_ALLOWED =
  'auto, an address, a range such as 203.0.113.2-203.0.113.6, or a list of IPv4 and IPv6 addresses and ranges';
export const GATEWAY_ALLOWED = 'auto, an address, or a list of one IPv4 and one IPv6 address';

/** Source addresses of a route. */
export function parseAddresses(raw: unknown): Parsed<'auto' | AddressSet> {
  return raw === 'auto' ? { value: 'auto' } : parseSet(raw, ADDRESSES_ALLOWED, false);
}

/** Next hops of a route: at most one of each family; link-local ones are allowed. */
export function parseGateway(raw: unknown): Parsed<'auto' | AddressSet> {
  return raw === 'auto' ? { value: 'auto' } : parseOneOfEach(raw, GATEWAY_ALLOWED, true, 'next hops');
}

/** At most one address of each family; `nouns`: what there would be too many of. */
export function parseOneOfEach(
  raw: unknown,
  allowed: string,
  linkLocal: boolean,
  nouns: string,
): Parsed<AddressSet> {
  const set = parseSet(raw, allowed, linkLocal);
  if (!('value' in set)) return set;
  const { ipv4, ipv6 } = set.value;
  if (ipv4.length > 1) return bad(`Has ${ipv4.length} IPv4 ${nouns}; a route has one of each family.`);
  if (ipv6.length > 1) return bad(`Has ${ipv6.length} IPv6 ${nouns}; a route has one of each family.`);
  return set;
}

function parseSet(raw: unknown, allowed: string, linkLocal: boolean): Parsed<AddressSet> {
  const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  if (items.length === 0) return bad('The list is empty.', allowed);
  const found = new Set<string>(); // BOUNDED: MAX_ADDRESSES.
  const problems: Mistake[] = [];
  items.forEach((item, index) => {
    const path = Array.isArray(raw) ? [index] : [];
    const one = parseItem(item, linkLocal);
    if (typeof one === 'string') {
      problems.push({ path, message: one });
      return;
    }
    for (const address of one) {
      if (found.has(address)) problems.push({ path, message: `${address} is there twice.` });
      else if (found.size < MAX_ADDRESSES) found.add(address);
      else {
        problems.push({
          path,
          message: `More than ${MAX_ADDRESSES} addresses.`,
          expected: `at most ${MAX_ADDRESSES}`,
        });
        return;
      }
    }
  });
  if (problems.length > 0) return { problems };
  const all = [...found];
  return { value: { ipv4: all.filter((a) => isIPv4(a)), ipv6: all.filter((a) => !isIPv4(a)) } };
}

/** The addresses of one item, or what is wrong with it. */
function parseItem(item: unknown, linkLocal: boolean): readonly string[] | string {
  if (item === 'auto') return '"auto" stands alone, not in a list.';
  if (item === null || item === undefined) return 'The address is missing.';
  if (typeof item === 'object') {
    return 'Not an address; put quotes around an IPv6 address that ends with a colon.';
  }
  const text = String(item);
  const ends = text.split('-').map((end) => end.trim());
  if (ends.length > 2) return 'Not an address or a range.';
  for (const end of ends) {
    const wrong = whyUnusable(end, linkLocal);
    if (wrong !== undefined) return wrong;
  }
  const [first, last] = ends as [string, string | undefined];
  if (last === undefined) return [fromNumber(toNumber(first))];
  if (isIP(first) !== isIP(last)) return 'The ends of the range are of two families.';
  const from = toNumber(first);
  const to = toNumber(last);
  if (from > to) return 'The range ends before it begins.';
  if (to - from >= BigInt(MAX_ADDRESSES)) return `The range has more than ${MAX_ADDRESSES} addresses.`;
  const range: string[] = [];
  for (let value = from; value <= to; value++) {
    const address = fromNumber(value);
    const wrong = whyUnusable(address, linkLocal);
    if (wrong !== undefined) return wrong;
    range.push(address);
  }
  return range;
}

/** Why no host on another network can have this address; undefined if one can. */
export function whyUnusable(text: string, linkLocal: boolean): string | undefined {
  if (text.includes('/')) return `${clip(text)} has a prefix length; write the address alone.`;
  if (text.includes('%')) return `${clip(text)} names an interface; the route's \`interface\` does that.`;
  const family = isIP(text);
  if (family === 0) return `${clip(text)} is not an IPv4 or IPv6 address.`;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  for (const [what, list] of NOT_HOSTS[type]) {
    if (list.check(text, type)) return `${text} is ${what}, not the address of a host.`;
  }
  if (!linkLocal && family === 6 && LINK_LOCAL.check(text, type)) {
    return `${text} is a link-local address; nothing beyond the link answers to it.`;
  }
  return undefined;
}

function subnet(address: string, prefix: number): BlockList {
  const list = new BlockList();
  list.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6');
  return list;
}

/** RFC 6890 blocks that no host on a link can have, by family: a BlockList also matches across families. */
const NOT_HOSTS = {
  ipv4: [
    ['of the network 0.0.0.0/8', subnet('0.0.0.0', 8)],
    ['a loopback address', subnet('127.0.0.0', 8)],
    ['a multicast address', subnet('224.0.0.0', 4)],
    ['the broadcast address', subnet('255.255.255.255', 32)],
  ],
  ipv6: [
    ['the unspecified address', subnet('::', 128)],
    ['a loopback address', subnet('::1', 128)],
    ['a multicast address', subnet('ff00::', 8)],
    ['an IPv4 address in IPv6 form', subnet('::ffff:0:0', 96)],
  ],
} as const;
const LINK_LOCAL = subnet('fe80::', 10);

/** Canonical text of a valid address. */
export function canonicalAddress(text: string): string {
  return fromNumber(toNumber(text));
}

/** The address as one number, IPv4 in its IPv6 form; `text` is a valid address. */
export function toNumber(text: string): bigint {
  const words = parseAddress(text) ?? new Int32Array(4);
  return words.reduce((value, word) => (value << 32n) | BigInt(word >>> 0), 0n);
}

/** Canonical text. */
export function fromNumber(value: bigint): string {
  return formatAddress(
    Int32Array.from([96n, 64n, 32n, 0n], (shift) => Number((value >> shift) & 0xffffffffn) | 0),
  );
}
