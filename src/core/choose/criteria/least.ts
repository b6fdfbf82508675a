/** What the criteria of least load share: how loads are compared, and what they are divided by. */
import type { RouteNumber } from '../../engine-types.js';
import type { Candidates, RouteFacts } from '../criterion.js';
import type { Turns } from './turns.js';

/** The smallest load; of equal ones the lowest cost; of those the one that has waited longest. */
export function leastLoaded(
  { routes, count }: Candidates,
  loads: Float64Array,
  cost: Float64Array,
  turns: Turns,
): RouteNumber {
  let best = routes[0];
  for (let i = 1; i < count; i++) {
    const route = routes[i];
    if (loads[route] > loads[best]) continue;
    if (loads[route] === loads[best]) {
      if (cost[route] > cost[best]) continue;
      if (cost[route] === cost[best] && !turns.isBefore(route, best)) continue;
    }
    best = route;
  }
  turns.take(best);
  return best;
}

/** How strong each route is: by capacity when every candidate says one, else by weight. Never a mixture of the two. */
export function strengths({ routes, count }: Candidates, facts: RouteFacts): Float64Array {
  for (let i = 0; i < count; i++) if (!(facts.capacity[routes[i]] > 0)) return facts.weight;
  return facts.capacity;
}
