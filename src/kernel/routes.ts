/** The routes as they are now: the configuration, filled in with what the kernel knows. Pure. */
import type { GatewayConfig, RouteConfig } from '../model/config.js';
import { type PrefixPair, subnetPairs } from '../wire/nptv6-subnets.js';
import type { LearntGateways, Link, LinkSnapshot } from './links.js';

/** What one family of a route needs to carry a connection. */
export interface RouteFamily {
  readonly addresses: readonly string[];
  /** Deprecated addresses of the interface besides: what lives goes on with them. */
  readonly held?: readonly string[];
  /** There are deprecated addresses alone: nothing new begins. */
  readonly isHeld?: true;
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
  /** The configuration says a smaller MTU than the interface has. */
  readonly isNarrow: boolean;
  /** What was found out to pass, where that is less than `mtu`; absent where nothing was. */
  readonly pathMtu?: PathMtuFound;
  /** IPv6 translated by prefix: the inside prefixes that are behind the LAN, and what stands for them. */
  readonly prefixes: readonly PrefixPair[];
  readonly state: 'up' | 'down';
  /** Why it is down, or what has become of a family that it had: `ipv4-no-address`. */
  readonly reasons: readonly string[];
  /** What it has had since the gateway started, on its interface. */
  readonly had: { readonly addresses: readonly string[]; readonly families: readonly RouteFamilyName[] };
}

export type RouteFamilyName = 'ipv4' | 'ipv6';

/** Bytes of the largest packet that passes, by family. */
export type PathMtuFound = Readonly<{ [family in RouteFamilyName]?: number | undefined }>;

/** The routes with what was found out of them, by their names. */
export function withPathMtu(
  routes: readonly ResolvedRoute[],
  found: (name: string) => PathMtuFound | null,
): ResolvedRoute[] {
  return routes.map((route) => {
    const pathMtu = route.config.mtu === null ? found(route.config.name) : null;
    return pathMtu === null ? route : { ...route, pathMtu };
  });
}

/** The largest packet of a family that a route may carry. */
export function mtuOf({ mtu, pathMtu }: ResolvedRoute, family: RouteFamilyName): number {
  return Math.min(mtu, pathMtu?.[family] ?? mtu);
}

const DEFAULT_MTU = 1500;

/** Whether a family of a route takes new connections, as far as its link goes. */
export function isFresh(family: RouteFamily | null | undefined): boolean {
  return family != null && family.isHeld !== true;
}

/** All addresses that a family's flows may have. */
export function addressesOf(family: RouteFamily | null | undefined): readonly string[] {
  return family == null ? [] : [...family.addresses, ...(family.held ?? [])];
}

/**
 * Every route of the configuration, in its order. `numberOf`: its number by its name; its place where none is given. `before`:
 * the routes until now.
 */
export function resolveRoutes(
  config: GatewayConfig,
  snapshot: LinkSnapshot,
  numberOf: ((name: string) => number) | null = null,
  before: readonly ResolvedRoute[] = [],
): ResolvedRoute[] {
  return config.routes.map((route, index) => {
    const number = numberOf?.(route.name) ?? index + 1;
    const old = before.find((one) => one.number === number);
    const had = old !== undefined && old.config.interface === route.interface ? old.had : NOTHING;
    return resolve(route, number, snapshot, had);
  });
}

const NOTHING: ResolvedRoute['had'] = { addresses: [], families: [] };

