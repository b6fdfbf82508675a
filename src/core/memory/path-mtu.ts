/** Path MTUs learnt from ICMP 3/4 and ICMPv6 Packet Too Big about copies: the next copies carry a smaller MSS. */
import { type AddressWords, type Family, formatAddress } from '../../model/address.js';
import type { RouteNumber } from '../engine-types.js';

/** Lowest values that are believed (RFC 8899 section 5.1.2 and Linux `min_pmtu`; RFC 8200 section 5). */
const MINIMUM = { 4: 552, 6: 1280 } as const;

/** BOUNDED: 1024 pairs of route and destination; the oldest gives way. */
const LIMIT = 1024;

export class PathMtu {
  private readonly learnt = new Map<string, number>();

  /** The MTU towards a destination, not more than the route's own. */
  of(route: RouteNumber, routeMtu: number, destination: AddressWords, at: number): number {
    if (this.learnt.size === 0) return routeMtu;
    return Math.min(routeMtu, this.learnt.get(key(route, destination, at)) ?? routeMtu);
  }

  learn(route: RouteNumber, family: Family, destination: AddressWords, mtu: number): void {
    const name = key(route, destination, 0);
    if (this.learnt.size >= LIMIT && !this.learnt.has(name)) {
      for (const oldest of this.learnt.keys()) {
        this.learnt.delete(oldest);
        break;
      }
    }
    this.learnt.set(name, Math.max(MINIMUM[family], mtu));
  }
}

function key(route: RouteNumber, destination: AddressWords, at: number): string {
  return `${route} ${formatAddress(destination, at)}`;
}
