/**
 * The rules of groups: finding a connection's route by its group, and noting it. Pure.
 *
 * IPv4 keys are what they say. Those of IPv6 are hashes of 32 bits where they would have two parts: nft before 1.0.7 cannot put
 * an element with so long a key and a value into a map from a rule. Two groups with one hash share a route, which breaks no promise.
 */
import { AFFINITY_PREFIX } from '../core/affinity/group.js';
import type { Affinity, ServiceConfig } from '../model/config.js';
import { MAP_SITE, MAP_SITE_ASKED } from './constants.js';
import { ADDRESS, destinationKey, type Family, IP, KEEP } from './render-words.js';

/** Type of a map of groups. */
export function groupType(affinity: Affinity, family: Family): string {
  if (affinity === 'client') return ADDRESS[family];
  if (family === 6) return 'mark';
  return affinity === 'client+site' ? 'ipv4_addr . mark' : 'ipv4_addr . ipv4_addr';
}

/** Rules that set the mark to what the group's entry says and go to `target`; without an entry they change nothing of worth. */
export function findGroup(affinity: Affinity, family: Family, map: string, target: string): string[] {
  return [
    ...numberRules(affinity, family),
    `meta nfproto ipv${family} meta mark set ${key(affinity, family)} map @${map} goto ${target}`,
  ];
}

/** Rules that note the route in the mark for the group; `asFlow`: what makes the mark that of a flow; `counted`: what counts it. */
export function noteGroup(
  { affinity, affinityMs }: ServiceConfig,
  family: Family,
  map: string,
  asFlow: string,
  counted: string,
): string[] {
  const update = (value: string): string =>
    `update @${map} { ${key(affinity, family)} timeout ${affinityMs}ms : ${value} }`;
  const numbers = numberRules(affinity, family);
  if (numbers.length === 0)
    return [update('meta mark'), `meta mark set meta mark ${asFlow} ${KEEP} ${counted} accept`];
  // The packet's mark is part of the key: the route waits in the connection's mark meanwhile.
  return [
    'ct mark set meta mark',
    ...numbers,
    update('ct mark'),
    `meta mark set ct mark ${asFlow}`,
    `${KEEP} ${counted} accept`,
  ];
}

function key(affinity: Affinity, family: Family): string {
  if (affinity === 'client') return `${IP[family]} saddr`;
  if (family === 6) return 'meta mark';
  switch (affinity) {
    case 'client+site':
      return 'ip saddr . meta mark';
    case 'client+prefix':
      return `ip saddr . (${destinationKey(4, AFFINITY_PREFIX[4])})`;
    default:
      return 'ip saddr . ip daddr';
  }
}

/** Rules that put what the key needs into the packet's mark; groupNumber of core/affinity/group.ts says the same. */
function numberRules(affinity: Affinity, family: Family): string[] {
  const site =
    affinity === 'client+site'
      ? [
          `meta nfproto ipv${family} meta mark set jhash ${IP[family]} daddr mod 4294967295 seed 0x0`,
          `meta mark set ether saddr . ${IP[family]} daddr map @${MAP_SITE_ASKED[family]}`,
          `meta mark set ${IP[family]} daddr map @${MAP_SITE[family]}`,
        ]
      : [];
  if (family === 4 || affinity === 'client') return site;
  const destination = {
    'client+site': 'meta mark',
    'client+prefix': `(${destinationKey(6, AFFINITY_PREFIX[6])})`,
    'client+destination': 'ip6 daddr',
    none: 'ip6 daddr',
  }[affinity];
  return [...site, `meta mark set jhash ip6 saddr . ${destination} mod 4294967295 seed 0x0`];
}
