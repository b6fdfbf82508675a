/** States of a race and of an attempt: a table of legal edges, and one function that takes an edge. */
import { assert } from '../../model/errors.js';

export const RACE = { FREE: 0, RACING: 1, COMMITTING: 2, DECIDED: 3 } as const;

/**
 * RACING: attempts are out. COMMITTING: an answer has won, the kernel is asked to bind the flow. DECIDED: the flow is
 * bound; the race stays a little for the answers of the losers.
 */
export const RACE_EDGES: Record<number, readonly number[]> = {
  [RACE.FREE]: [RACE.RACING],
  [RACE.RACING]: [RACE.COMMITTING, RACE.FREE],
  [RACE.COMMITTING]: [RACE.DECIDED, RACE.FREE],
  [RACE.DECIDED]: [RACE.FREE],
};

export const ATTEMPT = { NONE: 0, SENT: 1, ANSWERED: 2, NEGATIVE: 3, NOT_SENT: 4 } as const;

/**
 * A route that said no may still say yes: a late SYN+ACK wins over an ICMP error on the same route. And an answer may come
 * without any copy having left: a bare SYN of the server, or a forged one.
 */
export const ATTEMPT_EDGES: Record<number, readonly number[]> = {
  [ATTEMPT.NONE]: [ATTEMPT.SENT],
  [ATTEMPT.SENT]: [ATTEMPT.SENT, ATTEMPT.ANSWERED, ATTEMPT.NEGATIVE, ATTEMPT.NOT_SENT],
  [ATTEMPT.ANSWERED]: [],
  [ATTEMPT.NEGATIVE]: [ATTEMPT.ANSWERED, ATTEMPT.NEGATIVE],
  [ATTEMPT.NOT_SENT]: [ATTEMPT.SENT, ATTEMPT.ANSWERED],
};

/** Moves entry `at` of a state array along an edge. */
export function to(
  states: Uint8Array,
  at: number,
  next: number,
  edges: Record<number, readonly number[]>,
): void {
  assert(edges[states[at]].includes(next), `no edge from state ${states[at]} to ${next}`);
  states[at] = next;
}
