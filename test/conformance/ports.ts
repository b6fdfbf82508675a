/** What servers listen on, and what programs say to them. */

/** Servers here answer until the client ends the connection. */
export const PORT = 7;
/** Servers here close first, once they have got all bytes: they keep the TIME_WAIT. */
export const CLOSING_PORT = 8;
/** Every program sends so much. */
export const BYTES = 100;
