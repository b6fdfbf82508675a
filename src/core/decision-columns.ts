/** Decisions as columns of typed arrays: as the ring has them, and as a part of it is handed to another thread. */
import type { AddressWords } from '../model/address.js';
import { OUTCOME_REASONS, type OutcomeReason, SINGLE_REASONS, type SingleReason } from '../model/reasons.js';
import type { Micros, RouteNumber, ServiceNumber } from './engine-types.js';

/** One decision, copied out of the columns. */
export interface DecisionRecord {
  /** Counts from the first of this shard. */
  readonly number: number;
  readonly at: Micros;
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
  /** 0: none. */
  readonly route: RouteNumber;
  readonly raced: boolean;
  /** 0: none. */
  readonly service: ServiceNumber;
  readonly reason: OutcomeReason | SingleReason;
  /** As `FlowEnds.protocol`. */
  readonly protocol: number;
  /** Bits of routes that were measured only. */
  readonly trials: number;
  /** How old the measurement was by which memory chose; -1: memory did not. */
  readonly memoryAge: Micros;
  /** Per route number from 1: one of STANDING. */
  readonly standings: readonly number[];
  /** Per route number from 1. */
  readonly answers: readonly AnswerRecord[];
}

export interface AnswerRecord {
  /** One of ANSWER. */
  readonly answer: number;
  /** From sending to the answer; -1: none, or unknown. */
  readonly rttMicros: number;
  /**
   * When its first copy left or, of one that has waited in vain, was to leave, from the begin of the race; before it, where the kernel had
   * given the connection to the route already. NO_TIME: none.
   */
  readonly sentAfter: Micros;
  /** When its yes came; NO_TIME: none did. */
  readonly answeredAfter: Micros;
  /** Copies that left. */
  readonly copies: number;
  /** It came from something on the way, in the place of the server. */
  readonly isIntercepted: boolean;
}

/** No time at all: what is before the race is negative. */
export const NO_TIME = -(2 ** 31);

/** Both lists: a decision's reason is one of either. */
export const DECISION_REASONS: readonly (OutcomeReason | SingleReason)[] = [
  ...OUTCOME_REASONS,
  ...SINGLE_REASONS,
];

/** Client and destination have eight words together, and two ports; what is per route has a place for each. */
export interface DecisionColumns {
  readonly at: Float64Array;
  readonly addresses: Int32Array;
  readonly ports: Uint16Array;
  readonly route: Uint8Array;
  readonly reason: Uint8Array;
  readonly service: Uint8Array;
  readonly protocol: Uint16Array;
  readonly trials: Uint32Array;
  readonly intercepted: Uint32Array;
  readonly answer: Uint16Array;
  readonly rtt: Int32Array;
  readonly sent: Int32Array;
  readonly answered: Int32Array;
  readonly copies: Uint8Array;
  readonly standing: Uint8Array;
  readonly memoryAge: Float32Array;
}

export function createColumns(size: number, routes: number): DecisionColumns {
  return {
    at: new Float64Array(size),
    addresses: new Int32Array(size * 8),
    ports: new Uint16Array(size * 2),
    route: new Uint8Array(size),
    reason: new Uint8Array(size),
    service: new Uint8Array(size),
    protocol: new Uint16Array(size),
    trials: new Uint32Array(size),
    intercepted: new Uint32Array(size),
    answer: new Uint16Array(size * routes),
    rtt: new Int32Array(size * routes),
    sent: new Int32Array(size * routes),
    answered: new Int32Array(size * routes),
    copies: new Uint8Array(size * routes),
    standing: new Uint8Array(size * routes),
    memoryAge: new Float32Array(size),
  };
}

/** A copy of the decisions from `from` to before `to`. */
export function copyColumns(
  columns: DecisionColumns,
  from: number,
  to: number,
  routes: number,
): DecisionColumns {
  return {
    at: columns.at.slice(from, to),
    addresses: columns.addresses.slice(from * 8, to * 8),
    ports: columns.ports.slice(from * 2, to * 2),
    route: columns.route.slice(from, to),
    reason: columns.reason.slice(from, to),
    service: columns.service.slice(from, to),
    protocol: columns.protocol.slice(from, to),
    trials: columns.trials.slice(from, to),
    intercepted: columns.intercepted.slice(from, to),
    answer: columns.answer.slice(from * routes, to * routes),
    rtt: columns.rtt.slice(from * routes, to * routes),
    sent: columns.sent.slice(from * routes, to * routes),
    answered: columns.answered.slice(from * routes, to * routes),
    copies: columns.copies.slice(from * routes, to * routes),
    standing: columns.standing.slice(from * routes, to * routes),
    memoryAge: columns.memoryAge.slice(from, to),
  };
}

/** `number`: of the decision at `slot`. */
export function readDecision(
  columns: DecisionColumns,
  slot: number,
  routes: number,
  number: number,
): DecisionRecord {
  const reason = columns.reason[slot];
  const first = slot * routes;
  return {
    number,
    at: columns.at[slot],
    client: columns.addresses.slice(slot * 8, slot * 8 + 4),
    clientPort: columns.ports[slot * 2],
    destination: columns.addresses.slice(slot * 8 + 4, slot * 8 + 8),
    destinationPort: columns.ports[slot * 2 + 1],
    route: columns.route[slot],
    raced: reason < OUTCOME_REASONS.length,
    service: columns.service[slot],
    reason: DECISION_REASONS[reason],
    protocol: columns.protocol[slot],
    trials: columns.trials[slot],
    memoryAge: columns.memoryAge[slot],
    standings: Array.from(columns.standing.subarray(first, first + routes)),
    answers: Array.from({ length: routes }, (_, i) => ({
      answer: columns.answer[first + i],
      rttMicros: columns.rtt[first + i],
      sentAfter: columns.sent[first + i],
      answeredAfter: columns.answered[first + i],
      copies: columns.copies[first + i],
      isIntercepted: (columns.intercepted[slot] & (2 << i)) !== 0,
    })),
  };
}
