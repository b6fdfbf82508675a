/**
 * `cheapest`: the lowest cost among the routes whose quota of the month is not used up; among all when every quota is.
 * Routes of equal cost share by weight.
 */
import type { Candidates, CriterionKind, RouteFacts } from '../criterion.js';
import { createSubset } from './columns.js';
import { createSmooth, planTurns } from './smooth.js';

export const cheapest: CriterionKind = {
  name: 'cheapest',
  create() {
    const subset = createSubset();
    const smooth = createSmooth();
    return {
      pick: (candidates, facts) => smooth.next(keepCheapest(candidates, facts, subset), facts.weight),
      keep: smooth.keep,
    };
  },
  plan: (candidates, facts) => planTurns(keepCheapest(candidates, facts, createSubset()), facts.weight),
};

/** Fills `into` with those of the lowest cost, in the order of the candidates. */
function keepCheapest({ routes, count }: Candidates, facts: RouteFacts, into: Candidates): Candidates {
  let left = 0;
  for (let i = 0; i < count; i++) if (!isUsedUp(routes[i], facts)) left++;
  let lowest = Number.POSITIVE_INFINITY;
  into.count = 0;
  for (let i = 0; i < count; i++) {
    const cost = facts.cost[routes[i]];
    if (cost > lowest || (left > 0 && isUsedUp(routes[i], facts))) continue;
    if (cost < lowest) into.count = 0;
    lowest = cost;
    into.routes[into.count++] = routes[i];
  }
  return into;
}

function isUsedUp(route: number, facts: RouteFacts): boolean {
  return facts.quota[route] > 0 && facts.used[route] >= facts.quota[route];
}
