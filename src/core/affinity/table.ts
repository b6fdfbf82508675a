/**
 * Groups and their routes, as far as the daemon has chosen them lately. The kernel's maps are what lasts; this answers until they
 * have it, and for what they could not take.
 */
import { type Family, sameAddress } from '../../model/address.js';
import type { AffinityGroup, Micros, RouteNumber, ServiceNumber } from '../engine-types.js';
import { finishHash, mix, mixAddress } from '../hash.js';

const SETS = 4096;
const WAYS = 4;

/** What is kept of a group. */
export interface Pin {
  readonly route: RouteNumber;
  /** That the route had then. */
  readonly generation: number;
  readonly expiresAt: Micros;
}

/** The present generation of a route: what was kept of an earlier one is void. */
export interface Generations {
  generationOf(route: RouteNumber, family: Family): number;
}

/** BOUNDED: 16384 groups in sets of four; the one used least recently gives way. */
export class AffinityTable {
  private readonly service = new Uint8Array(SETS * WAYS);
  private readonly client = new Int32Array(SETS * WAYS * 4);
  private readonly destination = new Int32Array(SETS * WAYS * 4);
  private readonly number = new Int32Array(SETS * WAYS);
  private readonly route = new Uint8Array(SETS * WAYS);
  private readonly generation = new Uint16Array(SETS * WAYS);
  private readonly expiresAt = new Float64Array(SETS * WAYS);

  constructor(private readonly secret: number) {}

  /** The route of a group, 0 when it has none, or its route was down since. */
  find(service: ServiceNumber, group: AffinityGroup, now: Micros, health: Generations): RouteNumber {
    const at = this.place(service, group);
    if (at < 0 || this.expiresAt[at] <= now) return 0;
    const route = this.route[at];
    return this.generation[at] === health.generationOf(route, group.family) ? route : 0;
  }

  set(service: ServiceNumber, group: AffinityGroup, { route, generation, expiresAt }: Pin): void {
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
    this.generation[at] = generation;
    this.expiresAt[at] = expiresAt;
  }

  /** Forgets the groups of a service; of all when it is 0. */
  clear(service: ServiceNumber): void {
    for (let at = 0; at < this.route.length; at++) {
      if (service === 0 || this.service[at] === service) this.expiresAt[at] = 0;
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
    return (finishHash(hash) & (SETS - 1)) * WAYS;
  }
}
