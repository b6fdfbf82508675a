/**
 * `fastest-history`: the route that lost the least time in earlier races, whatever their destinations. Until enough is
 * known its connections are raced (choose.ts); of what cannot be raced the lowest cost decides.
 */
import type { Candidates, CriterionKind, RouteFacts } from '../criterion.js';
import { fastest } from './fastest.js';

export const fastestHistory: CriterionKind = {
  name: 'fastest-history',
  create: () => ({ pick: fastestByHistory }),
  plan: (candidates, facts) => ({ kind: 'one', routes: [fastestByHistory(candidates, facts)] }),
};

function fastestByHistory(candidates: Candidates, facts: RouteFacts): number {
  return fastest(candidates, facts, facts.history, -1);
}
