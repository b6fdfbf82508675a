/**
 * Handshakes that are far faster than any payload: something on the way answers SYNs in the servers' place. One such connection says little: its
 * server may think for long. But where time after time, of whatever servers, the answer to the SYN was there in a quarter of the time that
 * their first words took, and by the other routes the servers are as far as these words say, they are not where the SYN was answered.
 */
import type { Micros, RouteNumber } from '../engine-types.js';

/** Connections in a row that say the same. */
const ENOUGH = 3;
/** Routes and ports that are watched, and how long what was seen counts. */
const MOST_PLACES = 64;
const LASTS_MICROS = 600_000_000;

/** Answers of one route at one port: who intercepts does so by ports. */
interface Place {
  readonly route: RouteNumber;
  readonly port: number;
  seenAt: Micros;
  /** In a row, with the numbers of their decisions. */
  far: number;
  readonly decisions: number[];
}

/** BOUNDED: MOST_PLACES, the one that was seen least recently gives way. */
export class Sightings {
  private readonly places = new Map<number, Place>();

  /** A connection of this decision had its words from far away; the decisions of all that say so now, when they are enough. */
  far(route: RouteNumber, port: number, decision: number, now: Micros): readonly number[] {
    const place = this.placeOf(route, port, now);
    place.far++;
    place.decisions.push(decision);
    if (place.far < ENOUGH) return [];
    return place.decisions.splice(0);
  }

  /** Its server is where the SYN was answered. */
  near(route: RouteNumber, port: number): void {
    this.places.delete(keyOf(route, port));
  }

  private placeOf(route: RouteNumber, port: number, now: Micros): Place {
    const key = keyOf(route, port);
    const known = this.places.get(key);
    this.places.delete(key);
    const isFresh = known !== undefined && now - known.seenAt < LASTS_MICROS;
    const place = isFresh ? known : { route, port, seenAt: now, far: 0, decisions: [] };
    place.seenAt = now;
    this.places.set(key, place);
    if (this.places.size > MOST_PLACES) this.places.delete(this.places.keys().next().value!);
    return place;
  }
}

function keyOf(route: RouteNumber, port: number): number {
  return route * 65_536 + port;
}
