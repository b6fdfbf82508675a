/** What the kernel knows of interfaces, addresses and next hops: read as a whole, and a signal whenever it changes. */

import { formatAddress, readAddress } from '../model/address.js';
import { eachAttribute } from '../wire/netlink/message.js';
import { runCommand } from './command.js';
import { type Watch, watchReadable } from './ffi.js';
import { LinkEvents, type LinkInterest, RTM } from './link-events.js';
import { type EachMessage, NETLINK_ROUTE, NetlinkSocket } from './netlink-socket.js';
import { ipv6OffPath, settingNow } from './sysctl.js';

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
  /** IPv6 is switched off on it (`disable_ipv6`): no address stays there, and no route. Absent: it is not. */
  readonly ipv6Off?: true;
}

export interface LinkAddress {
  readonly address: string;
  readonly prefixLength: number;
  /** For what lives already: nothing new shall begin with it (RFC 4862 section 5.5.4). */
  readonly deprecated?: true;
}

/** Next hop of the best default route, per family; null when the route has none. */
export interface LearntGateways {
  ipv4?: string | null;
  ipv6?: string | null;
}

/** A snapshot: interfaces by name, and the next hops of default routes in the main table. */
export interface LinkSnapshot {
  readonly links: ReadonlyMap<string, Link>;
  /** By interface. */
  readonly gateways: ReadonlyMap<string, LearntGateways>;
  /** IPv6 prefixes that the main table has behind the LAN interfaces; only if they were asked for. */
  readonly behindLan?: readonly string[];
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

/** What `ip -j route` prints of one. */
export interface IpRouteJson {
  dst: string;
  gateway?: string;
  dev?: string;
  metric?: number;
  /** Of IPv6: what the router has said of itself. */
  pref?: string;
  via?: { host: string };
  /** Of a multipath route. */
  nexthops?: { gateway?: string; via?: { host: string }; dev: string }[];
}

/** Reads everything at once. `lan`: interfaces whose prefixes matter. */
export async function readLinks(lan: readonly string[] = []): Promise<LinkSnapshot> {
  const [addresses, routes4, routes6] = await Promise.all([
    runCommand('ip', ['-j', '-d', 'address', 'show']),
    runCommand('ip', ['-j', '-4', 'route', 'show', 'default']),
    runCommand('ip', ['-j', '-6', 'route', 'show', 'default']).catch(() => ''),
  ]);
  const links = new Map<string, Link>();
  for (const item of parseJson<IpAddressJson>(addresses)) links.set(item.ifname, toLink(item));
  const gateways = new Map<string, LearntGateways>();
  noteGateways(gateways, 'ipv4', parseJson<IpRouteJson>(routes4));
  noteGateways(gateways, 'ipv6', parseJson<IpRouteJson>(routes6));
  const behind = await Promise.all(
    lan.map((name) => runCommand('ip', ['-j', '-6', 'route', 'show', 'dev', name]).catch(() => '')),
  );
  const behindLan = behind.flatMap((text) => parseJson<IpRouteJson>(text).map(({ dst }) => dst));
  return { links, gateways, behindLan: behindLan.filter((dst) => dst.includes(':')) };
}

const GROUPS = {
  LINK: 1,
  IPV4_IFADDR: 5,
  IPV4_ROUTE: 7,
  IPV4_RULE: 8,
  IPV6_IFADDR: 9,
  IPV6_ROUTE: 11,
  IPV6_RULE: 19,
  IPV4_NETCONF: 24,
  IPV6_NETCONF: 25,
} as const;
/** Changes come in bursts: an address, its routes, its prefix. */
const SETTLE_MS = 15;
/** So many messages may have left no room for others before anybody read them. */
const MANY_MESSAGES = 100;
/** Where they go on coming, reading everything for each would be all that is done. */
const BUSY = { calls: 4, withinMs: 1000, settleMs: 150 } as const;

/** An interface that can carry nothing any more, or has lost an address. */
export interface LostLink {
  readonly index: number;
  readonly reason: 'interface-missing' | 'interface-down' | 'no-carrier' | 'no-address';
  /** null: the interface as a whole. */
  readonly address: string | null;
}

/** What is told of; a burst makes one call. */
export interface LinkListener {
  /** Soon after links, addresses or routes changed. */
  changed(): void;
  /** At once when a link or an address is gone, before any snapshot could say so. */
  lost(lost: LostLink): void;
  /** Soon after a rule or a route of ours was removed, by whomsoever. */
  taken(): void;
  /** What of the machine matters; asked for each message. */
  interest(): LinkInterest;
  /** Soon after a setting of an interface was changed that the kernel tells of: forwarding, the reverse-path check. */
  settings(): void;
}

export interface LinkWatch {
  /** Begins to tell. Of what has come since the watch was made: whether links have to be read again; the rest is told. */
  begin(): boolean;
  close(): void;
}

/** From now on nothing is missed; nothing is told before `begin`. */
export function watchLinks(listener: LinkListener): LinkWatch {
  const socket = new NetlinkSocket(NETLINK_ROUTE, { groups: Object.values(GROUPS) });
  socket.setReceiveBuffer(1024 * 1024);
  let timer: NodeJS.Timeout | null = null;
  const events = new LinkEvents(() => listener.interest());
  // BOUNDED: BUSY.calls.
  let calls: number[] = [];
  const settleMs = (): number => {
    const now = performance.now();
    const isBusy = calls.length >= BUSY.calls && now - calls[0] < BUSY.withinMs;
    return isBusy ? BUSY.settleMs : SETTLE_MS;
  };
  const due = { changed: false, taken: false, settings: false };
  let watch: Watch | null = null;
  const hear = (): number => {
    let heard = 0;
    // What has changed of what concerns us does not matter: the snapshot is read as a whole.
    const look: EachMessage = ({ type, body, end }, view) => {
      const lost = type === RTM.DELADDR ? lostAddress(view, body, end) : lostLink(type, view, body, end);
      if (lost !== null) listener.lost(lost);
      heard++;
      const what = events.kindOf(type, view, body, end);
      if (what !== null) due[what] = true;
    };
    while (socket.read(ignore, look)) {
      // Until nothing is left.
    }
    return heard;
  };
  const tell = (): void => {
    if (!due.changed && !due.taken && !due.settings) return;
    timer ??= setTimeout(() => {
      timer = null;
      calls = [...calls, performance.now()].slice(-BUSY.calls);
      events.forget();
      for (const what of ['changed', 'taken', 'settings'] as const) {
        if (!due[what]) continue;
        due[what] = false;
        listener[what]();
      }
    }, settleMs());
  };
  return {
    begin(): boolean {
      const heard = hear();
      const isDue = due.changed || heard >= MANY_MESSAGES;
      due.changed = false;
      tell();
      watch = watchReadable(socket.fd, () => {
        hear();
        tell();
      });
      return isDue;
    },
    close(): void {
      if (timer !== null) clearTimeout(timer);
      watch?.close();
      socket.close();
    },
  };
}

function ignore(): void {}

const IFF = { UP: 1, LOWER_UP: 0x1_0000 } as const;
/** struct ifinfomsg (include/uapi/linux/rtnetlink.h): family at 0, index at 4, flags at 8. */
const IFINFOMSG_LEN = 16;

function lostLink(type: number, view: DataView, body: number, end: number): LostLink | null {
  if ((type !== RTM.NEWLINK && type !== RTM.DELLINK) || end - body < IFINFOMSG_LEN) return null;
  // A bridge tells of its ports under a family of its own.
  if (view.getUint8(body) !== 0) return null;
  const index = view.getInt32(body + 4, true);
  const flags = view.getUint32(body + 8, true);
  if (type === RTM.DELLINK) return { index, reason: 'interface-missing', address: null };
  if ((flags & IFF.UP) === 0) return { index, reason: 'interface-down', address: null };
  return (flags & IFF.LOWER_UP) === 0 ? { index, reason: 'no-carrier', address: null } : null;
}

const AF = { INET: 2, INET6: 10 } as const;
const IFA = { ADDRESS: 1, LOCAL: 2 } as const;
/** struct ifaddrmsg (include/uapi/linux/if_addr.h): family at 0, index at 4. */
const IFADDRMSG_LEN = 8;

function lostAddress(view: DataView, body: number, end: number): LostLink | null {
  if (end - body < IFADDRMSG_LEN) return null;
  const family = view.getUint8(body);
  if (family !== AF.INET && family !== AF.INET6) return null;
  const index = view.getInt32(body + 4, true);
  // Of a point-to-point link in IPv4 the other is the peer's.
  const wanted = family === AF.INET ? IFA.LOCAL : IFA.ADDRESS;
  const words = new Int32Array(4);
  let found = false;
  eachAttribute(view, body + IFADDRMSG_LEN, end, (type, value, length) => {
    if (type !== wanted || length < (family === AF.INET ? 4 : 16)) return;
    readAddress(family === AF.INET ? 4 : 6, view, value, words);
    found = true;
  });
  return found ? { index, reason: 'no-address', address: formatAddress(words) } : null;
}

/** What `ip -j` prints: nothing, or a list. */
export function parseJson<T>(text: string): T[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as T[]);
}

