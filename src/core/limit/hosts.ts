/**
 * What one host may use of what all share, however many addresses it takes: races, and groups of a service. A host is known by its
 * Ethernet address, as far as the front end sees one; else by its IPv4 address, or by the /64 that it may take addresses from.
 */
import type { AddressWords, Family } from '../../model/address.js';
import type { EngineSettings, Micros, ServiceNumber } from '../engine-types.js';
import { finishHash, mix } from '../hash.js';
import { ClientLimits } from './clients.js';

/** A host that is not known. */
export const NO_HOST = 0;
/** One host may have this part of the race table, or as many races as one client; and so much of a client's rate. */
const RACES_PART = 4;
export const RATE_TIMES = 4;
/** Groups of one service that one host may begin in the time for which a group lasts: an eighth of what the kernel takes. */
export const GROUPS_PER_HOST = 16_384;

/** A host by what is known of it: two words, never NO_HOST. */
export function hostNumber(high: number, low: number): number {
  return finishHash(mix(mix(0x686f7374, high), low)) || 1;
}

/** By its Ethernet address, six bytes of two words; all zero: it has none. */
export function hostOfHardware(high: number, low: number): number {
  return (high | low) === 0 ? NO_HOST : hostNumber(high, low);
}

export function hostOfAddress(words: AddressWords, at: number, family: Family): number {
  return family === 4 ? hostNumber(0, words[at + 3]) : hostNumber(words[at], words[at + 1]);
}

/** Races of hosts: the table and the rules of clients, with larger bounds. */
export class HostLimits {
  private readonly limits: ClientLimits;
  private readonly words = new Int32Array(4);

  constructor(settings: EngineSettings, secret: number) {
    const { clientSets, racesPerClient, races, clientRate } = settings;
    this.limits = new ClientLimits(
      {
        clientSets,
        racesPerClient: Math.max(racesPerClient, Math.ceil(races / RACES_PART)),
        clientRate: {
          perSecond: clientRate.perSecond * RATE_TIMES,
          burst: clientRate.burst * RATE_TIMES,
        },
      },
      secret,
    );
  }

  /** Counts a new race of a host; false when it must not have one. */
  admit(host: number, now: Micros): boolean {
    this.words[3] = host;
    return this.limits.admit(this.words, now) === null;
  }

  /** What `admit` would say; nothing is counted. */
  wouldAdmit(host: number, now: Micros): boolean {
    this.words[3] = host;
    return this.limits.wouldAdmit(this.words, now) === null;
  }

  done(host: number): void {
    this.words[3] = host;
    this.limits.done(this.words, 0);
  }
}

const SETS = 1024;
const WAYS = 4;

/** BOUNDED: 4096 pairs of host and service in sets of four; the one that was seen least recently gives way, and begins anew. */
export class HostGroups {
  private readonly host = new Int32Array(SETS * WAYS);
  private readonly service = new Uint8Array(SETS * WAYS);
  private readonly tokens = new Float64Array(SETS * WAYS);
  private readonly seenAt = new Float64Array(SETS * WAYS).fill(Number.NEGATIVE_INFINITY);

  constructor(private readonly secret: number) {}

  /** Whether a host may begin one more group of a service, which lasts for so long. */
  take(host: number, service: ServiceNumber, lasts: Micros, now: Micros): boolean {
    const at = this.place(host, service);
    if (this.host[at] !== host || this.service[at] !== service) {
      this.host[at] = host;
      this.service[at] = service;
      this.tokens[at] = GROUPS_PER_HOST;
    } else {
      const earned = ((now - this.seenAt[at]) / lasts) * GROUPS_PER_HOST;
      this.tokens[at] = Math.min(GROUPS_PER_HOST, this.tokens[at] + earned);
    }
    this.seenAt[at] = now;
    if (this.tokens[at] < 1) return false;
    this.tokens[at]--;
    return true;
  }

  private place(host: number, service: ServiceNumber): number {
    const base = (finishHash(mix(mix(this.secret, host), service)) & (SETS - 1)) * WAYS;
    let oldest = base;
    for (let at = base; at < base + WAYS; at++) {
      if (this.host[at] === host && this.service[at] === service) return at;
      if (this.seenAt[at] < this.seenAt[oldest]) oldest = at;
    }
    return oldest;
  }
}
