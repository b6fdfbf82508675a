/** By what the protocols of races know the answers, besides the token of the race: words that are theirs alone. */
import type { RaceId } from '../engine-types.js';
import { ASKED_WORDS, type Asked } from '../protocols/protocol.js';

/** BOUNDED: ASKED_WORDS for each race. */
export class AskedWords {
  private readonly asked: { -readonly [Key in keyof Asked]: Asked[Key] };

  constructor(races: number) {
    this.asked = { words: new Int32Array(races * ASKED_WORDS), at: 0 };
  }

  /** Those of a race. One value, reused. */
  of(race: RaceId): Asked {
    this.asked.at = race * ASKED_WORDS;
    return this.asked;
  }
}
