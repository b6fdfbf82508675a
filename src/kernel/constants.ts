/** Names of everything that Pathrace owns in the kernel. */

import type { Affinity } from '../model/config.js';

/** The one nf_tables table (family inet), and the parts of it that are addressed from outside its text. */
export const TABLE = 'pathrace';
export const SET_ALIVE = 'alive';
/** Further packets of flows that have a route and no answer yet. */
export const CHAIN_UNANSWERED = 'unanswered';
export const CHAIN_QUEUE_LAN = 'queue_lan';
export const CHAIN_QUEUE_WAN = 'queue_wan';
export const CHAIN_QUEUE_DNS = 'queue_dns';
export const CHAIN_QUEUE_CALLS = 'queue_calls';
/** The fast path, where it is on: flows of this flowtable pass by all rules, those of this chain put flows into it. */
export const FLOWTABLE_FAST = 'fast';
export const CHAIN_FAST = 'fast_path';
/** Holds, as comments of its rules, the values that sysctls had before; no hook leads to it. */
export const CHAIN_BEFORE = 'before';

/** Of the LAN queue's number: where signalling waits. The last number is not for packets. */
export function callQueue(queue: number): number {
  return queue + 3 < LOCK_QUEUE ? queue + 3 : queue - 1;
}

/** The last queue number, the lock of a network namespace; the configuration leaves it free. */
export const LOCK_QUEUE = 65_535;

/** Has no rules: its name says which bits of marks are ours, for a gateway after this one. */
export function marksChain(mask: number): string {
  return `marks_${mask.toString(16)}`;
}

/** The bits that such a name says; 0: it is another chain. */
export function maskOfChain(chain: string): number {
  return Number.parseInt(/^marks_([0-9a-f]{1,8})$/.exec(chain)?.[1] ?? '0', 16);
}

/** `protocol` of our routes and rules (rtnetlink's rtm_protocol): how `cleanup` recognises them. */
export const RT_PROTOCOL = 82;

/** Routes that the kernel may use by itself, as values of `routeValue`. */
export const SET_OPEN = { 4: 'open4', 6: 'open6' } as const;
/** Servers towards which a route has no port left. */
export const SET_FULL = { 4: 'full4', 6: 'full6' } as const;
/** Flows that were cut on purpose: their clients are reset at their next word. */
export const SET_RESET = { 4: 'reset4', 6: 'reset6' } as const;
/** Clients that open connections faster than they may race them. */
export const SET_FLOOD = { 4: 'flood4', 6: 'flood6', host: 'flood_host' } as const;
/** Flows of clients whose races run. */
export const SET_RACING = { 4: 'racing4', 6: 'racing6' } as const;
/** Where the answers come from and go to of flows that were given to a route, and are raced now. */
export const SET_RESCUED = { 4: 'rescued4', 6: 'rescued6' } as const;
/** Servers that copies have gone to, and the copies' ports. */
export const SET_COPIES = { 4: 'copies4', 6: 'copies6' } as const;
/** The same for datagrams, with the address that the copy left with. */
export const SET_SENT = { 4: 'sent4', 6: 'sent6' } as const;
/** The same for connections of which the first payload decides: what comes back goes by the daemon until then. */
export const SET_OPENED = { 4: 'opened4', 6: 'opened6' } as const;
/** Flows of datagrams that have just begun by one route. */
export const SET_YOUNG = { 4: 'young4', 6: 'young6' } as const;
/** Routes of tunnels by their ends. */
export const MAP_TUNNEL = { 4: 'tunnel4', 6: 'tunnel6' } as const;
/** Sites of addresses, for `affinity: client+site`. */
export const MAP_SITE = { 4: 'site4', 6: 'site6' } as const;

/** The same for the host that has asked. */
export const MAP_SITE_ASKED = { 4: 'sitefor4', 6: 'sitefor6' } as const;

/** Flows that signalling was looked for in, and nothing more is wanted of but their end. */
export const SET_QUIET = { 4: 'quiet4', 6: 'quiet6' } as const;
/** Where servers wait for control connections, as signalling has said: these are signalling as well. */
export const SET_CONTROL = { 4: 'control4', 6: 'control6' } as const;
/** By server, the client's address outside and its port: connections that servers open, as signalling has said. */
export const SET_CALLER = { 4: 'caller4', 6: 'caller6' } as const;
/** By client, server, protocol and port: the routes of new flows that belong to others. */
export const MAP_FOLLOW = { 4: 'follow4', 6: 'follow6' } as const;

/** The kernel's memory for the services that choose among the routes of `mask`. */
export function memoryMap(family: 4 | 6, mask: number): string {
  return `memory${family}_${mask.toString(16)}`;
}

/** The groups of a service; `kind` is part of the name, since a map cannot change the shape of its keys. */
export function affinityMap(family: 4 | 6, service: number, kind: Affinity): string {
  return `affinity${family}_${service}_${kind.replace('client+', '')}`;
}

/** Who begins groups of a service: hosts by their Ethernet addresses, others by IPv4 address or /64. */
export function hostSet(by: 'ether' | 4 | 6, service: number): string {
  return by === 'ether' ? `host_${service}` : `host${by}_${service}`;
}

/** The rules of a service; the comment of the first is the service's name. */
export function serviceChain(service: number): string {
  return `service_${service}`;
}

/** The counter of what a service has taken. */
export function serviceCounter(service: number): string {
  return `hits_${service}`;
}

/** The counter of new connections of a service that the kernel has given a route by itself, and of those whose destination it remembers. */
export function kernelCounter(service: number): string {
  return `kernel_${service}`;
}

export function rememberedCounter(service: number): string {
  return `remembered_${service}`;
}

/** The service whose rules a chain has; 0: it is another chain. */
export function serviceOfChain(chain: string): number {
  return Number(/^service_(\d{1,3})$/.exec(chain)?.[1] ?? 0);
}

/** Addresses that a service's domains have been seen to have. */
export function domainSet(family: 4 | 6, service: number): string {
  return `domain${family}_${service}`;
}

/** The same, for the host that has asked. */
export function askedSet(family: 4 | 6, service: number): string {
  return `asked${family}_${service}`;
}

/** Of a packet whose passing is logged: all headers. */
export const LOGGED_BYTES = 128;
