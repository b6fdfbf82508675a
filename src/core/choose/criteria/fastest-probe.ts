/** `fastest-probe`: the shortest round trip of the routes' own checks (RFC 2391 section 5.1, "ping to find the most responsive"). */
import type { Candidates, CriterionKind, RouteFacts } from '../criterion.js';
import { fastest } from './fastest.js';

export const fastestProbe: CriterionKind = {
  name: 'fastest-probe',
  create: () => ({ pick: fastestByProbe }),
  plan: (candidates, facts) => ({ kind: 'one', routes: [fastestByProbe(candidates, facts)] }),
};

function fastestByProbe(candidates: Candidates, facts: RouteFacts): number {
  return fastest(candidates, facts, facts.probe, 0);
}
