/**
 * Connections of which the first payload decides, from the client's set-up until then: what the client has been shown and has said, and how
 * far each server is. One opening per race.
 */
import type { StoredSetup } from '../../wire/build.js';
import { type ViewedBytes, viewed } from '../../wire/viewed-bytes.js';
import type { Micros, RaceId, RouteNumber } from '../engine-types.js';

/** At one time; a connection that finds none is decided by the first reply. */
export const MOST_OPENINGS = 1024;
/** Of the client's first words, bytes: a ClientHello of some 2 KB, a request with its cookies. */
export const MAX_FIRST_WORDS = 8192;

export const PHASE = {
  /** No server has answered yet. */
  RACING: 0,
  /** The client has been shown an answer, and no server's payload. */
  SHOWN: 1,
  DECIDED: 2,
} as const;

/** How far the connection to a server is. */
export const SIDE = {
  /** It has not answered. */
  NONE: 0,
  /** Its handshake is complete. */
  OPEN: 1,
  /** And it was given the client's first words. */
  GIVEN: 2,
  /** It says no more, and has said nothing: the one that the client was shown may carry the connection all the same. */
  ENDED: 3,
  /** It cannot carry the client's connection: it has ended it. */
  OUT: 4,
} as const;

const NONE = -1;

/** BOUNDED: MOST_OPENINGS, no more than there are races. Memory of words is the kernel's until it is written to. */
export class Openings {
  /** By race. */
  private readonly numbers: Int16Array;
  private readonly free: Int16Array;
  private freeCount: number;

  /** By opening. */
  private readonly phase: Uint8Array;
  /** The client's words. */
  readonly space: ViewedBytes;
  private readonly lengths: Uint16Array;
  private readonly safe: Uint8Array;
  private readonly windows: Uint16Array;
  private readonly clientOffers: Int8Array;
  private readonly times: Int32Array;
  /** By opening and route. */
  private readonly sides: Uint8Array;
  private readonly sequences: Int32Array;
  private readonly offers: Int8Array;
  private readonly segments: Uint16Array;
  private readonly acknowledged: Uint16Array;
  private readonly givenAt: Float64Array;
  private readonly stored: StoredSetup;

  constructor(
    races: number,
    private readonly routes: number,
  ) {
    const openings = Math.min(races, MOST_OPENINGS);
    this.numbers = new Int16Array(races).fill(NONE);
    this.free = Int16Array.from({ length: openings }, (_, i) => openings - 1 - i);
    this.freeCount = openings;
    this.phase = new Uint8Array(openings);
    this.space = viewed(new Uint8Array(openings * MAX_FIRST_WORDS));
    this.lengths = new Uint16Array(openings);
    this.safe = new Uint8Array(openings);
    this.windows = new Uint16Array(openings);
    this.clientOffers = new Int8Array(openings);
    this.times = new Int32Array(openings);
    const sides = openings * routes;
    this.sides = new Uint8Array(sides);
    this.sequences = new Int32Array(sides);
    this.offers = new Int8Array(sides);
    this.segments = new Uint16Array(sides);
    this.acknowledged = new Uint16Array(sides);
    this.givenAt = new Float64Array(sides);
    this.stored = { bytes: this.space.bytes, at: 0, length: 0 };
  }

