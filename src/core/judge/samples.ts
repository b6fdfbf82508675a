/**
 * Connections whose first payload is waited for although the first reply has decided: a few, so that what answers in servers' places is noticed
 * (sightings.ts). The front end says when the client has spoken and when its server has; nobody waits for either.
 */
import type { Micros, RaceId } from '../engine-types.js';

/** At one time, and in a second. */
const MOST_SAMPLES = 64;
const PER_SECOND = 8;
const SECOND = 1_000_000;

const NONE = 0;
const UNKNOWN = -1;

/** BOUNDED: MOST_SAMPLES; a connection that finds no room is no sample. */
export class Samples {
  /** By race: one more than the number of its sample. */
  private readonly numbers: Uint8Array;
  private readonly free = Uint8Array.from({ length: MOST_SAMPLES }, (_, i) => MOST_SAMPLES - i);
  private freeCount = MOST_SAMPLES;
  /** By sample: when the client has spoken, by the front end's clock, and after how long its server has. */
  private readonly spokeAt = new Float64Array(MOST_SAMPLES + 1);
  private readonly times = new Float64Array(MOST_SAMPLES + 1);
  private readonly isOver = new Uint8Array(MOST_SAMPLES + 1);
  private second = Number.NEGATIVE_INFINITY;
  private taken = 0;

  constructor(races: number) {
    this.numbers = new Uint8Array(races);
  }

  /** False: there have been enough of them. */
  take(race: RaceId, now: Micros): boolean {
    if (now - this.second >= SECOND) {
      this.second = now;
      this.taken = 0;
    }
    if (this.freeCount === 0 || this.taken >= PER_SECOND) return false;
    this.taken++;
    const number = this.free[--this.freeCount];
    this.numbers[race] = number;
    this.spokeAt[number] = UNKNOWN;
    this.times[number] = UNKNOWN;
    this.isOver[number] = 0;
    return true;
  }

  release(race: RaceId): void {
    if (this.numbers[race] === NONE) return;
    this.free[this.freeCount++] = this.numbers[race];
    this.numbers[race] = NONE;
  }

  has(race: RaceId): boolean {
    return this.numbers[race] !== NONE;
  }

  /** Its server has said nothing yet. */
  isAwaited(race: RaceId): boolean {
    return this.has(race) && this.isOver[this.numbers[race]] === 0;
  }

  /** The client has spoken: the first time counts. */
  spoke(race: RaceId, at: Micros): void {
    const number = this.numbers[race];
    if (this.spokeAt[number] === UNKNOWN) this.spokeAt[number] = at;
  }

  /** The server has; one that speaks first has no time. */
  answered(race: RaceId, at: Micros): void {
    const number = this.numbers[race];
    if (this.isOver[number] === 1) return;
    this.isOver[number] = 1;
    if (this.spokeAt[number] !== UNKNOWN && at >= this.spokeAt[number])
      this.times[number] = at - this.spokeAt[number];
  }

  /** From the client's first words to the server's; -1: not known. */
  timeOf(race: RaceId): Micros {
    return this.has(race) ? this.times[this.numbers[race]] : UNKNOWN;
  }
}
