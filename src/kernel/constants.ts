/** Names of everything that Pathrace owns in the kernel, and how it uses the packet mark. */

import type { Affinity } from '../model/config.js';

/** The one nf_tables table (family inet), and the parts of it that are addressed from outside its text. */
export const TABLE = 'pathrace';
export const SET_ALIVE = 'alive';
/** Further packets of flows that have a route and no answer yet. */
export const CHAIN_UNANSWERED = 'unanswered';
export const CHAIN_QUEUE_LAN = 'queue_lan';
export const CHAIN_QUEUE_WAN = 'queue_wan';
export const CHAIN_QUEUE_DNS = 'queue_dns';
/** The fast path, where it is on: flows of this flowtable pass by all rules, those of this chain put flows into it. */
export const FLOWTABLE_FAST = 'fast';
export const CHAIN_FAST = 'fast_path';
/** Holds, as comments of its rules, the values that sysctls had before; no hook leads to it. */
export const CHAIN_BEFORE = 'before';

/** `protocol` of our routes and rules (rtnetlink's rtm_protocol): how `cleanup` recognises them. */
export const RT_PROTOCOL = 82;

/**
 * The mark of packets and flows that are distributed: bits 24-28 carry the route's number, 16-22 the service's, the rest are flags.
 * nft before 1.1 cannot combine two marks in one expression, so a distributed flow carries our mark alone.
 */
export const MARK = {
  ROUTE_SHIFT: 24,
  ROUTE_MASK: 0x1f000000,
  /** Kept with the route in the connection's mark: the source address stays. */
  UNTRANSLATED: 0x20000000,
  /**
   * On packets of flows that have a route: the routing goes by the route alone. Without it the main table's own routes, all but its
   * default, come before the mark (ip-state.ts).
   */
  HELD: 0x40000000,
  /** Kept in the connection's mark, the same bit: its way is the main table's, so that its packets are not held. */
  BY_MAIN: 0x40000000,
  /** On packets that the daemon sends: conntrack and NAT leave them alone. */
  OWN: 0x80000000,
  SERVICE_SHIFT: 16,
  SERVICE_MASK: 0x007f0000,
  /** Kept in the connection's mark: chosen without asking its server, so another route may still take over. */
  RESCUABLE: 0x00800000,
  /** Kept in the connection's mark: the engine has counted its session when it chose the route. */
  COUNTED: 0x00008000,
  /** Set in prerouting on a set-up that the daemon is to be asked about in forward, behind the operator's own rules. */
  ASK: 0x00000400,
  /** In its place on what the daemon has let go on from there. */
  ASKED: 0x00000800,
  /** Set before the WAN queue when conntrack has already looked. */
  LATE: 0x00004000,
  /** Set before the LAN queue when the route in the mark is that of the connection's group. */
  PINNED: 0x00002000,
  /** On a new connection's packet: the main table has a way by a provider's interface that is not its default route. */
  BESIDE: 0x00001000,
  /**
   * Of the values in memory and affinity maps: the route's generation when they were written. In a packet's mark only until the
   * rules have looked whether the route is open; never on flows, and never before a queue.
   */
  GENERATION_MASK: 0x0000ffff,
  /** What a connection's mark keeps. */
  FLOW_MASK: 0x3fff8000,
  /** A route that there is not: whoever asks with it hears of the main table's own routes, and of no default. */
  NO_DEFAULT: 0x1f000000,
} as const;

/** The mark of a route's packets. */
export function routeMark(route: number): number {
  return route << MARK.ROUTE_SHIFT;
}

/** The route that a mark names; 0: none. */
export function routeOfMark(mark: number): number {
  return (mark & MARK.ROUTE_MASK) >>> MARK.ROUTE_SHIFT;
}

/** The part of a mark that says which service a flow belongs to. */
export function serviceMark(service: number): number {
  return service << MARK.SERVICE_SHIFT;
}

/** The service that a mark names; 0: none. */
export function serviceOfMark(mark: number): number {
  return (mark & MARK.SERVICE_MASK) >>> MARK.SERVICE_SHIFT;
}

/** Routes that the kernel may use by itself, as values of `routeMark(route) | generation`. */
export const SET_OPEN = { 4: 'open4', 6: 'open6' } as const;
/** Servers towards which a route has no port left. */
export const SET_FULL = { 4: 'full4', 6: 'full6' } as const;
/** Flows that were cut on purpose: their clients are reset at their next word. */
export const SET_RESET = { 4: 'reset4', 6: 'reset6' } as const;
/** Clients that open connections faster than they may race them. */
export const SET_FLOOD = { 4: 'flood4', 6: 'flood6' } as const;
/** Sites of addresses, for `affinity: client+site`. */
export const MAP_SITE = { 4: 'site4', 6: 'site6' } as const;

/** The kernel's memory for the services that choose among the routes of `mask`. */
export function memoryMap(family: 4 | 6, mask: number): string {
  return `memory${family}_${mask.toString(16)}`;
}

/** The groups of a service; `kind` is part of the name, since a map cannot change the shape of its keys. */
export function affinityMap(family: 4 | 6, service: number, kind: Affinity): string {
  return `affinity${family}_${service}_${kind.replace('client+', '')}`;
}

/** The rules of a service; the comment of the first is the service's name. */
export function serviceChain(service: number): string {
  return `service_${service}`;
}

/** The service whose rules a chain has; 0: it is another chain. */
export function serviceOfChain(chain: string): number {
  return Number(/^service_(\d{1,3})$/.exec(chain)?.[1] ?? 0);
}

/** Addresses that a service's domains have been seen to have. */
export function domainSet(family: 4 | 6, service: number): string {
  return `domain${family}_${service}`;
}

/** As nft and ip print and read marks. */
export function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}
