/** The kernel's state as it shall be: a value made from configuration and routes. Pure. */
import type { GatewayConfig, PortRange } from '../model/config.js';
import { MARK, routeMark } from './constants.js';
import type { ResolvedRoute, RouteFamily } from './routes.js';

/** How packets get into a queue on this kernel: nft's own statement, or the xt target through nft_compat. */
export type QueueMethod = 'nft' | 'xt';

export interface DesiredRoute {
  readonly number: number;
  readonly name: string;
  readonly mark: number;
  readonly interface: string;
  readonly table: number;
  readonly translate: boolean;
  readonly mtu: number;
  readonly ipv4: RouteFamily | null;
  readonly ipv6: RouteFamily | null;
}

export interface DesiredService {
  readonly name: string;
  readonly tcp: readonly PortRange[];
  /** null: raced by the daemon. Else the mark of a route, per family 0 when it cannot carry it. */
  readonly route: { readonly ipv4: number; readonly ipv6: number } | null;
}

export interface DesiredState {
  readonly lan: readonly string[];
  readonly routes: readonly DesiredRoute[];
  readonly services: readonly DesiredService[];
  /** Marks for the rest, per family; 0: no route can carry the family, the main table decides. */
  readonly rest: { readonly ipv4: number; readonly ipv6: number };
  readonly racePorts: PortRange;
  readonly rate: { readonly perSecond: number; readonly burst: number };
  readonly queue: { readonly lan: number; readonly wan: number; readonly method: QueueMethod };
  readonly rulePriority: number;
}

/** The state for the configuration and the routes as they are now. */
export function desiredState(
  config: GatewayConfig,
  resolved: readonly ResolvedRoute[],
  method: QueueMethod,
): DesiredState {
  const routes = resolved.map((route) => ({
    number: route.number,
    name: route.config.name,
    mark: routeMark(route.number),
    interface: route.config.interface,
    table: config.kernel.table + route.number - 1,
    translate: route.config.translate,
    mtu: route.mtu,
    ipv4: route.ipv4,
    ipv6: route.ipv6,
  }));
  return {
    lan: config.lan,
    routes,
    services: config.services.map((service) => ({
      name: service.name,
      tcp: service.match.tcp,
      route:
        service.select.kind === 'race'
          ? null
          : {
              ipv4: markFor(routes, service.select.route, 'ipv4'),
              ipv6: markFor(routes, service.select.route, 'ipv6'),
            },
    })),
    rest: { ipv4: restMark(config, routes, 'ipv4'), ipv6: restMark(config, routes, 'ipv6') },
    racePorts: config.limits.racePorts,
    rate: { perSecond: config.limits.raceRatePerClient, burst: config.limits.raceBurstPerClient },
    queue: { lan: config.kernel.queue, wan: config.kernel.queue + 1, method },
    rulePriority: config.kernel.rulePriority,
  };
}

/** The mark of a route by name; the first usable one when it cannot carry the family; 0 when none can. */
function markFor(routes: readonly DesiredRoute[], name: string, family: 'ipv4' | 'ipv6'): number {
  const named = routes.find((route) => route.name === name);
  if (named !== undefined && named[family] !== null) return named.mark;
  return routes.find((route) => route[family] !== null)?.mark ?? 0;
}

function restMark(config: GatewayConfig, routes: readonly DesiredRoute[], family: 'ipv4' | 'ipv6'): number {
  const mark = markFor(routes, config.rest.route, family);
  const own = routes.find((route) => route.name === config.rest.route)?.mark === mark;
  // Beyond another route than the one that was named nobody knows the way back to inside addresses.
  return own && !config.rest.translate ? (mark | MARK.UNTRANSLATED) >>> 0 : mark;
}
