/** `round-robin`: each connection the next route. */
import type { CriterionKind } from '../criterion.js';
import { listOf } from './columns.js';
import { createTurns } from './turns.js';

/** In the order of the service at first; when candidates come and go, whoever has waited longest. */
export const roundRobin: CriterionKind = {
  name: 'round-robin',
  create() {
    const turns = createTurns();
    return {
      pick({ routes, count }) {
        let next = routes[0];
        for (let i = 1; i < count; i++) if (turns.isBefore(routes[i], next)) next = routes[i];
        turns.take(next);
        return next;
      },
      keep: turns.keep,
    };
  },
  plan: (candidates) => ({ kind: candidates.count === 1 ? 'one' : 'turns', routes: listOf(candidates) }),
};
