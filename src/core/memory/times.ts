/**
 * What times of a destination mean: of its kernel, which answers a SYN at once, or of a program, which may have to ask others first. They
 * are not compared with each other, so each kind has entries of its own.
 */
/** PAYLOAD: of a connection until its first payload, as far as the network and the server take it. */
export const TIMES = { CONNECT: 0, QUIC: 1, DNS: 2, ASK: 3, PAYLOAD: 4 } as const;
export type Times = (typeof TIMES)[keyof typeof TIMES];

/** What people and programs call them, by number. */
export const TIMES_NAMES = ['connections', 'quic', 'dns', 'datagrams', 'first-payloads'] as const;
