/**
 * What a criterion is: a function from the routes that may carry a connection, and what is known of them, to one of
 * them. One file each in `criteria/`; `criteria/index.ts` lists them. `docs/guide/adding-a-criterion.md` shows how.
 */
import type { CriterionName } from '../../model/config.js';
import type { RouteNumber } from '../engine-types.js';

/** What is known of the routes. Indexed by route number; entry 0 is unused. Whoever measures writes, criteria read. */
export interface RouteFacts {
  readonly weight: Float64Array;
  /** Price of a gigabyte. */
  readonly cost: Float64Array;
  /** Bits per second; 0: not known. */
  readonly capacity: Float64Array;
  /** Living sessions, and the sum of their session weights. */
  readonly sessions: Float64Array;
  readonly weightedSessions: Float64Array;
  /** Bits per second over the last interval, of the busier direction; and what was assigned since, see `assigned`. */
  readonly traffic: Float64Array;
  /** Connections assigned since `traffic` was measured. */
  readonly assigned: Float64Array;
  /** Bytes of this month, and the quota of a month; 0: without bound. */
  readonly used: Float64Array;
  readonly quota: Float64Array;
  /** Median round-trip time of the route's own checks in the period, microseconds; 0: none. */
  readonly probe: Float64Array;
  /** Mean excess over the best route of the same race in the period, microseconds; -1: no samples. */
  readonly history: Float64Array;
}

export function createFacts(routes: number): RouteFacts {
  const column = (value = 0): Float64Array => new Float64Array(routes + 1).fill(value);
  return {
    weight: column(1),
    cost: column(),
    capacity: column(),
    sessions: column(),
    weightedSessions: column(),
    traffic: column(),
    assigned: column(),
    used: column(),
    quota: column(),
    probe: column(),
    history: column(-1),
  };
}

/** Options of `select` that a criterion may read (model/config.ts, SelectConfig). */
export interface CriterionOptions {
  readonly threshold: number;
  readonly by: 'client' | 'destination' | 'client+destination';
}

/** The routes that may be picked: usable now, in the service's order, no last resort while another is left. Reused. */
export interface Candidates {
  readonly routes: Uint8Array;
  /** At least 1; entries of `routes` beyond it are stale. */
  count: number;
}

export function createCandidates(): Candidates {
  return { routes: new Uint8Array(32), count: 0 };
}

/**
 * One criterion of one service, with its state (a turn, say). It allocates nothing per connection, and what it picks is
 * always one of the candidates.
 */
export interface Criterion {
  /** The route of a new connection. `hash`: 32 bits of what the service hashes of it. */
  pick(candidates: Candidates, facts: RouteFacts, hash: number): RouteNumber;
  /** All that it keeps as it is now; call it to have that back. Absent: it keeps nothing. */
  keep?(): () => void;
}

/**
 * How the kernel can do the same by itself. `one`: the same route for every connection, until the facts change.
 * `turns`: the list over and over, one entry per connection. `hash`: entry `hash mod length` of the list.
 */
export interface KernelPlan {
  readonly kind: 'one' | 'turns' | 'hash';
  readonly routes: readonly RouteNumber[];
}

/** A criterion as `criteria/index.ts` lists it. */
export interface CriterionKind {
  readonly name: CriterionName;
  create(options: CriterionOptions): Criterion;
  /** null: each connection must be decided by the daemon. Else what the kernel does while these are the candidates. */
  plan: ((candidates: Candidates, facts: RouteFacts, options: CriterionOptions) => KernelPlan) | null;
}

/** Longest list of a plan. */
export const MAX_PLAN = 512;
