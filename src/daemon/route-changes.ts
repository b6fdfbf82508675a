/** What a change of links means for the routes. Pure. */
import type { LinkInterest } from '../kernel/link-events.js';
import { isFresh, type ResolvedRoute } from '../kernel/routes.js';
import type { Family } from '../model/address.js';
import type { GatewayConfig, RouteConfig } from '../model/config.js';
import type { GatewayState } from './gateway-state.js';

/** What of links, addresses and routes the configuration is about. */
export function interestOf({ lan, routes, kernel }: GatewayConfig): LinkInterest {
  const byPrefix = routes.some(({ prefix }) => prefix !== null);
  return {
    interfaces: [...lan, ...routes.map((route) => route.interface)],
    prefixesOf: byPrefix ? lan : [],
    tables: { from: kernel.table, to: kernel.table + MOST_TABLES },
  };
}

/** Beside the first: one for each route, and one that is asked (desired.ts). */
const MOST_TABLES = 16;

/** The routes as they are now, less the families that could not be used before. */
export function withoutGains(
  before: readonly ResolvedRoute[],
  after: readonly ResolvedRoute[],
): ResolvedRoute[] {
  return after.map((route) => {
    const old = before.find(({ number }) => number === route.number);
    return {
      ...route,
      ipv4: old?.ipv4 == null ? null : route.ipv4,
      ipv6: old?.ipv6 == null ? null : route.ipv6,
    };
  });
}

/** Pairs of a route as it was and as it is now, where anything differs that a log line or a cut depends on. */
export function changedRoutes(
  before: readonly ResolvedRoute[],
  after: readonly ResolvedRoute[],
): [ResolvedRoute, ResolvedRoute][] {
  const describe = (route: ResolvedRoute): string =>
    JSON.stringify({ ...route, config: route.config.name, pathMtu: null });
  return after.flatMap((route): [ResolvedRoute, ResolvedRoute][] => {
    const old = before.find(({ number }) => number === route.number);
    return old === undefined || describe(old) === describe(route) ? [] : [[old, route]];
  });
}

/** Whether a route takes new connections now. */
export function isUsable(gateway: GatewayState, route: RouteConfig, family: Family): boolean {
  const found = gateway.routes.find(({ config }) => config.name === route.name);
  const carried = found?.[family === 4 ? 'ipv4' : 'ipv6'];
  const lane = gateway.health.find((one) => one.route === found?.number)?.[family];
  return isFresh(carried) && gateway.adminOf(route.name) === 'enabled' && lane?.state !== 'down';
}
