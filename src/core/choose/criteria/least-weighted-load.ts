/**
 * `least-weighted-load`, RFC 2391 section 5.1 "Least weighted load first": sessions of a service count `sessionWeight` each,
 * routes by their strength. As in the RFC's example, loads are compared before the session in hand is added.
 */
import type { CriterionKind } from '../criterion.js';
import { createColumn } from './columns.js';
import { leastLoaded, strengths } from './least.js';
import { createTurns } from './turns.js';

export const leastWeightedLoad: CriterionKind = {
  name: 'least-weighted-load',
  create() {
    const loads = createColumn();
    const turns = createTurns();
    return {
      pick(candidates, facts) {
        const strength = strengths(candidates, facts);
        for (let i = 0; i < candidates.count; i++) {
          const route = candidates.routes[i];
          loads[route] = facts.weightedSessions[route] / strength[route];
        }
        return leastLoaded(candidates, loads, facts.cost, turns);
      },
      keep: turns.keep,
    };
  },
  plan: null,
};
