/** Path MTUs learnt from ICMP 3/4 and ICMPv6 Packet Too Big about copies: the next copies carry a smaller MSS. */
import { type AddressWords, type Family, formatAddress } from '../../model/address.js';
import type { Packet } from '../../wire/packet.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';
import type { RaceTable } from '../race/table.js';

/** No link has a smaller one (RFC 791 section 3.2, RFC 8200 section 5): an error that claims it is false. */
const SMALLEST = { 4: 68, 6: 1280 } as const;
/** Lowest values that are used (RFC 8899 section 5.1.2 and Linux `min_pmtu`). */
const MINIMUM = { 4: 552, 6: 1280 } as const;
/** After that a larger packet is tried again (RFC 1191 section 6.3, RFC 8201 section 5.3). */
const LIFE_MICROS = 600_000_000;

interface Learnt {
  readonly mtu: number;
  readonly until: Micros;
}

/** BOUNDED: 1024 triples of route, destination and port; the oldest gives way. */
const LIMIT = 1024;

export class PathMtu {
  private readonly learnt = new Map<string, Learnt>();

  /** The MTU by a route towards the destination of a race, not more than the route's own. */
  of(route: RouteNumber, routeMtu: number, races: RaceTable, race: RaceId): number {
    if (this.learnt.size === 0) return routeMtu;
    const name = key(route, races.destination, race * 4, races.destinationPort[race]);
    const found = this.learnt.get(name);
    if (found === undefined) return routeMtu;
    if (found.until > races.lastSetupAt[race]) return Math.min(routeMtu, found.mtu);
    this.learnt.delete(name);
    return routeMtu;
  }

  /**
   * An error that quotes a copy of `length` bytes. One that was no larger than what the path is said to take was not too big for it (RFC 5927
   * section 7.2); anybody who has seen or guessed it may have sent the error.
   */
  learn(route: RouteNumber, { family, icmpMtu, quote }: Packet, length: number, now: Micros): void {
    if (!isCredible(family, icmpMtu, length)) return;
    const name = key(route, quote.destination, 0, quote.destinationPort);
    if (this.learnt.size >= LIMIT && !this.learnt.has(name)) {
      for (const oldest of this.learnt.keys()) {
        this.learnt.delete(oldest);
        break;
      }
    }
    this.learnt.set(name, { mtu: Math.max(MINIMUM[family], icmpMtu), until: now + LIFE_MICROS });
  }
}

function isCredible(family: Family, mtu: number, length: number): boolean {
  return mtu < length && mtu >= SMALLEST[family];
}

function key(route: RouteNumber, destination: AddressWords, at: number, port: number): string {
  return `${route} ${formatAddress(destination, at)} ${port}`;
}
