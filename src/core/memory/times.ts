/**
 * What times of a destination mean: of its kernel, which answers a SYN at once, or of a program, which may have to ask others first. They
 * are not compared with each other, so each kind has entries of its own.
 */
export const TIMES = { CONNECT: 0, QUIC: 1, DNS: 2, ASK: 3 } as const;
export type Times = (typeof TIMES)[keyof typeof TIMES];
