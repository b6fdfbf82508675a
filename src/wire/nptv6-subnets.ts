/**
 * A prefix translation as the kernel can do it: whole prefixes, host bits untouched. Up to /48 the checksum is made up for in the
 * subnet (RFC 6296 section 3.4), so every inside /64 has an outside /64 of its own. Beyond that it would be in the interface
 * identifier, one rule per host: there the prefix alone is replaced, and the packet's checksum is corrected instead.
 */
import { type AddressWords, formatAddress, parseAddress } from '../model/address.js';
import { createMapping, NPTV6, toOutside } from './nptv6.js';

/** An inside prefix and what stands for it outside, of the same length. */
export interface PrefixPair {
  readonly inside: string;
  readonly outside: string;
}

const LONGEST_SUBNET_PREFIX = 48;
/** Of one prefix behind the LAN: who has more subnets has larger prefixes to translate than one rule each. */
const MAX_SUBNETS = 256;

/** `subnets`: the IPv6 prefixes behind the LAN interfaces. Those outside of `inside` have no pair. */
export function subnetPairs(inside: string, outside: string, subnets: readonly string[]): PrefixPair[] {
  const map = createMapping(inside, outside);
  if (map === null) return [];
  if (map.length > LONGEST_SUBNET_PREFIX) return [{ inside, outside }];
  const pairs = new Map<string, PrefixPair>();
  for (const subnet of subnets.flatMap(parts)) {
    const words = Int32Array.of(subnet[0], subnet[1], 0, 1);
    if (toOutside(map, words, 0, words, 0) !== NPTV6.OK) continue;
    const from = text(subnet);
    pairs.set(from, { inside: from, outside: text(words) });
  }
  return [...pairs.values()].sort((a, b) => (a.inside < b.inside ? -1 : 1));
}

/** The /64s of a prefix, as far as they are worth a rule each. */
function parts(subnet: string): AddressWords[] {
  const [address, bits] = subnet.split('/');
  const words = parseAddress(address);
  const length = Number(bits ?? 128);
  if (words === null || !address.includes(':') || length < 32) return [];
  const count = Math.min(MAX_SUBNETS, length >= 64 ? 1 : 2 ** (64 - length));
  const first = length >= 64 ? words[1] : words[1] & (length === 32 ? 0 : -1 << (64 - length));
  return Array.from({ length: count }, (_, i) => Int32Array.of(words[0], first + i, 0, 0));
}

function text(words: AddressWords): string {
  return `${formatAddress(Int32Array.of(words[0], words[1], 0, 0))}/64`;
}
