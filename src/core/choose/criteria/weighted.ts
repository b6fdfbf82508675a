/** `weighted`: connections in proportion to the weights, interleaved. Cost and load do not count. */
import type { CriterionKind } from '../criterion.js';
import { createSmooth, planTurns } from './smooth.js';

export const weighted: CriterionKind = {
  name: 'weighted',
  create() {
    const smooth = createSmooth();
    return { pick: (candidates, facts) => smooth.next(candidates, facts.weight), keep: smooth.keep };
  },
  plan: (candidates, facts) => planTurns(candidates, facts.weight),
};
