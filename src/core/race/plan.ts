/** What is to be raced how. One value per shard, filled by whoever starts a race. */
import type { SingleReason } from '../../model/reasons.js';
import { type Candidates, createCandidates } from '../choose/criterion.js';
import type { Micros, RouteNumber, ServiceNumber } from '../engine-types.js';

/** What is known of the flow that a client's first set-up went by. */
export const FLOW = {
  /** No answer to it can be taken any more. */
  GONE: 0,
  /** It may still be answered. */
  WAITS: 1,
  /** It has been, while the client's repeat was on its way to us. */
  ANSWERED: 2,
} as const;

export type FlowState = (typeof FLOW)[keyof typeof FLOW];

export interface RacePlan {
  service: ServiceNumber;
  /** The routes that may win, in the order of the service. */
  readonly racers: Candidates;
  /** Bits of further routes that are asked to prove themselves. */
  trials: number;
  /** The route that the client's first set-up went by alone; 0: none. */
  tried: RouteNumber;
  /** What became of that flow. */
  flow: FlowState;
  /** Of datagrams whose destination is remembered: the route that is asked first, the others when its answer is overdue; 0: none. */
  leader: RouteNumber;
  /** No copy waits for the answer to another one: the client has waited already, or there is nobody to wait for. */
  atOnce: boolean;
  /** When the first copy leaves at the soonest; 0: now. */
  notBefore: Micros;
  /** What the trials say decides whether the group of the connection keeps its route. */
  settles: boolean;
  /** Why there is one racer alone; null: the race is to find out which is the fastest. */
  chosen: SingleReason | null;
}

export function createPlan(): RacePlan {
  return {
    service: 0,
    racers: createCandidates(),
    trials: 0,
    tried: 0,
    flow: FLOW.GONE,
    leader: 0,
    atOnce: false,
    notBefore: 0,
    settles: false,
    chosen: null,
  };
}
