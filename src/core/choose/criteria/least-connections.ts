/**
 * `least-connections`: the fewest living sessions for its weight; of equal ones the lowest cost, then taking turns.
 * The session in hand does not count yet.
 */
import type { CriterionKind } from '../criterion.js';
import { createColumn } from './columns.js';
import { leastLoaded } from './least.js';
import { createTurns } from './turns.js';

export const leastConnections: CriterionKind = {
  name: 'least-connections',
  create() {
    const loads = createColumn();
    const turns = createTurns();
    return {
      pick(candidates, facts) {
        for (let i = 0; i < candidates.count; i++) {
          const route = candidates.routes[i];
          loads[route] = facts.sessions[route] / facts.weight[route];
        }
        return leastLoaded(candidates, loads, facts.cost, turns);
      },
      keep: turns.keep,
    };
  },
  plan: null,
};
