/**
 * `hash`: equal hashes take the same route, shared by weight. A hash falls into one of 512 slots, and in each slot the
 * routes have a fixed order of their own (weighted rendezvous: the largest `log(u) / weight` wins, u between 0 and 1 per
 * slot and route). So a route that leaves moves its own slots only, to the others by weight, and takes the same ones back.
 *
 * The kernel's plan is the winner of each slot, and `jhash ... mod 512` of nft is the slot.
 */
import type { RouteNumber } from '../../engine-types.js';
import { type Candidates, type CriterionKind, MAX_PLAN, type RouteFacts } from '../criterion.js';
import { weightOf } from './columns.js';

const SLOTS = MAX_PLAN;

export const hash: CriterionKind = {
  name: 'hash',
  create: () => ({ pick: (candidates, facts, hash) => winner(slotOf(hash), candidates, facts) }),
  plan: (candidates, facts) => ({
    kind: 'hash',
    routes: Array.from({ length: SLOTS }, (_, slot) => winner(slot, candidates, facts)),
  }),
};

/** nft's `mod` is the kernel's reciprocal_scale: the upper half of hash * SLOTS. */
function slotOf(hash: number): number {
  return Math.floor(((hash >>> 0) * SLOTS) / 0x1_0000_0000);
}

function winner(slot: number, { routes, count }: Candidates, facts: RouteFacts): RouteNumber {
  let best = routes[0];
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const score = Math.log(spread(slot, routes[i])) / weightOf(facts.weight, routes[i]);
    if (score > highest) {
      highest = score;
      best = routes[i];
    }
  }
  return best;
}

/**
 * Multiplier and offset of each route, 1 to 16, for 512 slots. With u drawn by lot the share of a route would be off by 2 % of all
 * slots as a rule (the standard deviation of 512 draws) and by 6 % at worst. A lattice spreads the slots evenly over all u
 * together: 0.2 % as a rule and 1.3 % at worst among 3 routes, 0.5 % and 2 % among 5, 1.1 % and 3 % among 16. Found route after
 * route, by the smallest error of the shares of 2 to 5 routes with weights from 1 to 10; test/unit/criteria-hash.test.ts measures.
 */
const LATTICE: readonly (readonly [multiplier: number, offset: number])[] = [
  [1, 0],
  [335, 64],
  [117, 128],
  [203, 384],
  [317, 384],
  [387, 128],
  [339, 320],
  [141, 192],
  [23, 0],
  [81, 448],
  [251, 256],
  [441, 0],
  [287, 384],
  [389, 320],
  [105, 64],
  [359, 192],
];

/** u of a slot and a route. Each route has its own fraction of a step, so two never tie. */
function spread(slot: number, route: RouteNumber): number {
  const place = (route - 1) % LATTICE.length;
  const [multiplier, offset] = LATTICE[place];
  return (((slot * multiplier + offset) % SLOTS) + (place + 1) / (LATTICE.length + 1)) / SLOTS;
}
