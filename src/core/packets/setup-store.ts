/** Packets of races: the set-up, as far as copies and errors about it need it, and the refusal that the client may have to get as it came. */
import { MAX_SETUP_LENGTH, type StoredSetup } from '../../wire/build.js';
import type { Packet } from '../../wire/packet.js';
import { MAX_DATAGRAM_LENGTH } from '../../wire/udp.js';
import type { RaceId } from '../engine-types.js';
import type { PacketForms } from '../protocols/protocol.js';

/** Long packets at one time, and no more than there are races. Their memory is the kernel's until it is written to. */
const MOST_LONG = 4096;
/** Datagrams of one flight that are kept for routes that are asked later. */
const FLIGHT = 4;
/** Of a race: its flight, and a refusal. */
const PLACES = FLIGHT + 1;
const REFUSAL = FLIGHT;
const NO_SLOT = -1;

/** BOUNDED: one short packet per race, of MAX_SETUP_LENGTH bytes, and MOST_LONG of MAX_DATAGRAM_LENGTH among all. */
export class SetupStore {
  private readonly bytes: Uint8Array;
  private readonly lengths: Uint16Array;
  private readonly counts: Uint8Array;
  private readonly slots: Int16Array;
  private readonly ranks: Uint8Array;
  private readonly free: Int16Array;
  private freeCount: number;
  private readonly longAt: number;
  private readonly stored: StoredSetup;

  constructor(races: number) {
    this.longAt = races * MAX_SETUP_LENGTH;
    this.freeCount = Math.min(races, MOST_LONG);
    this.free = Int16Array.from({ length: this.freeCount }, (_, i) => i);
    this.bytes = new Uint8Array(this.longAt + this.freeCount * MAX_DATAGRAM_LENGTH);
    this.lengths = new Uint16Array(races * PLACES);
    this.counts = new Uint8Array(races);
    this.slots = new Int16Array(races * PLACES).fill(NO_SLOT);
    this.ranks = new Uint8Array(races);
    this.stored = { bytes: this.bytes, at: 0, length: 0 };
  }

  /** Keeps the set-up of a race, in the place of what it had; false: there is no room. */
  keep(race: RaceId, forms: PacketForms, packet: Packet): boolean {
    this.counts[race] = 0;
    return this.add(race, forms, packet) >= 0;
  }

  /** Keeps a further packet of the same flight, in the place of the last one when there are too many; its number, -1: there is no room. */
  add(race: RaceId, forms: PacketForms, packet: Packet): number {
    const number = Math.min(this.counts[race], FLIGHT - 1);
    const length = forms.length(packet);
    const at = this.place(race, number, length);
    if (at < 0) return -1;
    this.lengths[race * PLACES + number] = forms.keep(packet, this.bytes, at);
    this.counts[race] = number + 1;
    return number;
  }

  /** Forgets the last packet of a race. */
  takeBack(race: RaceId): void {
    this.counts[race]--;
  }

  /** How many packets a race has. */
  countOf(race: RaceId): number {
    return this.counts[race];
  }

  /** The packet of a race, or a further one. One value, reused: valid until the next call. */
  of(race: RaceId, number = 0): StoredSetup {
    const { stored } = this;
    stored.length = this.lengths[race * PLACES + number];
    stored.at = this.placeOf(race, number, stored.length);
    return stored;
  }

  /** Keeps a refusal as it came, unless the race has one that says more. False: there is no room. */
  keepRefusal(race: RaceId, { bytes, start, end }: Packet, rank: number): boolean {
    const at = race * PLACES + REFUSAL;
    if (this.lengths[at] > 0 && this.ranks[race] >= rank) return true;
    const length = end - start;
    const to = this.place(race, REFUSAL, length);
    if (to < 0) return false;
    for (let i = 0; i < length; i++) this.bytes[to + i] = bytes[start + i];
    this.lengths[at] = length;
    this.ranks[race] = rank;
    return true;
  }

  /** The refusal of a race; of length 0 when there is none. One value, reused. */
  refusalOf(race: RaceId): StoredSetup {
    return this.of(race, REFUSAL);
  }

  /** A race is over. */
  release(race: RaceId): void {
    this.counts[race] = 0;
    for (let at = race * PLACES; at < (race + 1) * PLACES; at++) {
      this.lengths[at] = 0;
      if (this.slots[at] === NO_SLOT) continue;
      this.free[this.freeCount++] = this.slots[at];
      this.slots[at] = NO_SLOT;
    }
  }

  /** Where a packet of so many bytes is to be written; -1: there is no room. */
  private place(race: RaceId, number: number, length: number): number {
    if (isShort(number, length)) return this.placeOf(race, number, length);
    const at = race * PLACES + number;
    if (length > MAX_DATAGRAM_LENGTH) return -1;
    if (this.slots[at] === NO_SLOT) {
      if (this.freeCount === 0) return -1;
      this.slots[at] = this.free[--this.freeCount];
    }
    return this.placeOf(race, number, length);
  }

  private placeOf(race: RaceId, number: number, length: number): number {
    if (length === 0) return 0;
    if (isShort(number, length)) return race * MAX_SETUP_LENGTH;
    return this.longAt + this.slots[race * PLACES + number] * MAX_DATAGRAM_LENGTH;
  }
}

/** The first packet of a race has a short place of its own. */
function isShort(number: number, length: number): boolean {
  return number === 0 && length <= MAX_SETUP_LENGTH;
}
