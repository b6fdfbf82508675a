/** What monitoring is to think of a gateway: the same word for `status --check` and for load balancers. Pure. */
import type { Health, RouteState, Status } from './contract.js';

/** A route that an operator has taken out is no alarm. */
export function verdictOf({ alarms, routes }: Pick<Status, 'alarms' | 'routes'>): Health['verdict'] {
  if (!routes.some(({ state }) => isUsable(state))) return 'down';
  return alarms.length === 0 ? 'ok' : 'alarm';
}

/** Races still try a route that is suspect. */
function isUsable(state: RouteState): boolean {
  return state === 'up' || state === 'suspect';
}
