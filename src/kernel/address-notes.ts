/**
 * What a configuration says of addresses and next hops and the interfaces do not: right where a provider routes addresses to this
 * machine, or is on the link without a subnet; else a mistake that nothing but silence would tell of. Pure.
 */
import { type Family, parseAddress } from '../model/address.js';
import type { GatewayConfig, RouteConfig } from '../model/config.js';
import type { Link, LinkAddress, LinkSnapshot } from './links.js';

/** What is odd about one route, in words. */
export interface AddressNote {
  readonly route: string;
  readonly text: string;
}

/** In the order of the configuration. Of an interface that is not there, or is down, nothing can be said. */
export function addressNotes(
  config: Pick<GatewayConfig, 'routes'>,
  { links }: Pick<LinkSnapshot, 'links'>,
): AddressNote[] {
  return config.routes.flatMap((route) => {
    const link = links.get(route.interface);
    if (link === undefined || !link.up || !link.carrier) return [];
    return FAMILIES.flatMap(([family, number]) => {
      if (family === 'ipv6' && link.ipv6Off) return [];
      const texts = [elsewhere(route, family, link), offSubnet(route, family, number, link)];
      return texts
        .filter((text) => text !== null)
        .map((text) => ({ route: route.name, text: `route ${route.name}: ${text}` }));
    });
  });
}

const FAMILIES = [
  ['ipv4', 4],
  ['ipv6', 6],
] as const;

/** Configured addresses that are not on the interface. */
function elsewhere(route: RouteConfig, family: 'ipv4' | 'ipv6', link: Link): string | null {
  const wanted = route.addresses[family];
  // Inside addresses that are kept need be nowhere on this machine.
  if (wanted === 'auto' || !route.translate || (family === 'ipv6' && route.prefix !== null)) return null;
  const present = new Set(link[family].map(({ address }) => address));
  const absent = wanted.filter((address) => !present.has(address));
  if (absent.length === 0) return null;
  const [are, them] = absent.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return `${shortened(absent)} ${are} not on ${link.name}: right only if the provider routes ${them} to this machine`;
}

function shortened(addresses: readonly string[]): string {
  if (addresses.length <= 2) return addresses.join(' and ');
  return `${addresses[0]} and ${addresses.length - 1} more addresses`;
}

/** A configured next hop that no subnet of the interface has. */
function offSubnet(route: RouteConfig, family: 'ipv4' | 'ipv6', number: Family, link: Link): string | null {
  const hop = route.gateway[family];
  // An IPv4 route may have a next hop of the other family (RFC 8950); link-local ones are on every link.
  if (hop === null || hop === 'auto' || link.pointToPoint || hop.includes(':') !== (family === 'ipv6'))
    return null;
  if (/^fe[89ab]/i.test(hop)) return null;
  const subnets = link[family];
  if (subnets.some((subnet) => isWithin(hop, subnet, number))) return null;
  const found =
    subnets.length === 0
      ? `has no IPv${number} address`
      : `has ${subnets.map(({ address, prefixLength }) => `${address}/${prefixLength}`).join(', ')}`;
  return `the next hop ${hop} is in no subnet of ${link.name}, which ${found}: right only if it answers there all the same`;
}

/** IPv4 addresses are the last 32 of 128 bits (RFC 4291 section 2.5.5.2). */
function isWithin(hop: string, { address, prefixLength }: LinkAddress, family: Family): boolean {
  const [one, other] = [parseAddress(hop), parseAddress(address)];
  if (one === null || other === null) return false;
  let bits = prefixLength + (family === 4 ? 96 : 0);
  for (let word = 0; word < 4 && bits > 0; word++, bits -= 32) {
    const mask = bits >= 32 ? -1 : ~(2 ** (32 - bits) - 1);
    if (((one[word] ^ other[word]) & mask) !== 0) return false;
  }
  return true;
}
