/**
 * What one host may use, in the kernel: the daemon's queue, and groups of a service. A host is known by its Ethernet address, where it
 * has one; behind other interfaces by its IPv4 address, or by the /64 that it may take addresses from. Pure.
 */
import { GROUPS_PER_HOST, RATE_TIMES } from '../core/limit/hosts.js';
import type { ClientRate } from '../model/client-rate.js';
import { hostSet, SET_FLOOD } from './constants.js';
import { ADDRESS, type Family } from './render-words.js';

/** Hosts of one service. */
const HOSTS = 16_384;
const ETHER = 'meta iiftype ether';
const OTHERS = 'meta iiftype != ether';
const NETWORK = { 4: 'ip saddr', 6: 'ip6 saddr and ffff:ffff:ffff:ffff::' } as const;

/** Who opens connections faster than they may be raced goes on without the daemon: a client, and a host with many addresses. */
export function floodRules({ perSecond, burst }: ClientRate): string[] {
  const limit = (times: number): string =>
    `limit rate over ${perSecond * times}/second burst ${burst * times} packets`;
  const accept = 'counter name flood accept';
  return [
    `meta nfproto ipv4 add @${SET_FLOOD[4]} { ip saddr ${limit(1)} } ${accept}`,
    `meta nfproto ipv6 add @${SET_FLOOD[6]} { ip6 saddr ${limit(1)} } ${accept}`,
    `${ETHER} add @${SET_FLOOD.host} { ether saddr ${limit(RATE_TIMES)} } ${accept}`,
  ];
}

/** Sets of a service in which the shares are counted. */
export function hostSets(service: number, family: Family): [string, string][] {
  const body = (type: string): string => `type ${type}; flags dynamic,timeout; size ${HOSTS};`;
  const own: [string, string] = [hostSet(family, service), body(ADDRESS[family])];
  return family === 4 ? [[hostSet('ether', service), body('ether_addr')], own] : [own];
}

/** A host that has begun as many groups as it may goes to `target`. `lastsMs`: how long a group lasts. */
export function takeShare(service: number, family: Family, lastsMs: number, target: string): string[] {
  const limit = `timeout ${lastsMs}ms limit rate over ${rate(lastsMs)} burst ${GROUPS_PER_HOST} packets`;
  const refused = `counter name host_groups goto ${target}`;
  return [
    `${ETHER} add @${hostSet('ether', service)} { ether saddr ${limit} } ${refused}`,
    `${OTHERS} add @${hostSet(family, service)} { ${NETWORK[family]} ${limit} } ${refused}`,
  ];
}

/** So that a share is there again when its groups have gone. */
function rate(lastsMs: number): string {
  const perSecond = (GROUPS_PER_HOST * 1000) / lastsMs;
  if (perSecond >= 1) return `${Math.floor(perSecond)}/second`;
  return `${Math.max(1, Math.floor(perSecond * 3600))}/hour`;
}
