/** What the kernel knows of interfaces, addresses and next hops: read as a whole, and a signal whenever it changes. */

import { runCommand } from './command.js';
import { type Watch, watchReadable } from './ffi.js';
import { NETLINK_ROUTE, NetlinkSocket } from './netlink-socket.js';

/** One interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Administratively up, and with carrier. */
  readonly up: boolean;
  readonly carrier: boolean;
  readonly mtu: number;
  /** No next hop is needed: point-to-point, or without address resolution. */
  readonly pointToPoint: boolean;
  /** Addresses that may be sources: no tentative, no link-local ones. With prefix lengths. */
  readonly ipv4: readonly LinkAddress[];
  readonly ipv6: readonly LinkAddress[];
  /** Its link-local address is still being checked: the kernel cannot ask for IPv6 neighbours yet. */
  readonly ipv6Tentative: boolean;
}

export interface LinkAddress {
  readonly address: string;
  readonly prefixLength: number;
}

/** A snapshot: interfaces by name, and the next hops of default routes in the main table. */
export interface LinkSnapshot {
  readonly links: ReadonlyMap<string, Link>;
  /** Next hop of the best default route per interface and family; null when the route has none. */
  readonly gateways: ReadonlyMap<string, { ipv4?: string | null; ipv6?: string | null }>;
}

interface IpAddressJson {
  ifindex: number;
  ifname: string;
  flags: string[];
  mtu: number;
  operstate: string;
  addr_info: {
    family: string;
    local?: string;
    prefixlen: number;
    scope: string;
    tentative?: boolean;
    dadfailed?: boolean;
    deprecated?: boolean;
    temporary?: boolean;
  }[];
}

interface IpRouteJson {
  dst: string;
  gateway?: string;
  dev?: string;
  metric?: number;
  via?: { host: string };
  /** Of a multipath route. */
  nexthops?: { gateway?: string; via?: { host: string }; dev: string }[];
}

/** Reads everything at once. */
export async function readLinks(): Promise<LinkSnapshot> {
  const [addresses, routes4, routes6] = await Promise.all([
    runCommand('ip', ['-j', '-d', 'address', 'show']),
    runCommand('ip', ['-j', '-4', 'route', 'show', 'default']),
    runCommand('ip', ['-j', '-6', 'route', 'show', 'default']).catch(() => ''),
  ]);
  const links = new Map<string, Link>();
  for (const item of parse<IpAddressJson>(addresses)) links.set(item.ifname, toLink(item));
  const gateways = new Map<string, { ipv4?: string | null; ipv6?: string | null }>();
  noteGateways(gateways, 'ipv4', parse<IpRouteJson>(routes4));
  noteGateways(gateways, 'ipv6', parse<IpRouteJson>(routes6));
  return { links, gateways };
}

const GROUPS = { LINK: 1, IPV4_IFADDR: 5, IPV4_ROUTE: 7, IPV6_IFADDR: 9, IPV6_ROUTE: 11 } as const;
/** Changes come in bursts: an address, its routes, its prefix. */
const SETTLE_MS = 15;

/** Calls `onChange` soon after links, addresses or routes changed; a burst makes one call. */
export function watchLinks(onChange: () => void): { close(): void } {
  const socket = new NetlinkSocket(NETLINK_ROUTE, { groups: Object.values(GROUPS) });
  socket.setReceiveBuffer(1024 * 1024);
  let timer: NodeJS.Timeout | null = null;
  const watch: Watch = watchReadable(socket.fd, () => {
    while (socket.read(ignore, ignore)) {
      // What changed does not matter: the snapshot is read as a whole.
    }
    timer ??= setTimeout(() => {
      timer = null;
      onChange();
    }, SETTLE_MS);
  });
  return {
    close(): void {
      if (timer !== null) clearTimeout(timer);
      watch.close();
      socket.close();
    },
  };
}

function ignore(): void {}

function parse<T>(text: string): T[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as T[]);
}

function toLink(item: IpAddressJson): Link {
  const usable = item.addr_info.filter((a) => a.local !== undefined && !a.tentative && !a.dadfailed);
  const of = (family: string): LinkAddress[] =>
    usable
      .filter((a) => a.family === family && a.scope === 'global' && !a.deprecated && !a.temporary)
      .map((a) => ({ address: a.local!, prefixLength: a.prefixlen }));
  return {
    index: item.ifindex,
    name: item.ifname,
    up: item.flags.includes('UP'),
    carrier: item.flags.includes('LOWER_UP') && item.operstate !== 'DOWN',
    mtu: item.mtu,
    pointToPoint: item.flags.includes('POINTOPOINT') || item.flags.includes('NOARP'),
    ipv4: of('inet'),
    ipv6: of('inet6'),
    ipv6Tentative: item.addr_info.some(
      (a) => a.scope === 'link' && a.family === 'inet6' && a.tentative === true,
    ),
  };
}

function noteGateways(
  gateways: Map<string, { ipv4?: string | null; ipv6?: string | null }>,
  family: 'ipv4' | 'ipv6',
  routes: readonly IpRouteJson[],
): void {
  for (const route of [...routes].sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))) {
    for (const hop of route.nexthops ?? [route]) {
      if (hop.dev === undefined) continue;
      const entry = gateways.get(hop.dev) ?? {};
      entry[family] ??= hop.gateway ?? hop.via?.host ?? null;
      gateways.set(hop.dev, entry);
    }
  }
}
