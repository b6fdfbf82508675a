/**
 * `spillover`: the first route of the service that has room, which is traffic below `threshold` of its capacity. A route
 * of unknown capacity always has room. When none has, the one that is used least for its capacity.
 *
 * Daemon and kernel must choose alike, and a plan is made of facts alone. So nothing is remembered here, hysteresis
 * neither: what keeps this from swinging with every measurement is that whoever writes `facts.traffic` smooths it.
 */
import type { Candidates, CriterionKind, RouteFacts } from '../criterion.js';

export const spillover: CriterionKind = {
  name: 'spillover',
  create: ({ threshold }) => ({
    pick: (candidates, facts) => firstWithRoom(candidates, facts, threshold),
  }),
  plan: (candidates, facts, { threshold }) => ({
    kind: 'one',
    routes: [firstWithRoom(candidates, facts, threshold)],
  }),
};

function firstWithRoom({ routes, count }: Candidates, facts: RouteFacts, threshold: number): number {
  let emptiest = routes[0];
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const route = routes[i];
    if (!(facts.capacity[route] > 0)) return route;
    const use = facts.traffic[route] / facts.capacity[route];
    if (use < threshold) return route;
    if (use < lowest) {
      lowest = use;
      emptiest = route;
    }
  }
  return emptiest;
}
