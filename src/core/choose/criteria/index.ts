/** All criteria that choose one route without copies, by the name that `select` gives them. `race` is the engine's own. */
import type { CriterionName } from '../../../model/config.js';
import type { CriterionKind } from '../criterion.js';
import { cheapest } from './cheapest.js';
import { fastestHistory } from './fastest-history.js';
import { fastestProbe } from './fastest-probe.js';
import { hash } from './hash.js';
import { leastConnections } from './least-connections.js';
import { leastTraffic } from './least-traffic.js';
import { leastWeightedLoad } from './least-weighted-load.js';
import { priority } from './priority.js';
import { roundRobin } from './round-robin.js';
import { spillover } from './spillover.js';
import { weighted } from './weighted.js';

export const CRITERION_KINDS: Readonly<Record<Exclude<CriterionName, 'race'>, CriterionKind>> = {
  'round-robin': roundRobin,
  weighted,
  'least-connections': leastConnections,
  'least-traffic': leastTraffic,
  'least-weighted-load': leastWeightedLoad,
  'fastest-probe': fastestProbe,
  'fastest-history': fastestHistory,
  cheapest,
  priority,
  spillover,
  hash,
};
