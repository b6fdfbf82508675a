/**
 * Which routes a criterion wants for a connection when all is well, worked out from the plan alone: round trips, costs and the order of
 * the service. Nothing here is the engine's.
 */
import type { EngineService } from '../../src/core/engine-types.js';
import type { Plan, PlannedConnection, PlannedRoute } from './plan.js';

/** What the engine keeps although another route is a little faster: docs/limits.md names both. */
const KEPT = { times: 1.1, plusMs: 0.5 } as const;
const KEPT_BY_GROUP = { times: 2, plusMs: 20 } as const;
const SLOW_MS = 750;
/** Packets wait for batches, and the LAN takes no time. */
const NOISE_MS = 2;

/** Criteria that spread: any open route may have a connection, and each must have some. */
const SPREADING: readonly EngineService['criterion'][] = [
  'round-robin',
  'weighted',
  'hash',
  'least-connections',
  'least-traffic',
  'least-weighted-load',
];

/**
 * T: by then everything is where its criterion wants it, after all is well again and as soon as a group begins its next connection. A
 * route that has fallen often proves itself for a minute; what is measured is asked again after another one at the latest, where the route
 * was silent, said no or was slow. Milliseconds (docs/decisions/0025).
 */
export const T_MS: Readonly<Record<EngineService['criterion'], number>> = {
  priority: 60_000,
  spillover: 60_000,
  cheapest: 60_000,
  'fastest-probe': 60_000,
  fixed: 0,
  rest: 0,
  race: 120_000,
  'fastest-history': 120_000,
  'round-robin': 60_000,
  weighted: 60_000,
  hash: 60_000,
  'least-connections': 60_000,
  'least-traffic': 60_000,
  'least-weighted-load': 60_000,
};

export function spreads({ criterion }: EngineService): boolean {
  return SPREADING.includes(criterion);
}

export function goesByLoad({ criterion }: EngineService): boolean {
  return criterion.startsWith('least-');
}

/** Numbers of the routes that may carry it. Never empty, unless no route of the service has the family. */
export function wantedRoutes(plan: Plan, service: EngineService, connection: PlannedConnection): number[] {
  const able = ableRoutes(plan, service, connection);
  const ordinary = able.filter((number) => !routeOf(plan, number).lastResort);
  const routes = ordinary.length > 0 ? ordinary : able;
  // A last resort answers for others that have not answered when the client repeats its SYN (race/schedule.ts).
  if (ordinary.every((number) => routeOf(plan, number).delayMs > SLOW_MS / 2)) return able;
  switch (service.criterion) {
    case 'priority':
    case 'spillover':
    case 'fixed':
      return routes.slice(0, 1);
    case 'cheapest':
      return lowest(routes, (number) => routeOf(plan, number).cost, KEPT_EXACTLY);
    case 'fastest-probe':
      return fastestByProbe(plan, routes);
    case 'race':
    case 'fastest-history':
      // `always` lets the order of the service go first: the others are asked when a route has not answered within its turn, and all of them
      // when the client repeats its SYN.
      if (plan.memory.stagger === 'always')
        return routes.some((number) => routeOf(plan, number).delayMs > SLOW_MS / 2) ? able : routes;
      return fastestInRaces(plan, service, connection, routes);
    default:
      // Whoever has one of the slow ones may be helped out by anybody, until enough is known of it.
      return routes.some((number) => routeOf(plan, number).delayMs > SLOW_MS / 2) ? able : routes;
  }
}

/** Routes of the service with the family of the connection, in its order. */
export function ableRoutes(plan: Plan, { routes }: EngineService, { family }: PlannedConnection): number[] {
  return routes.filter((number) => routeOf(plan, number).families.includes(family));
}

/** Of those that are equally fast the cheapest (criteria/fastest.ts says the same of checks). */
function fastestByProbe(plan: Plan, routes: readonly number[]): number[] {
  const equal = lowest(routes, (number) => 2 * routeOf(plan, number).delayMs, KEPT);
  return lowest(equal, (number) => routeOf(plan, number).cost, KEPT_EXACTLY);
}

/** Groups go over all servers of their clients: whoever is fast enough for one of them may have the group. */
function fastestInRaces(
  plan: Plan,
  { affinity }: EngineService,
  { server }: PlannedConnection,
  routes: readonly number[],
): number[] {
  const isWide = affinity === 'client';
  const servers = isWide ? Array.from({ length: plan.servers }, (_, i) => i) : [server];
  const kept = affinity === 'none' ? KEPT : KEPT_BY_GROUP;
  const fast = servers.flatMap((one) => {
    const best = Math.min(...routes.map((number) => slowestMs(routeOf(plan, number), one)));
    const limit = best * kept.times + kept.plusMs + NOISE_MS;
    return routes.filter((number) => fastestMs(routeOf(plan, number), one) <= limit);
  });
  return [...new Set(fast)];
}

function fastestMs({ delayMs, distanceMs }: PlannedRoute, server: number): number {
  return 2 * (delayMs + distanceMs[server]!);
}

function slowestMs(route: PlannedRoute, server: number): number {
  return fastestMs(route, server) + 2 * route.jitterMs;
}

const KEPT_EXACTLY = { times: 1, plusMs: 0 } as const;

function lowest(
  routes: readonly number[],
  of: (number: number) => number,
  { times, plusMs }: { readonly times: number; readonly plusMs: number },
): number[] {
  const limit = Math.max(Math.min(...routes.map(of)) * times, Math.min(...routes.map(of)) + plusMs);
  return routes.filter((number) => of(number) <= limit);
}

function routeOf({ routes }: Plan, number: number): PlannedRoute {
  return routes[number - 1]!;
}
