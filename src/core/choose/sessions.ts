/** Living sessions per route, for the criteria that go by them (RFC 2391 section 5.1). */
import type { RouteNumber, ServiceNumber } from '../engine-types.js';
import type { Site } from '../site.js';

/** A session of a service has begun (1) or ended (-1) on a route. */
export function countSession(
  { facts, services }: Site,
  route: RouteNumber,
  service: ServiceNumber,
  change: 1 | -1,
): void {
  if (route === 0 || route >= facts.sessions.length) return;
  const weight = services[service]?.sessionWeight ?? 1;
  // An event that was lost must not make a route look emptier than empty.
  facts.sessions[route] = Math.max(0, facts.sessions[route] + change);
  facts.weightedSessions[route] = Math.max(0, facts.weightedSessions[route] + change * weight);
}
