/**
 * What routes that share an interface carry, each by itself: by the addresses on the wire, so that also counts what no connection knows
 * (copies of races, resets, the gateway's own). Where the address does not tell, the connection's mark does. There only where an
 * interface is shared; the counters of interfaces say the rest. Pure.
 */
import type { DesiredRoute, DesiredState } from './desired.js';
import { hex } from './marks.js';
import { FAMILIES, type Family, IP, set } from './render-words.js';
import { addressesOf } from './routes.js';

/** Before anybody may take a packet away; behind connection tracking; and behind all that may drop or change what leaves. */
export const USAGE_HOOKS = [
  ['usage_in', 'type filter hook prerouting priority -301; policy accept;'],
  ['usage_in_flows', 'type filter hook prerouting priority -109; policy accept;'],
  ['usage_out', 'type filter hook postrouting priority 301; policy accept;'],
] as const;

const COUNTER = { in: 'usage_in_', out: 'usage_out_' } as const;

/** The counter of what a route has carried in a direction. */
export function usageCounter(direction: 'in' | 'out', route: number): string {
  return `${COUNTER[direction]}${route}`;
}

/** Routes that share an interface with others. */
export function sharing<T extends { readonly interface: string }>(routes: readonly T[]): T[] {
  return routes.filter((route) =>
    routes.some((other) => other !== route && other.interface === route.interface),
  );
}

export function usageCounters({ routes }: DesiredState): string[] {
  return sharing(routes).flatMap(({ number }) => [usageCounter('in', number), usageCounter('out', number)]);
}

export function usageChains(state: DesiredState): [string, string[]][] {
  const routes = sharing(state.routes);
  if (routes.length === 0) return [];
  const names = set([...new Set(routes.map((route) => route.interface))]);
  const isNone = routes.every((route) => FAMILIES.every((family) => addresses(route, family).length === 0));
  const inByAddress = FAMILIES.flatMap((family) => byAddress(routes, family, 'in'));
  return [
    ...(isNone ? [] : [['usage_in', inByAddress] as [string, string[]]]),
    [
      'usage_in_flows',
      [
        `iifname != ${names} accept`,
        ...FAMILIES.flatMap((family) => known(routes, family)),
        byMark(state, routes, 'in'),
      ],
    ],
    [
      'usage_out',
      [
        `oifname != ${names} accept`,
        ...FAMILIES.flatMap((family) => byAddress(routes, family, 'out')),
        `meta mark and ${hex(state.marks.ownMask)} == ${hex(state.marks.own)} ${byMark(state, routes, 'out', 'meta')} accept`,
        byMark(state, routes, 'out'),
      ],
    ],
  ];
}

/** Addresses that are this route's alone on its interface, as they are on the wire. */
function addresses(route: DesiredRoute, family: Family): readonly string[] {
  if (!route.translate) return [];
  return addressesOf(route[family === 4 ? 'ipv4' : 'ipv6']);
}

function ownAddresses(routes: readonly DesiredRoute[], family: Family): [DesiredRoute, string][] {
  return routes.flatMap((route) =>
    addresses(route, family)
      .filter((address) =>
        routes.every(
          (other) =>
            other === route ||
            other.interface !== route.interface ||
            !addresses(other, family).includes(address),
        ),
      )
      .map((address): [DesiredRoute, string] => [route, address]),
  );
}

const WIRE = {
  in: { interface: 'iifname', address: 'daddr' },
  out: { interface: 'oifname', address: 'saddr' },
} as const;

/** Counts, and leaves the chain. */
function byAddress(routes: readonly DesiredRoute[], family: Family, direction: 'in' | 'out'): string[] {
  const wire = WIRE[direction];
  const own = ownAddresses(routes, family);
  const prefixes =
    family === 4 ? [] : routes.flatMap((r) => r.prefixes.map(({ outside }) => [r, outside] as const));
  const names = own.map(
    ([route, address]) => `"${route.interface}" . ${address} : "${usageCounter(direction, route.number)}"`,
  );
  const rules = prefixes.map(
    ([route, prefix]) =>
      `${wire.interface} "${route.interface}" ip6 ${wire.address} ${prefix} counter name ${usageCounter(direction, route.number)} accept`,
  );
  if (names.length > 0)
    rules.unshift(
      `counter name ${wire.interface} . ${IP[family]} ${wire.address} map { ${[...new Set(names)].join(', ')} } accept`,
    );
  return rules;
}

/** What `usage_in` has counted. */
function known(routes: readonly DesiredRoute[], family: Family): string[] {
  const own = ownAddresses(routes, family).map(([route, address]) => `"${route.interface}" . ${address}`);
  const prefixes =
    family === 4 ? [] : routes.flatMap((r) => r.prefixes.map(({ outside }) => [r, outside] as const));
  return [
    ...(own.length > 0 ? [`iifname . ${IP[family]} daddr { ${[...new Set(own)].join(', ')} } accept`] : []),
    ...prefixes.map(([route, prefix]) => `iifname "${route.interface}" ip6 daddr ${prefix} accept`),
  ];
}

function byMark(
  { marks }: DesiredState,
  routes: readonly DesiredRoute[],
  direction: 'in' | 'out',
  of: 'ct' | 'meta' = 'ct',
): string {
  const names = routes.map(
    ({ interface: name, mark, number }) => `"${name}" . ${hex(mark)} : "${usageCounter(direction, number)}"`,
  );
  return `counter name ${WIRE[direction].interface} . (${of} mark and ${hex(marks.routeMask)}) map { ${names.join(', ')} }`;
}
