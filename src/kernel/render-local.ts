/**
 * What the gateway itself opens (docs/decisions/0036): chosen in output, behind the routing that its socket had; asked about in postrouting,
 * behind the operator's own rules, where a packet has the way that it will go. Only what would leave by a provider is ours, and nobody has
 * marked: to everything else, checks and copies of the daemon among it, these chains do nothing. Pure.
 */
import { CHAIN_UNANSWERED } from './constants.js';
import type { DesiredState } from './desired.js';
import { hex } from './marks.js';
import { hasDatagrams } from './render-datagrams.js';
import { expectedWays } from './render-forward.js';
import { serviceMatches } from './render-matches.js';
import { toClampOpened, toOpenedLocal } from './render-opened.js';

import { toWindows } from './render-windows.js';
import { FAMILIES, firstRoutes, hold, IP, KEEP, set, setMark, wans } from './render-words.js';

/** Behind mangle and before the NAT of destinations, as `lan`; and before the translation of sources. */
export const LOCAL_HOOKS = [
  ['local', 'type route hook output priority -110; policy accept;'],
  ['local_way', 'type filter hook postrouting priority 90; policy accept;'],
] as const;

const FIRST = 'ct state new ct status & confirmed != confirmed';
const SYN = 'tcp flags & (fin|syn|rst|ack) == syn';

export function localChains(state: DesiredState): [string, string[]][] {
  if (!state.local) return [];
  return [
    ['local', local(state)],
    ['local_new', localNew(state)],
    ['local_rest', localRest(state)],
    ['local_way', way(state)],
    ['local_first', first(state)],
    ['local_beside', beside],
  ];
}

/**
 * The first rule is all that a packet of a living flow sees that has a route. Whoever has asked from outside is answered by the way that
 * the main table knows, and errors go where they are sent (`errors`), as without these.
 */
function local(state: DesiredState): string[] {
  const { chosen, routeMask } = state.marks;
  return [
    `ct state established ct direction original ct mark and ${hex(chosen)} != 0 ${hold(state.marks)} accept`,
    'ct state established,related,invalid,untracked accept',
    `oifname != ${wans(state)} accept`,
    `ct mark and ${hex(routeMask)} != 0 goto ${CHAIN_UNANSWERED}`,
    // A program's own mark: a tunnel's, a check's of ours.
    'meta mark != 0 accept',
    'goto local_new',
  ];
}

function localNew(state: DesiredState): string[] {
  const without = FAMILIES.filter(
    (family) => state.carried[`ipv${family}`] && state.rest[`ipv${family}`] === 0,
  );
  return [
    'fib daddr type != unicast accept',
    'ip daddr 169.254.0.0/16 accept',
    'ip6 daddr fe80::/10 accept',
    // Whoever has leased the address can prolong it by its own provider alone (DHCP).
    'udp dport { 67, 547 } accept',
    `meta l4proto tcp ${NO_SYN} jump midstream`,
    // A connection that began elsewhere is no new one.
    `meta l4proto tcp ${NO_SYN} accept`,
    ...FAMILIES.filter((family) => !state.carried[`ipv${family}`]).map(
      (family) => `meta nfproto ipv${family} accept`,
    ),
    ...FAMILIES.filter((family) => state.closed[`ipv${family}`]).map(
      (family) => `meta nfproto ipv${family} reject with icmpx type admin-prohibited`,
    ),
    ...without.map(
      (family) => `meta nfproto ipv${family} counter name no_route reject with icmpx type no-route`,
    ),
    ...serviceMatches(state, 'local'),
    'goto local_rest',
  ];
}
const NO_SYN = 'tcp flags & (fin|syn|rst|ack) != syn';

/** What no service names. Its source is an address of the gateway, by whatever provider: so it is translated, whatever the rest is. */
function localRest({ marks, rest }: DesiredState): string[] {
  return FAMILIES.flatMap((family) => {
    const route = rest[`ipv${family}`] & marks.routeMask;
    return route === 0
      ? []
      : [`meta nfproto ipv${family} ${setMark((route | marks.chosen) >>> 0)} ${KEEP} accept`];
  });
}

/** What is no new connection leaves at once; what was forwarded has an interface that it came in by. */
function way(state: DesiredState): string[] {
  const { marks } = state;
  const toAsk = `meta mark and ${hex(marks.held | marks.counted)} != 0 jump asked`;
  return [
    ...toOpenedLocal(state),
    ...toWindows(state, 'meta iif 0 '),
    'ct state != new accept',
    'meta iif != 0 accept',
    `ct mark and ${hex(marks.routeMask)} == 0 accept`,
    `${FIRST} jump local_first`,
    `${SYN} ${toAsk}`,
    ...(hasDatagrams(state) ? [`meta l4proto udp ${FIRST} jump young`] : []),
    `meta l4proto udp ${toAsk}`,
    `${SYN} jump mss`,
  ];
}

/**
 * Where it goes has been found anew since its route was chosen: by the main table's own routes, a rule of the operator's, the interface that
 * its socket is bound to. A next hop which is not the provider's is another way too: who is there knows the address that is nearest.
 */
function first(state: DesiredState): string[] {
  const { chosen, counted, routeMask } = state.marks;
  return [
    ...state.routes.flatMap((route) =>
      FAMILIES.flatMap((family) => {
        const gateway = route[`ipv${family}`]?.gateway ?? null;
        if (gateway === null || gateway.includes(':') !== (family === 6)) return [];
        return [
          `ct mark and ${hex(routeMask)} == ${hex(route.mark)} oifname "${route.interface}" rt ${IP[family]} nexthop != ${gateway} goto local_beside`,
        ];
      }),
    ),
    `oifname . (ct mark and ${hex(routeMask | chosen | counted)}) vmap { ${expectedWays(state).join(', ')} }`,
    'goto local_beside',
  ];
}

/** It goes as without us, and with the source that it has. */
const beside = [setMark(0), 'ct mark set 0x00000000'];

/** In `nat`, before sources are kept: an address of the gateway's own is right by its own provider alone. */
export function localSources(state: DesiredState): string[] {
  if (!state.local) return [];
  const { routeMask, chosen } = state.marks;
  return state.routes
    .filter((route) => FAMILIES.some((family) => (route[`ipv${family}`]?.addresses ?? []).length > 0))
    .map(
      (route) =>
        `fib saddr type local meta iif 0 ct mark and ${hex(routeMask | chosen)} == ${hex(route.mark | chosen)} oifname "${route.interface}" goto snat_${route.number}`,
    );
}

/** In `input`: what a server may send to the gateway, as `forward` has it for the LAN. */
export function localAnswers(state: DesiredState): string[] {
  if (!state.local) return [];
  const names = set([...firstRoutes(state).keys()]);
  const answer = `iifname ${names} ct state established tcp flags & (syn|ack|rst) == (syn|ack)`;
  return [
    ...toWindows(state),
    ...toClampOpened(state).map((rule) => `${answer} ${rule}`),
    `${answer} jump mss`,
  ];
}
