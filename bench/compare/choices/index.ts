/** All cases of `compare-choices`, in the order in which they run. */
import type { ChoiceCase } from './case.js';
import { FAMILY } from './family.js';
import { FORGED } from './forged.js';
import { GRACE } from './grace.js';
import { HEALTH } from './health.js';
import { MANY } from './many.js';
import { LET_IN, PATIENCE } from './patience.js';
import { RETURN } from './return.js';

export const CHOICE_CASES: readonly ChoiceCase[] = [
  ...PATIENCE,
  ...RETURN,
  ...HEALTH,
  ...GRACE,
  ...MANY,
  ...FORGED,
  ...LET_IN,
  ...FAMILY,
];
