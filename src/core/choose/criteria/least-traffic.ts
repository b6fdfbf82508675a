/**
 * `least-traffic`: the least traffic for its strength.
 *
 * Traffic is measured now and then. If only that counted, all connections between two measurements would go to the route
 * that was emptiest in the last one (the herd effect). So each connection assigned since counts as a session of mean traffic:
 * the routes are filled to one level, and then evenly by strength. The mean is over all candidates, since a route
 * with one heavy flow says little about the next one. A mean that is too high only spreads more evenly, one that is too low
 * lets the herd run; so sessions that are too young to be part of the measurement are left out of it.
 */
import type { Candidates, CriterionKind, RouteFacts } from '../criterion.js';
import { createColumn } from './columns.js';
import { leastLoaded, strengths } from './least.js';
import { createTurns } from './turns.js';

/** Bits per second of a session when less or nothing is known: above what an idle line carries by itself. */
const LEAST_OF_A_SESSION = 10_000;

export const leastTraffic: CriterionKind = {
  name: 'least-traffic',
  create() {
    const loads = createColumn();
    const turns = createTurns();
    return {
      pick(candidates, facts) {
        const strength = strengths(candidates, facts);
        const each = trafficOfSession(candidates, facts);
        for (let i = 0; i < candidates.count; i++) {
          const route = candidates.routes[i];
          loads[route] = (facts.traffic[route] + facts.assigned[route] * each) / strength[route];
        }
        return leastLoaded(candidates, loads, facts.cost, turns);
      },
      keep: turns.keep,
    };
  },
  plan: null,
};

function trafficOfSession({ routes, count }: Candidates, facts: RouteFacts): number {
  let traffic = 0;
  let measured = 0;
  for (let i = 0; i < count; i++) {
    traffic += facts.traffic[routes[i]];
    measured += Math.max(facts.sessions[routes[i]] - facts.assigned[routes[i]], 0);
  }
  return Math.max(traffic / Math.max(measured, 1), LEAST_OF_A_SESSION);
}
