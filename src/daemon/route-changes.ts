/** What a change of links means for the routes. Pure, but for the errors. */
import type { LostLink } from '../kernel/links.js';
import type { LaneHealth, RouteHealth } from '../kernel/race-messages.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import type { Family } from '../model/address.js';
import type { GatewayConfig, RouteConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import type { GatewayState } from './gateway-state.js';

/** Every interface that must be there is there, or E_INTERFACE_MISSING. */
export function requireInterfaces(config: GatewayConfig, present: ReadonlySet<string>): void {
  const needed = [...config.lan, ...config.routes.filter((r) => !r.optional).map((r) => r.interface)];
  const missing = needed.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  throw new PathraceError('E_INTERFACE_MISSING', `No such interface: ${[...new Set(missing)].join(', ')}.`, {
    expected: `one of ${[...present].join(', ')}`,
    remedy: 'Compare the name with `ip link`; a route whose interface appears later says `optional: true`.',
  });
}

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
  const describe = (route: ResolvedRoute): string => JSON.stringify({ ...route, config: route.config.name });
  return after.flatMap((route): [ResolvedRoute, ResolvedRoute][] => {
    const old = before.find(({ number }) => number === route.number);
    return old === undefined || describe(old) === describe(route) ? [] : [[old, route]];
  });
}

/** Routes and health after a loss, until the kernel's snapshot and the engine tell it themselves; null: nothing is lost. */
export function afterLoss(
  routes: readonly ResolvedRoute[],
  health: readonly RouteHealth[],
  lost: LostLink,
  nowMs: number,
): { routes: readonly ResolvedRoute[]; health: readonly RouteHealth[] } | null {
  const left = routes.map((route) => withoutLost(route, lost));
  if (left.every((route, i) => route === routes[i])) return null;
  const down = (lane: LaneHealth): LaneHealth =>
    lane.state === 'down' ? lane : { ...lane, state: 'down', reason: 'link', sinceMs: nowMs };
  return {
    routes: left,
    health: health.map((one) => {
      const now = left.find(({ number }) => number === one.route);
      const old = routes.find(({ number }) => number === one.route);
      return {
        route: one.route,
        4: old?.ipv4 != null && now?.ipv4 === null ? down(one[4]) : one[4],
        6: old?.ipv6 != null && now?.ipv6 === null ? down(one[6]) : one[6],
      };
    }),
  };
}

/** Routes of a snapshot, less what has been lost since it was asked for. */
export function lessLost(routes: readonly ResolvedRoute[], lost: readonly LostLink[]): ResolvedRoute[] {
  return routes.map((route) => lost.reduce(withoutLost, route));
}

function withoutLost(route: ResolvedRoute, { index, reason, address }: LostLink): ResolvedRoute {
  if (route.interfaceIndex !== index || route.state === 'down') return route;
  if (address === null) return { ...route, ipv4: null, ipv6: null, state: 'down', reasons: [reason] };
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const part = route[family];
  const needed = route.config.translate && (family === 'ipv4' || route.config.prefix === null);
  if (!needed || part === null || !part.addresses.includes(address)) return route;
  const addresses = part.addresses.filter((one) => one !== address);
  const left = { ...route, [family]: addresses.length > 0 ? { ...part, addresses } : null };
  if (left[family] !== null) return left;
  if (left.ipv4 === null && left.ipv6 === null) return { ...left, state: 'down', reasons: [reason] };
  return { ...left, reasons: [...route.reasons, `${family}-${reason}`] };
}

/** Whether a route takes new connections now. */
export function isUsable(gateway: GatewayState, route: RouteConfig, family: Family): boolean {
  const found = gateway.routes.find(({ config }) => config.name === route.name);
  const carried = found?.[family === 4 ? 'ipv4' : 'ipv6'] ?? null;
  const lane = gateway.health.find((one) => one.route === found?.number)?.[family];
  return carried !== null && gateway.adminOf(route.name) === 'enabled' && lane?.state !== 'down';
}