function toLink(item: IpAddressJson): Link {
  const usable = item.addr_info.filter((a) => a.local !== undefined && !a.tentative && !a.dadfailed);
  const of = (family: string): LinkAddress[] =>
    usable
      .filter((a) => a.family === family && a.scope === 'global' && !a.temporary)
      .map((a) => ({
        address: a.local!,
        prefixLength: a.prefixlen,
        ...(a.deprecated === true ? { deprecated: true as const } : {}),
      }));
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
    ...(hasIpv6Off(item) ? { ipv6Off: true as const } : {}),
  };
}

/** Switching it off takes all of its addresses: who has one needs no look. */
function hasIpv6Off({ ifname, addr_info }: IpAddressJson): boolean {
  return addr_info.every(({ family }) => family !== 'inet6') && settingNow(ipv6OffPath(ifname)) === '1';
}

function noteGateways(
  gateways: Map<string, LearntGateways>,
  family: 'ipv4' | 'ipv6',
  routes: readonly IpRouteJson[],
): void {
  for (const route of [...routes].sort(byPreference)) {
    for (const hop of route.nexthops ?? [route]) {
      if (hop.dev === undefined) continue;
      const entry = gateways.get(hop.dev) ?? {};
      // The best one may need no next hop.
      if (entry[family] === undefined) entry[family] = hop.gateway ?? hop.via?.host ?? null;
      gateways.set(hop.dev, entry);
    }
  }
}

/** As the kernel chooses: what an operator has given a better metric, then the preference of routers (RFC 4191 section 3.1). */
export function byPreference(a: IpRouteJson, b: IpRouteJson): number {
  const byMetric = (a.metric ?? 0) - (b.metric ?? 0);
  return byMetric !== 0 ? byMetric : rankOf(a) - rankOf(b);
}

const PREFERENCES = ['high', 'medium', 'low'];

function rankOf({ pref = 'medium' }: IpRouteJson): number {
  const rank = PREFERENCES.indexOf(pref);
  return rank < 0 ? 1 : rank;
}
