/** Which of two routes of a service its connections shall have when both are well: what decides who comes back to whom. */
import type { ServiceConfig } from '../../model/config.js';

/** What a criterion prefers a route by. */
export interface Standing {
  /** Its place in the service's order. */
  place: number;
  cost: number;
  lastResort: boolean;
}

/**
 * Whether connections that `other` carries have only moved away from `route`, or may have. Where the criterion has no preference
 * (turns, shares, hashes) they are as well off there.
 */
export function comesBefore(
  criterion: ServiceConfig['select']['criterion'],
  route: Standing,
  other: Standing,
): boolean {
  if (route.lastResort !== other.lastResort) return other.lastResort;
  switch (criterion) {
    case 'priority':
    case 'spillover':
      return route.place < other.place;
    case 'cheapest':
      return route.cost < other.cost;
    case 'race':
    case 'fastest-probe':
    case 'fastest-history':
      return true;
    default:
      return false;
  }
}
