/**
 * Groups and their routes, as far as the daemon has chosen them lately. The kernel's maps are what lasts; this answers until they
 * have it, and for what they could not take.
 */
import { type AddressWords, type Family, sameAddress } from '../../model/address.js';
import type { AffinityGroup, Micros, RouteNumber, ServiceNumber } from '../engine-types.js';
import { finishHash, mix, mixAddress } from '../hash.js';

const WAYS = 4;

/** What is kept of a group. */
export interface Pin {
  readonly route: RouteNumber;
  /** Only until a route that is away is back. */
  readonly isInterim: boolean;
  /** How often in a row the group was in doubt about it, and when that is asked again; 0 and Infinity: it is in none. */
  readonly doubts: number;
  readonly askAt: Micros;
  readonly expiresAt: Micros;
}

/** The present generations of a route: what was kept of an earlier one is void. */
export interface Generations {
  generationOf(route: RouteNumber, family: Family): number;
  interimOf(route: RouteNumber, family: Family): number;
}

/** BOUNDED: `sets` sets of four groups; the one used least recently gives way. */
export class AffinityTable {
  private readonly service: Uint8Array;
  private readonly client: AddressWords;
  private readonly destination: AddressWords;
  private readonly number: Int32Array;
  private readonly route: Uint8Array;
  private readonly generation: Uint16Array;
  /** 0: it is none. */
  private readonly interim: Uint16Array;
  private readonly doubts: Uint8Array;
  private readonly askAt: Float64Array;
  private readonly expiresAt: Float64Array;

  /** `sets` is a power of two. */
  constructor(
    private readonly sets: number,
    private readonly secret: number,
  ) {
    const groups = sets * WAYS;
    this.service = new Uint8Array(groups);
    this.client = new Int32Array(groups * 4);
    this.destination = new Int32Array(groups * 4);
    this.number = new Int32Array(groups);
    this.route = new Uint8Array(groups);
    this.generation = new Uint16Array(groups);
    this.interim = new Uint16Array(groups);
    this.doubts = new Uint8Array(groups);
    this.askAt = new Float64Array(groups);
    this.expiresAt = new Float64Array(groups);
  }

  /** Where a group is in this table, for the questions below; -1 when it has no route, or its route was down since. */
  find(service: ServiceNumber, group: AffinityGroup, now: Micros, health: Generations): number {
    const at = this.place(service, group);
    if (at < 0 || this.expiresAt[at] <= now) return -1;
    return this.generation[at] === health.generationOf(this.route[at], group.family) ? at : -1;
  }

  routeAt(at: number): RouteNumber {
    return this.route[at];
  }

  doubtsAt(at: number): number {
    return this.doubts[at];
  }

  /** Until the next question the group goes by its route, and is asked about. */
  isInDoubt(at: number): boolean {
    return this.doubts[at] > 0;
  }

  /** A route is back since that the group might be better off with, or may be back. */
  isQuestioned(at: number, family: Family, now: Micros, health: Generations): boolean {
    if (this.askAt[at] <= now) return true;
    return this.interim[at] !== 0 && this.interim[at] !== health.interimOf(this.route[at], family);
  }

  renew(at: number, expiresAt: Micros): void {
    this.expiresAt[at] = expiresAt;
  }

  set(service: ServiceNumber, group: AffinityGroup, pin: Pin, health: Generations): void {
    const { route, isInterim, doubts, askAt, expiresAt } = pin;
    let at = this.place(service, group);
    if (at < 0) {
      const base = this.base(service, group);
      at = base;
      for (let way = base; way < base + WAYS; way++) if (this.expiresAt[way] < this.expiresAt[at]) at = way;
      this.service[at] = service;
      for (let i = 0; i < 4; i++) {
        this.client[at * 4 + i] = group.client[i];
        this.destination[at * 4 + i] = group.kind === 'address' ? group.destination[i] : 0;
      }
      this.number[at] = group.number;
    }
    this.route[at] = route;
    this.generation[at] = health.generationOf(route, group.family);
    // What is in doubt is asked at once when some route is back.
    this.interim[at] = isInterim || doubts > 0 ? health.interimOf(route, group.family) : 0;
    this.doubts[at] = doubts;
    this.askAt[at] = askAt;
    this.expiresAt[at] = expiresAt;
  }

  /** Forgets the groups of a service. */
  clear(service: ServiceNumber): void {
    for (let at = 0; at < this.route.length; at++) {
      if (this.service[at] === service) this.expiresAt[at] = 0;
    }
  }

  private place(service: ServiceNumber, group: AffinityGroup): number {
    const base = this.base(service, group);
    for (let at = base; at < base + WAYS; at++) {
      if (
        this.service[at] === service &&
        this.number[at] === group.number &&
        sameAddress(this.client, at * 4, group.client, 0) &&
        (group.kind !== 'address' || sameAddress(this.destination, at * 4, group.destination, 0))
      ) {
        return at;
      }
    }
    return -1;
  }

  private base(service: ServiceNumber, group: AffinityGroup): number {
    let hash = mix(mixAddress(this.secret, group.client, 0), (service << 24) ^ group.number);
    if (group.kind === 'address') hash = mixAddress(hash, group.destination, 0);
    return (finishHash(hash) & (this.sets - 1)) * WAYS;
  }
}
