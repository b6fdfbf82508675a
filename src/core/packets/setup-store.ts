/** The set-up packets of races, as far as copies and errors about them need them: headers, by race. */
import { MAX_SETUP_LENGTH, type StoredSetup } from '../../wire/build.js';
import type { RaceId } from '../engine-types.js';

/** BOUNDED: one packet per race, MAX_SETUP_LENGTH bytes each. */
export class SetupStore {
  readonly bytes: Uint8Array;
  private readonly lengths: Uint8Array;
  private readonly stored: StoredSetup;

  constructor(races: number) {
    this.bytes = new Uint8Array(races * MAX_SETUP_LENGTH);
    this.lengths = new Uint8Array(races);
    this.stored = { bytes: this.bytes, at: 0, length: 0 };
  }

  /** Where the packet of a race is written; `setLength` says how long it has become. */
  placeOf(race: RaceId): number {
    return race * MAX_SETUP_LENGTH;
  }

  setLength(race: RaceId, length: number): void {
    this.lengths[race] = length;
  }

  /** The packet of a race. One value, reused: valid until the next call. */
  of(race: RaceId): StoredSetup {
    this.stored.at = race * MAX_SETUP_LENGTH;
    this.stored.length = this.lengths[race];
    return this.stored;
  }
}
