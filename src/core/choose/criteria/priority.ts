/** `priority`: the first route of the service that can be used. */
import type { CriterionKind } from '../criterion.js';

export const priority: CriterionKind = {
  name: 'priority',
  create: () => ({ pick: ({ routes }) => routes[0] }),
  plan: ({ routes }) => ({ kind: 'one', routes: [routes[0]] }),
};