function resolve(
  config: RouteConfig,
  number: number,
  snapshot: LinkSnapshot,
  before: ResolvedRoute['had'],
): ResolvedRoute {
  const link = snapshot.links.get(config.interface);
  const present = [...(link?.ipv4 ?? []), ...(link?.ipv6 ?? [])].map(({ address }) => address);
  const addresses = [...new Set([...before.addresses, ...present])].filter((a) => isNamed(config, a));
  const { prefix } = config;
  const prefixes =
    prefix === null ? [] : subnetPairs(prefix.inside, prefix.outside, snapshot.behindLan ?? []);
  const down = (reason: string): ResolvedRoute => ({
    number,
    config,
    interfaceIndex: link?.index ?? 0,
    ipv4: null,
    ipv6: null,
    mtu: config.mtu ?? link?.mtu ?? DEFAULT_MTU,
    isNarrow: false,
    prefixes,
    state: 'down',
    reasons: [reason],
    had: { addresses, families: before.families },
  });
  if (link === undefined) return down('interface-missing');
  if (!link.up) return down('interface-down');
  if (!link.carrier) return down('no-carrier');
  const learnt = snapshot.gateways.get(config.interface) ?? {};
  const lost = addresses.filter((address) => !present.includes(address));
  const found = {
    ipv4: resolveFamily(config, 'ipv4', link, learnt, lost),
    ipv6: resolveFamily(config, 'ipv6', link, learnt, lost),
  };
  const usable4 = typeof found.ipv4 === 'string' ? null : found.ipv4;
  const usable6 = typeof found.ipv6 === 'string' ? null : found.ipv6;
  const isUp = usable4 !== null || usable6 !== null;
  const missing = FAMILIES.filter((family) => typeof found[family] === 'string');
  const lostFamilies = missing.filter(
    (family) =>
      before.families.includes(family) || (found[family] === SWITCHED_OFF && isWritten(config, family)),
  );
  const reasons = (isUp ? lostFamilies : missing)
    .filter((family) => found[family] !== 'not-configured')
    .map((family) => (isUp ? `${family}-${found[family]}` : String(found[family])));
  const carried = FAMILIES.filter((family) => !missing.includes(family));
  return {
    number,
    config,
    interfaceIndex: link.index,
    ipv4: usable4,
    ipv6: usable6,
    mtu: Math.min(config.mtu ?? link.mtu, link.mtu),
    isNarrow: config.mtu !== null && config.mtu < link.mtu,
    prefixes,
    state: isUp ? 'up' : 'down',
    reasons: [...new Set(reasons)],
    had: { addresses, families: [...new Set([...before.families, ...carried])].sort() },
  };
}

const FAMILIES = ['ipv4', 'ipv6'] as const;

/** Somebody has switched IPv6 off on the interface. */
export const SWITCHED_OFF = 'switched-off';

/** Whether the file says that the route carries a family, rather than that it may. */
function isWritten({ addresses, gateway, prefix }: RouteConfig, family: RouteFamilyName): boolean {
  const pool = addresses[family];
  return (
    (pool !== 'auto' && pool.length > 0) ||
    (gateway[family] !== 'auto' && gateway[family] !== null) ||
    (family === 'ipv6' && prefix !== null)
  );
}

/** Whether the configuration names an address of an interface. */
function isNamed({ addresses: { ipv4, ipv6 } }: RouteConfig, address: string): boolean {
  const named = address.includes(':') ? ipv6 : ipv4;
  return named !== 'auto' && named.includes(address);
}

/**
 * The family, or why it cannot be used. `learnt`: the gateways of the interface; `lost`: configured addresses that were on it and
 * are gone.
 */
function resolveFamily(
  config: RouteConfig,
  family: RouteFamilyName,
  link: Link,
  learnt: LearntGateways,
  lost: readonly string[],
): RouteFamily | string {
  if (family === 'ipv6' && link.ipv6Tentative) return 'address-tentative';
  const wanted = config.addresses[family];
  if (family === 'ipv6' && link.ipv6Off) return wanted.length > 0 ? SWITCHED_OFF : 'not-configured';
  // Configured addresses may be on the interface or routed to us; only those of `auto` must be there.
  const present =
    wanted === 'auto'
      ? link[family].map((a) => a.address)
      : wanted.filter((address) => !lost.includes(address));
  const deprecated = link[family].filter((a) => a.deprecated).map((a) => a.address);
  const fresh = present.filter((address) => !deprecated.includes(address));
  const held = present.filter((address) => deprecated.includes(address));
  const addresses = fresh.length > 0 ? fresh : held;
  const old = held.length === 0 ? {} : fresh.length > 0 ? { held } : { isHeld: true as const };
  // Who translates by prefix needs no address on the interface.
  const needsAddress = config.translate && (family === 'ipv4' || config.prefix === null);
  if (addresses.length === 0 && needsAddress) return wanted.length > 0 ? 'no-address' : 'not-configured';
  const configured = config.gateway[family];
  const gateway = configured === 'auto' ? learnt[family] : configured;
  if (gateway === undefined || gateway === null) {
    if (configured === null && wanted !== 'auto' && wanted.length === 0) return 'not-configured';
    if (configured === 'auto' && gateway === null) return { addresses, gateway: null, ...old };
    return link.pointToPoint && addresses.length > 0 ? { addresses, gateway: null, ...old } : 'no-gateway';
  }
  return { addresses, gateway, ...old };
}
