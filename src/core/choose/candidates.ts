/** Stage 3: which routes can carry a connection of a family now. */
import type { Family } from '../../model/address.js';
import type { EngineRoute, RouteNumber } from '../engine-types.js';

export function countUsable(routes: readonly EngineRoute[], family: Family): number {
  let count = 0;
  for (const route of routes) if (route.usable[family]) count++;
  return count;
}

/** The first usable route; 0 when there is none. */
export function onlyUsable(routes: readonly EngineRoute[], family: Family): RouteNumber {
  for (const route of routes) if (route.usable[family]) return route.number;
  return 0;
}
