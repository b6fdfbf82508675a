/** From the file as it was read to the configuration as the daemon uses it. */
import type { AddressSource, GatewayConfig, NextHopSource, RouteConfig } from '../model/config.js';
import { MIN_IPV6_MTU } from './cross-checks.js';
import type { ConfigFile, RouteFile } from './schema.js';

/** `names`: the routes in the order of the file, which object keys that look like numbers do not keep. */
export function resolve(file: ConfigFile, names: readonly string[]): GatewayConfig {
  const routes = names.map((name) => resolveRoute(name, file.routes[name]));
  const restRoute = routes.find((route) => route.name === file.rest.route);
  const { raceTimeout, ...limits } = file.limits;
  const { heartbeat, ...kernel } = file.kernel;
  return {
    control: file.control,
    lan: file.lan,
    routes,
    services: file.services.map(({ name, match, select }) => ({
      name,
      match,
      select: select === 'race' ? { kind: 'race' } : { kind: 'route', route: select },
    })),
    rest: { route: file.rest.route, translate: file.rest.translate ?? restRoute?.translate ?? true },
    memory: { trustMs: file.memory.trust },
    limits: { ...limits, raceTimeoutMs: raceTimeout },
    kernel: { ...kernel, heartbeatMs: heartbeat },
    log: file.log,
  };
}

function resolveRoute(name: string, route: RouteFile): RouteConfig {
  const ipv4 = resolveFamily(route, 'ipv4');
  const ipv6 = tooSmallForIpv6(route) ? NOT_CARRIED : resolveFamily(route, 'ipv6');
  return {
    name,
    interface: route.interface,
    gateway: { ipv4: ipv4.gateway, ipv6: ipv6.gateway },
    addresses: { ipv4: ipv4.addresses, ipv6: ipv6.addresses },
    translate: route.translate,
    mtu: route.mtu ?? null,
    weight: route.weight,
    optional: route.optional,
  };
}

interface Family {
  readonly gateway: NextHopSource;
  readonly addresses: AddressSource;
}

const NOT_CARRIED: Family = { gateway: null, addresses: [] };

/** A family is carried unless the gateway or the addresses are written and leave it out. */
function resolveFamily({ gateway, addresses }: RouteFile, family: 'ipv4' | 'ipv6'): Family {
  const hop = gateway === 'auto' ? 'auto' : gateway[family][0];
  const pool = addresses === 'auto' ? 'auto' : addresses[family];
  return hop === undefined || pool.length === 0 ? NOT_CARRIED : { gateway: hop, addresses: pool };
}

function tooSmallForIpv6(route: RouteFile): boolean {
  return route.mtu !== undefined && route.mtu < MIN_IPV6_MTU;
}
