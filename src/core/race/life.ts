/**
 * The life of a race and of an attempt: what every event makes of every state, as total tables. IGNORED: the event says
 * nothing to that state, which is then no mistake; whoever brought it asks `stepRace` and `stepAttempt` of the race table whether
 * it counted.
 */

/** OPENED: the client has been shown an answer, and the first payload decides (core/payload). */
export const RACE = { FREE: 0, RACING: 1, COMMITTING: 2, DECIDED: 3, OPENED: 4 } as const;

export const RACE_EVENT = {
  /** A set-up has a slot: its attempts go out. */
  START: 0,
  /** An answer has won: the flow is to be bound. */
  WIN: 1,
  /** The flow is bound; the race stays a little for the answers of the losers. */
  BIND: 2,
  END: 3,
  /** The flow is bound, and may still be bound to another route. */
  OPEN: 4,
} as const;

export const ATTEMPT = {
  /** The route takes no part. */
  NONE: 0,
  /** Its copy leaves later. */
  WAITING: 1,
  /** A copy is out, and nothing has come back. */
  SENT: 2,
  ANSWERED: 3,
  NEGATIVE: 4,
  /** No copy is out: the route has no address for this client, or the kernel refused the packet. */
  NOT_SENT: 5,
} as const;

export const ATTEMPT_EVENT = {
  /** Its turn comes later. */
  WAIT: 0,
  /** Whoever waited need not any more: the race is decided, or the client repeats its set-up. */
  STOP_WAITING: 1,
  /** A copy leaves. */
  SEND: 2,
  /** No copy can leave, or the only one did not. */
  FAIL: 3,
  /** A yes. */
  ANSWER: 4,
  /** A no: a reset, an ICMP error. */
  DENY: 5,
} as const;

export const IGNORED = 255;

const { FREE, RACING, COMMITTING, DECIDED, OPENED } = RACE;
const { NONE, WAITING, SENT, ANSWERED, NEGATIVE, NOT_SENT } = ATTEMPT;
const no = IGNORED;

/** Rows: RACE_EVENT; columns: RACE. */
export const RACE_LIFE: readonly (readonly number[])[] = [
  /*           FREE    RACING      COMMITTING  DECIDED OPENED */
  /* START  */ [RACING, no, no, no, no],
  /* WIN    */ [no, COMMITTING, no, no, COMMITTING],
  /* BIND   */ [no, no, DECIDED, no, DECIDED],
  /* END    */ [no, FREE, FREE, FREE, FREE],
  /* OPEN   */ [no, no, OPENED, no, no],
];

/**
 * Rows: ATTEMPT_EVENT; columns: ATTEMPT. A yes is final. A route that said no may still say yes: a late SYN+ACK wins over an ICMP
 * error on the same route. And a yes may come without a copy that left as far as we know: the kernel's refusal need not be true.
 */
export const ATTEMPT_LIFE: readonly (readonly number[])[] = [
  /*                  NONE      WAITING   SENT      ANSWERED  NEGATIVE  NOT_SENT */
  /* WAIT         */ [WAITING, no, no, no, no, no],
  /* STOP_WAITING */ [no, NONE, no, no, no, no],
  /* SEND         */ [SENT, SENT, SENT, no, no, SENT],
  /* FAIL         */ [NOT_SENT, NOT_SENT, NOT_SENT, no, no, NOT_SENT],
  /* ANSWER       */ [no, no, ANSWERED, no, ANSWERED, ANSWERED],
  /* DENY         */ [no, no, NEGATIVE, no, NEGATIVE, no],
];
