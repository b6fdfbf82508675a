/**
 * What races keep of packets: the set-up, as far as copies and errors about it need it; of datagrams the whole flight, by what their answers
 * are known, and the refusal that the client may have to get as it came.
 */
import { MAX_SETUP_LENGTH, type StoredSetup } from '../../wire/build.js';
import type { Packet } from '../../wire/packet.js';
import { MAX_DATAGRAM_LENGTH } from '../../wire/udp.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import { ASKED_WORDS, type Asked, MOST_QUESTIONS, type PacketForms } from '../protocols/protocol.js';

/** Races of datagrams at one time, and long packets among all of them; no more than there are races. Memory is the kernel's until it is written to. */
const MOST_FLIGHTS = 8192;
const MOST_LONG = 4096;
/** Datagrams of one flight that are kept for routes that are asked later. */
const FLIGHT = 4;
/** Of a flight: its datagrams, and what each of its questions was refused with. */
const PLACES = FLIGHT + MOST_QUESTIONS;
const REFUSALS = FLIGHT;
const NONE = -1;

/** What a route has said no to, and how much its no says. */
export interface Refusal {
  readonly question: number;
  readonly rank: number;
  readonly route: RouteNumber;
}

/** BOUNDED: one short packet per race, of MAX_SETUP_LENGTH bytes; MOST_FLIGHTS and MOST_LONG. */
export class SetupStore {
  private readonly bytes: Uint8Array;
  private readonly shortLengths: Uint8Array;
  /** The flight of a race; NONE: it has one packet, a short one. */
  private readonly flights: Int16Array;
  private readonly freeFlights: FreeList;
  private readonly freeSlots: FreeList;
  /** By flight, or by flight and place. */
  private readonly lengths: Uint16Array;
  private readonly slots: Int16Array;
  private readonly counts: Uint8Array;
  /** By flight and question: how much the refusal says, and bits of the routes that have refused it. */
  private readonly ranks: Uint8Array;
  private readonly refusers: Uint32Array;
  private readonly longAt: number;
  private readonly stored: StoredSetup;
  private readonly asked: { -readonly [Key in keyof Asked]: Asked[Key] };

  constructor(races: number) {
    const flights = Math.min(races, MOST_FLIGHTS);
    const long = Math.min(races, MOST_LONG);
    this.longAt = races * MAX_SETUP_LENGTH;
    this.bytes = new Uint8Array(this.longAt + long * MAX_DATAGRAM_LENGTH);
    this.shortLengths = new Uint8Array(races);
    this.flights = new Int16Array(races).fill(NONE);
    this.freeFlights = new FreeList(flights);
    this.freeSlots = new FreeList(long);
    this.lengths = new Uint16Array(flights * PLACES);
    this.slots = new Int16Array(flights * PLACES).fill(NONE);
    this.counts = new Uint8Array(flights);
    this.ranks = new Uint8Array(flights * MOST_QUESTIONS);
    this.refusers = new Uint32Array(flights * MOST_QUESTIONS);
    this.stored = { bytes: this.bytes, at: 0, length: 0 };
    this.asked = { words: new Int32Array(flights * ASKED_WORDS), at: 0 };
  }

  /** The race will have datagrams; false: there is no room for one more. */
  openFlight(race: RaceId): boolean {
    this.flights[race] = this.freeFlights.take();
    return this.flights[race] !== NONE;
  }

  /** By what the answers to a flight are known. One value, reused; that of a race without one says nothing. */
  askedOf(race: RaceId): Asked {
    this.asked.at = Math.max(0, this.flights[race]) * ASKED_WORDS;
    return this.asked;
  }

  /** Keeps the set-up of a race, in the place of what it had; false: there is no room. */
  keep(race: RaceId, forms: PacketForms, packet: Packet): boolean {
    const flight = this.flights[race];
    if (flight !== NONE) {
      if (this.place(race, 0, forms.length(packet)) < 0) return false;
      this.counts[flight] = 0;
      return this.add(race, forms, packet) >= 0;
    }
    if (forms.length(packet) > MAX_SETUP_LENGTH) return false;
    this.shortLengths[race] = forms.keep(packet, this.bytes, race * MAX_SETUP_LENGTH);
    return true;
  }

