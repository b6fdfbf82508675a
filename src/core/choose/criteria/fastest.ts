/** What the criteria of measured time share: what counts as equally fast, and what decides then. */
import type { RouteNumber } from '../../engine-types.js';
import type { Candidates, RouteFacts } from '../criterion.js';

/** Nobody notices less, and measurements differ by as much from one period to the next. */
const EQUAL_SHARE = 0.1;
const EQUAL_MICROS = 500;

/**
 * The smallest time. Those within 10 % or 500 us of it, whichever is more, are equally fast: of them the lowest cost, then the
 * first in the service's order. A time of `unknown` comes after all others; when nothing is known all are equal.
 */
export function fastest(
  { routes, count }: Candidates,
  facts: RouteFacts,
  times: Float64Array,
  unknown: number,
): RouteNumber {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const time = times[routes[i]];
    if (time > unknown && time < best) best = time;
  }
  const nothingKnown = best === Number.POSITIVE_INFINITY;
  const limit = best + Math.max(best * EQUAL_SHARE, EQUAL_MICROS);
  let choice = 0;
  for (let i = 0; i < count; i++) {
    const route = routes[i];
    const time = times[route];
    if (!nothingKnown && !(time > unknown && time <= limit)) continue;
    if (choice === 0 || facts.cost[route] < facts.cost[choice]) choice = route;
  }
  return choice;
}
