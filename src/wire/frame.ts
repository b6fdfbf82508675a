/** Messages in a stream of bytes: where the first one ends. */

/** What a framing function gives besides the length of the first message, in bytes: it is not all there yet; there is none, nor will there be. */
export const FRAME = { INCOMPLETE: 0, NOT: -1 } as const;