  /** Keeps a further packet of the same flight, in the place of the last one when there are too many; its number, -1: there is no room. */
  add(race: RaceId, forms: PacketForms, packet: Packet): number {
    const flight = this.flights[race];
    if (flight === NONE) return -1;
    const number = Math.min(this.counts[flight], FLIGHT - 1);
    const at = this.place(race, number, forms.length(packet));
    if (at < 0) return -1;
    this.lengths[flight * PLACES + number] = forms.keep(packet, this.bytes, at);
    this.counts[flight] = number + 1;
    return number;
  }

  /** Forgets the last packet of a flight. */
  takeBack(race: RaceId): void {
    this.counts[this.flights[race]]--;
  }

  /** How many packets a race has. */
  countOf(race: RaceId): number {
    const flight = this.flights[race];
    if (flight !== NONE) return this.counts[flight];
    return this.shortLengths[race] === 0 ? 0 : 1;
  }

  /** The packet of a race, or a further one. One value, reused: valid until the next call. */
  of(race: RaceId, number = 0): StoredSetup {
    const { stored } = this;
    const flight = this.flights[race];
    stored.length = flight === NONE ? this.shortLengths[race] : this.lengths[flight * PLACES + number];
    stored.at = this.placeOf(race, number, stored.length);
    return stored;
  }

  /** Keeps what a route has refused a question with as it came, unless there is one that says more. False: there is no room. */
  keepRefusal(race: RaceId, packet: Packet, { question, rank, route }: Refusal): boolean {
    const flight = this.flights[race];
    if (flight === NONE) return false;
    const number = flight * MOST_QUESTIONS + question;
    const at = flight * PLACES + REFUSALS + question;
    this.refusers[number] |= 1 << route;
    if (this.lengths[at] > 0 && this.ranks[number] >= rank) return true;
    const length = packet.end - packet.start;
    const to = this.place(race, REFUSALS + question, length);
    if (to < 0) return false;
    for (let i = 0; i < length; i++) this.bytes[to + i] = packet.bytes[packet.start + i];
    this.lengths[at] = length;
    this.ranks[number] = rank;
    return true;
  }

  /** Bits of the routes that have refused a question. */
  refusersOf(race: RaceId, question: number): number {
    const flight = this.flights[race];
    return flight === NONE ? 0 : this.refusers[flight * MOST_QUESTIONS + question];
  }

  /** What a question was refused with; of length 0 when it was not. One value, reused. */
  refusalOf(race: RaceId, question: number): StoredSetup {
    if (this.flights[race] !== NONE) return this.of(race, REFUSALS + question);
    this.stored.length = 0;
    return this.stored;
  }

  /** A race is over. */
  release(race: RaceId): void {
    const flight = this.flights[race];
    this.shortLengths[race] = 0;
    if (flight === NONE) return;
    for (let at = flight * PLACES; at < (flight + 1) * PLACES; at++) {
      this.lengths[at] = 0;
      if (this.slots[at] !== NONE) this.freeSlots.give(this.slots[at]);
      this.slots[at] = NONE;
    }
    this.counts[flight] = 0;
    this.refusers.fill(0, flight * MOST_QUESTIONS, (flight + 1) * MOST_QUESTIONS);
    this.freeFlights.give(flight);
    this.flights[race] = NONE;
  }

  /** Where a packet of a flight is to be written, by its number and length; -1: there is no room. */
  private place(race: RaceId, number: number, length: number): number {
    if (length > MAX_DATAGRAM_LENGTH) return -1;
    const at = this.flights[race] * PLACES + number;
    if (!isShort(number, length) && this.slots[at] === NONE) {
      this.slots[at] = this.freeSlots.take();
      if (this.slots[at] === NONE) return -1;
    }
    return this.placeOf(race, number, length);
  }

  private placeOf(race: RaceId, number: number, length: number): number {
    if (length === 0) return 0;
    if (isShort(number, length)) return race * MAX_SETUP_LENGTH;
    return this.longAt + this.slots[this.flights[race] * PLACES + number] * MAX_DATAGRAM_LENGTH;
  }
}

/** The first packet of a race has a short place of its own. */
function isShort(number: number, length: number): boolean {
  return number === 0 && length <= MAX_SETUP_LENGTH;
}

/** Numbers from 0 on that are free. */
class FreeList {
  private readonly free: Int16Array;
  private count: number;

  constructor(size: number) {
    this.free = Int16Array.from({ length: size }, (_, i) => i);
    this.count = size;
  }

  take(): number {
    return this.count === 0 ? NONE : this.free[--this.count];
  }

  give(number: number): void {
    this.free[this.count++] = number;
  }
}
