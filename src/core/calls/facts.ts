/** What calls and streams add to the load of their routes, whatever connections they have. */
import type { CallKind } from '../../model/calls.js';
import type { RouteNumber, ServiceNumber } from '../engine-types.js';
import type { Site } from '../site.js';
import type { CallWeights } from './load.js';

/** A call or stream has begun or ended on a route. */
export function countCall(
  { callLoad, facts }: Site,
  kind: CallKind,
  route: RouteNumber,
  change: 1 | -1,
): void {
  const more = callLoad.change(kind, route, change);
  if (more !== 0) facts.weightedSessions[route] = Math.max(0, facts.weightedSessions[route] + more);
}

/** What a call of each kind adds. */
export function setCallWeights({ callLoad, facts }: Site, weights: CallWeights): void {
  for (let route = 1; route < facts.weightedSessions.length; route++)
    facts.weightedSessions[route] -= callLoad.of(route);
  callLoad.setWeights(weights);
  for (let route = 1; route < facts.weightedSessions.length; route++)
    facts.weightedSessions[route] = Math.max(0, facts.weightedSessions[route] + callLoad.of(route));
}

/** The sessions as they are: after events of the connection table have been lost. */
export function recount(
  { callLoad, facts, services }: Site,
  sessions: readonly { route: RouteNumber; service: ServiceNumber; count: number }[],
): void {
  facts.sessions.fill(0);
  for (let route = 0; route < facts.weightedSessions.length; route++)
    facts.weightedSessions[route] = callLoad.of(route);
  for (const { route, service, count } of sessions) {
    if (route === 0 || route >= facts.sessions.length) continue;
    facts.sessions[route] += count;
    facts.weightedSessions[route] += count * (services[service]?.sessionWeight ?? 1);
  }
}
