/** Which undecided races belong to whom, and which of them wait for the route of their group (join.ts). */
import type { AddressWords } from '../../model/address.js';
import type { Micros, RaceId } from '../engine-types.js';
import { finishHash, mixAddress } from '../hash.js';
import { Chains } from '../race/chains.js';

/** BOUNDED: one place per slot of the race table. */
export class Joins {
  /** The route that a race waits for; 0: none. */
  readonly route: Uint8Array;
  /** How long. */
  readonly until: Float64Array;
  /** Bits of routes whose yes is kept back meanwhile. */
  readonly held: Uint32Array;
  /** It has waited in vain: what wins now says nothing of its group. */
  readonly inVain: Uint8Array;

  private readonly byClient: Chains;
  private readonly hash: Int32Array;
  private readonly isIn: Uint8Array;

  constructor(
    slots: number,
    private readonly secret: number,
  ) {
    this.route = new Uint8Array(slots);
    this.until = new Float64Array(slots);
    this.held = new Uint32Array(slots);
    this.inVain = new Uint8Array(slots);
    this.byClient = new Chains(slots);
    this.hash = new Int32Array(slots);
    this.isIn = new Uint8Array(slots);
  }

  /** A race has begun. */
  begin(race: RaceId): void {
    this.route[race] = 0;
    this.held[race] = 0;
    this.inVain[race] = 0;
  }

  /** It is of this client, and has a group. */
  enter(race: RaceId, client: AddressWords, at: number): void {
    this.hash[race] = finishHash(mixAddress(this.secret, client, at));
    this.isIn[race] = 1;
    this.byClient.put(this.hash[race], race);
  }

  /** It is over; nothing happens when it had no group. */
  leave(race: RaceId): void {
    if (this.isIn[race] === 0) return;
    this.isIn[race] = 0;
    this.route[race] = 0;
    this.held[race] = 0;
    this.byClient.remove(this.hash[race], race);
  }

  wait(race: RaceId, route: number, until: Micros): void {
    this.route[race] = route;
    this.until[race] = until;
  }

  /** The first race of a client, others are among them; -1 when there is none. `next` says how it goes on. */
  first(client: AddressWords, at: number): RaceId {
    return this.byClient.first(finishHash(mixAddress(this.secret, client, at)));
  }

  next(race: RaceId): RaceId {
    return this.byClient.next[race];
  }
}
