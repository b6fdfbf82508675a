/** Seeded randomness; one stream per use, so that one link's packets do not change another link's luck. */

/** Numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

/** mulberry32: 32 bits of state, good enough for losses, jitter and sequence numbers. */
export function random(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A seed of its own for the index-th stream of a run. */
export function subSeed(seed: number, index: number): number {
  return (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(index + 1, 0xc2b2ae35)) | 0;
}

/** A random word, as sequence numbers are: a signed 32-bit integer. */
export function randomWord(next: Random): number {
  return Math.floor(next() * 4294967296) | 0;
}
