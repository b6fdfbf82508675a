/** Links and addresses that are lost: the routes feel it at once, and hold on to it until a later snapshot has been taken over. */
import type { LostLink } from '../kernel/links.js';
import type { LaneHealth, RouteHealth } from '../kernel/race-messages.js';
import type { ResolvedRoute } from '../kernel/routes.js';

export class Losses {
  /** The routes before a link was lost, until the kernel's state has followed. */
  private before: readonly ResolvedRoute[] | null = null;
  // BOUNDED: each loss brings a new snapshot, which begins with none.
  private lost: LostLink[] = [];

  /** Routes and health after a loss, until the snapshot and the engine tell it themselves; null: no route of ours is concerned. */
  note(
    routes: readonly ResolvedRoute[],
    health: readonly RouteHealth[],
    lost: LostLink,
    nowMs: number,
  ): { routes: readonly ResolvedRoute[]; health: readonly RouteHealth[] } | null {
    this.lost.push(lost);
    const left = afterLoss(routes, health, lost, nowMs);
    if (left !== null) this.before ??= routes;
    return left;
  }

  /** The routes before what was lost since the last call; null: nothing was. */
  takeBefore(): readonly ResolvedRoute[] | null {
    const { before } = this;
    this.before = null;
    return before;
  }

  /** A snapshot is asked for: it knows of everything up to now. */
  begin(): void {
    this.lost = [];
  }

  /** The routes of that snapshot, less what has been lost meanwhile. */
  less(routes: readonly ResolvedRoute[]): ResolvedRoute[] {
    return routes.map((route) => this.lost.reduce(withoutLost, route));
  }
}

function afterLoss(
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