  /** `window`: as the client's segments have it; `offer`: `Opening.offer` of its set-up. False: there is no room for one more. */
  take(race: RaceId, window: number, offer: number): boolean {
    if (this.freeCount === 0) return false;
    const opening = this.free[--this.freeCount];
    this.numbers[race] = opening;
    this.phase[opening] = PHASE.RACING;
    this.lengths[opening] = 0;
    this.safe[opening] = 0;
    this.windows[opening] = window;
    this.clientOffers[opening] = offer;
    this.times[opening] = -1;
    for (let at = opening * this.routes; at < (opening + 1) * this.routes; at++) {
      this.sides[at] = SIDE.NONE;
      this.acknowledged[at] = 0;
      this.givenAt[at] = 0;
    }
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

  isShown(race: RaceId): boolean {
    return this.has(race) && this.phase[this.numbers[race]] === PHASE.SHOWN;
  }

  isDecided(race: RaceId): boolean {
    return this.has(race) && this.phase[this.numbers[race]] === PHASE.DECIDED;
  }

  enter(race: RaceId, phase: number): void {
    this.phase[this.numbers[race]] = phase;
  }

  /** The window that segments in the client's name have. */
  windowOf(race: RaceId): number {
    return this.windows[this.numbers[race]];
  }

  /** The client's words so far. One value, reused: valid until the next call. */
  wordsOf(race: RaceId): StoredSetup {
    const opening = this.numbers[race];
    this.stored.at = opening * MAX_FIRST_WORDS;
    this.stored.length = this.lengths[opening];
    return this.stored;
  }

  lengthOf(race: RaceId): number {
    return this.lengths[this.numbers[race]];
  }

  /** Adds `bytes` from `from` to before `end` to the client's words; false: they are too many. */
  add(race: RaceId, bytes: Uint8Array, from: number, end: number): boolean {
    const opening = this.numbers[race];
    const length = this.lengths[opening];
    if (length + end - from > MAX_FIRST_WORDS) return false;
    const to = opening * MAX_FIRST_WORDS + length;
    for (let i = 0; i < end - from; i++) this.space.bytes[to + i] = bytes[from + i];
    this.lengths[opening] = length + end - from;
    return true;
  }

  /** The client's words are complete, and every server may have them. */
  isSafe(race: RaceId): boolean {
    return this.safe[this.numbers[race]] === 1;
  }

  setSafe(race: RaceId): void {
    this.safe[this.numbers[race]] = 1;
  }

  /** From the client's set-up to the payload, without the time that the client took; -1: it cannot be told. Microseconds. */
  timeOf(race: RaceId): Micros {
    return this.times[this.numbers[race]];
  }

  setTime(race: RaceId, micros: Micros): void {
    this.times[this.numbers[race]] = Math.min(Math.max(-1, micros), 0x7fffffff);
  }

  /** NONE where the race has no opening. */
  sideOf(race: RaceId, route: RouteNumber): number {
    return this.has(race) ? this.sides[this.place(race, route)] : SIDE.NONE;
  }

  /** Its handshake is complete, and it has said nothing yet. */
  isOpen(race: RaceId, route: RouteNumber): boolean {
    const side = this.sideOf(race, route);
    return side === SIDE.OPEN || side === SIDE.GIVEN;
  }

  setSide(race: RaceId, route: RouteNumber, side: number): void {
    this.sides[this.place(race, route)] = side;
  }

  /** A server has answered: its first sequence number, what it has agreed on, and the longest segment that it takes. */
  answered(race: RaceId, route: RouteNumber, sequence: number, offer: number, segment: number): void {
    const at = this.place(race, route);
    this.sequences[at] = sequence;
    this.offers[at] = offer;
    this.segments[at] = segment;
  }

  clientOfferOf(race: RaceId): number {
    return this.clientOffers[this.numbers[race]];
  }

  sequenceOf(race: RaceId, route: RouteNumber): number {
    return this.sequences[this.place(race, route)];
  }

  offerOf(race: RaceId, route: RouteNumber): number {
    return this.offers[this.place(race, route)];
  }

  segmentOf(race: RaceId, route: RouteNumber): number {
    return this.segments[this.place(race, route)];
  }

  /** How many of the client's bytes a server has acknowledged. */
  acknowledgedOf(race: RaceId, route: RouteNumber): number {
    return this.acknowledged[this.place(race, route)];
  }

  acknowledge(race: RaceId, route: RouteNumber, length: number): void {
    const at = this.place(race, route);
    if (length > this.acknowledged[at]) this.acknowledged[at] = length;
  }

  /** When a server was given the client's words at first; before that, when it had answered. */
  givenAtOf(race: RaceId, route: RouteNumber): Micros {
    return this.givenAt[this.place(race, route)];
  }

  give(race: RaceId, route: RouteNumber, now: Micros): void {
    this.givenAt[this.place(race, route)] = now;
  }

  private place(race: RaceId, route: RouteNumber): number {
    return this.numbers[race] * this.routes + route - 1;
  }
}
