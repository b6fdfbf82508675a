/** The routes as they are now: the configuration, filled in with what the kernel knows. Pure. */
import type { GatewayConfig, RouteConfig } from '../model/config.js';
import type { Link, LinkAddress, LinkSnapshot } from './links.js';

/** What one family of a route needs to carry a connection. */
export interface RouteFamily {
  readonly addresses: readonly string[];
  /** null: the interface needs none. */
  readonly gateway: string | null;
}

export interface ResolvedRoute {
  readonly number: number;
  readonly config: RouteConfig;
  readonly interfaceIndex: number;
  /** null: this family cannot be used now. */
  readonly ipv4: RouteFamily | null;
  readonly ipv6: RouteFamily | null;
  readonly mtu: number;
  readonly state: 'up' | 'down';
  /** Why it is down, or why a family is missing. */
  readonly reasons: readonly string[];
}

const DEFAULT_MTU = 1500;

/** Every route of the configuration, in its order. */
export function resolveRoutes(config: GatewayConfig, snapshot: LinkSnapshot): ResolvedRoute[] {
  return config.routes.map((route, index) => resolve(route, index + 1, snapshot));
}

function resolve(config: RouteConfig, number: number, snapshot: LinkSnapshot): ResolvedRoute {
  const link = snapshot.links.get(config.interface);
  const down = (reason: string): ResolvedRoute => ({
    number,
    config,
    interfaceIndex: link?.index ?? 0,
    ipv4: null,
    ipv6: null,
    mtu: config.mtu ?? link?.mtu ?? DEFAULT_MTU,
    state: 'down',
    reasons: [reason],
  });
  if (link === undefined) return down('interface-missing');
  if (!link.up) return down('interface-down');
  if (!link.carrier) return down('no-carrier');
  const gateways = snapshot.gateways.get(config.interface) ?? {};
  const ipv4 = resolveFamily(config, 'ipv4', link, link.ipv4, gateways.ipv4);
  const ipv6 = resolveFamily(config, 'ipv6', link, link.ipv6, gateways.ipv6);
  const usable4 = typeof ipv4 === 'string' ? null : ipv4;
  const usable6 = typeof ipv6 === 'string' ? null : ipv6;
  const reasons = [ipv4, ipv6].filter((r): r is string => typeof r === 'string' && r !== 'not-configured');
  return {
    number,
    config,
    interfaceIndex: link.index,
    ipv4: usable4,
    ipv6: usable6,
    mtu: Math.min(config.mtu ?? link.mtu, link.mtu),
    state: usable4 !== null || usable6 !== null ? 'up' : 'down',
    reasons: usable4 !== null || usable6 !== null ? [] : [...new Set(reasons)],
  };
}

/** The family, or why it cannot be used. */
function resolveFamily(
  config: RouteConfig,
  family: 'ipv4' | 'ipv6',
  link: Link,
  present: readonly LinkAddress[],
  learnt: string | null | undefined,
): RouteFamily | string {
  if (family === 'ipv6' && link.ipv6Tentative) return 'address-tentative';
  const wanted = config.addresses[family];
  // Configured addresses may be on the interface or routed to us; only those of `auto` must be there.
  const addresses = wanted === 'auto' ? present.map((a) => a.address) : wanted;
  if (addresses.length === 0 && config.translate) return wanted === 'auto' ? 'no-address' : 'not-configured';
  const configured = config.gateway[family];
  const gateway = configured === 'auto' ? learnt : configured;
  if (gateway === undefined || gateway === null) {
    if (configured === null && wanted !== 'auto' && wanted.length === 0) return 'not-configured';
    if (configured === 'auto' && learnt === null) return { addresses, gateway: null };
    return link.pointToPoint && addresses.length > 0 ? { addresses, gateway: null } : 'no-gateway';
  }
  return { addresses, gateway };
}
