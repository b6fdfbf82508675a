/** The hook `forward`: what was chosen is fixed, asked about, bounded. Pure. */
import { SET_ALIVE, SET_FULL } from './constants.js';
import type { DesiredRoute, DesiredState } from './desired.js';
import { hex } from './marks.js';
import { keptEntries } from './render-ask.js';
import { hasDatagrams, noteYoung } from './render-datagrams.js';
import { toClampOpened } from './render-opened.js';
import { refuseClientsWithout } from './render-prefix.js';
import { protectChains, protectRule } from './render-protect.js';
import { CHAIN_ASK_RACE } from './render-race.js';
import { toSamples } from './render-samples.js';
import { noteControls } from './render-tunnels.js';
import { toWindows } from './render-windows.js';
import { firstRoutes, ofLan, wans } from './render-words.js';

/** Chains of the hook `forward`. */
export function forwardChains(state: DesiredState): [string, string[]][] {
  return [
    ['forward', forward(state)],
    ...protectChains(state),
    ['asked', asked(state)],
    ['route_of_way', routeOfWay(state)],
    ['no_route', noRoute],
    ['to_ask', toAsk(state)],
    ['forward_invalid', forwardInvalid(state)],
    ['clamp', clamp(state)],
    ['mss', mss(state)],
    ...state.routes.map((route): [string, string[]] => [`clamp_${route.number}`, clampRoute(state, route)]),
    ...state.routes.map((route): [string, string[]] => [`only_${route.number}`, only(state, route)]),
  ];
}

const FAMILIES = ['ipv4', 'ipv6'] as const;
const alive = `meta nfproto @${SET_ALIVE}`;

/**
 * Behind the operator's own rules. What comes up to the first verdict is all that a packet of a living TCP flow sees here: it is assured from the third
 * packet on. The next fixes the route of a new one, before it may wait for the daemon: should that die, its flow has a route.
 */
function forward(state: DesiredState): string[] {
  const { marks } = state;
  const toAsk = `meta mark and ${hex(marks.held | marks.counted)} != 0 jump asked`;
  return [
    ...toSamples(state),
    ...toWindows(state),
    'ct status assured accept',
    // What the rules have chosen; and the daemon, whose verdict brings the packet here once more.
    ...ofLan(state, (fromLan) => `ct state new ${unconfirmed} ${fromLan} jump route_of_way`),
    ...protectRule(state),
    ...ofLan(state, (fromLan) => `tcp flags & (fin|syn|rst|ack) == syn ${fromLan} ${toAsk}`),
    ...noteYoung(state),
    ...(hasDatagrams(state)
      ? ofLan(state, (fromLan) => `meta l4proto udp ct state new ${fromLan} ${toAsk}`)
      : []),
    ...refuseClientsWithout(state),
    'tcp flags & (syn|rst) == syn jump clamp',
    'ct state established,related accept',
    'ct state invalid goto forward_invalid',
  ];
}
const unconfirmed = 'ct status & confirmed != confirmed';

/**
 * What has another destination by now, leaves by no provider, or by one that the routing has chosen itself, is not raced. A repeat is
 * routed by the next best provider while its own route is dead (ip-state.ts): so that the daemon hears of it, and not to leave there.
 */
function asked(state: DesiredState): string[] {
  const { marks } = state;
  const routes = state.routes.map(({ mark, number }) => `${hex(mark)} : goto only_${number}`).join(', ');
  const judged = `meta mark and ${hex(marks.judged)} == ${hex(marks.judged)}`;
  const isAsked = `meta mark and ${hex(marks.askMask)} == ${hex(marks.ask)}`;
  return [
    `${judged} ${unconfirmed} ct mark set meta mark and ${hex(marks.flowMask)}`,
    `${judged} meta mark and ${hex(marks.routeMask)} vmap { ${routes} }`,
    ...keptEntries(state),
    `${isAsked} oifname ${wans(state)} ct mark and ${hex(marks.chosen)} != 0 ct status & dnat != dnat ${alive} goto ${CHAIN_ASK_RACE}`,
  ];
}

function only(state: DesiredState, route: DesiredRoute): string[] {
  return [`oifname != "${route.interface}" oifname ${wans(state)} counter name misrouted drop`];
}

/**
 * A flow's route is the one by which its first packet goes. The main table may have sent it by another than its mark says, also since its
 * destination was translated meanwhile, or somebody has changed the mark; where no provider is, it has none. Its connection's mark says what
 * was chosen, whatever has become of the packet's.
 */
function routeOfWay(state: DesiredState): string[] {
  const { chosen, counted, routeMask } = state.marks;
  const way = `oifname . (ct mark and ${hex(routeMask | chosen | counted)})`;
  const found = [...firstRoutes(state)].map(
    ([name, route]) => `"${name}" : ${hex(route.mark | state.marks.apart)}`,
  );
  const uncarried = FAMILIES.filter((family) => !state.carried[family]);
  return [
    `${way} vmap { ${expectedWays(state).join(', ')} }`,
    ...withoutRoute(state),
    // What no route of ours carries goes as without us.
    ...uncarried.map((family) => `meta nfproto ${family} ct mark and ${hex(routeMask)} == 0 return`),
    'ct mark set 0x00000000',
    ...uncarried.map((family) => `meta nfproto ${family} return`),
    `ct mark set oifname map { ${found.join(', ')} }`,
  ];
}

/** The ways of what goes as it was chosen, by interface and connection's mark. */
export function expectedWays({ routes, marks }: DesiredState): string[] {
  const { chosen, counted, ask } = marks;
  return routes.flatMap(({ interface: name, mark }) => [
    `"${name}" . ${hex(mark | chosen)} : return`,
    `"${name}" . ${hex(mark | chosen | counted)} : return`,
    `"${name}" . ${hex(mark | ask)} : goto to_ask`,
  ]);
}

/**
 * A family whose routes are all gone: what the main table would give to another provider, with whose addresses nobody has said, is told so
 * at once, as by a router without a route. The main table's own routes, all but its default, are as they were.
 */
function withoutRoute(state: DesiredState): string[] {
  const { routeMask } = state.marks;
  return FAMILIES.filter((family) => state.carried[family] && state.rest[family] === 0).map(
    (family) =>
      `meta nfproto ${family} oifname ${wans(state)} ct mark and ${hex(routeMask)} == 0 goto no_route`,
  );
}
const noRoute = ['counter name no_route reject with icmpx type no-route'];

/** The packet says again that it is to be asked about; its connection, where it goes if nobody answers. */
function toAsk({ marks }: DesiredState): string[] {
  const { routeMask, serviceMask, chosen } = marks;
  return [
    'meta mark set ct mark',
    `ct mark set meta mark and ${hex(routeMask | serviceMask)} or ${hex(chosen)}`,
  ];
}

/** An untranslated packet would go to the wrong host, or leave with an inside address. */
function forwardInvalid(state: DesiredState): string[] {
  return [
    `iifname ${wans(state)} counter name invalid drop`,
    `oifname ${wans(state)} counter name invalid drop`,
  ];
}

/** A first packet that must not go on, and what its MSS may be. */
function clamp(state: DesiredState): string[] {
  const { marks } = state;
  // A repeat of a SYN has its port already.
  const first = `ct state new ${unconfirmed}`;
  const route = `(ct mark and ${hex(marks.routeMask)})`;
  const refuse = 'counter name ports_exhausted reject with icmpx type admin-prohibited';
  return [
    `${first} ip daddr . tcp dport . ${route} @${SET_FULL[4]} ${refuse}`,
    `${first} ip6 daddr . tcp dport . ${route} @${SET_FULL[6]} ${refuse}`,
    ...noteControls(state),
    ...toClampOpened(state),
    'goto mss',
  ];
}

/** To the route of either direction; a packet between two providers is rare enough to be clamped for one only. */
function mss(state: DesiredState): string[] {
  const targets = [...new Map(state.routes.map((route) => [route.interface, route.number]))];
  const map = targets.map(([name, number]) => `"${name}" : goto clamp_${number}`).join(', ');
  return [`oifname vmap { ${map} }`, `iifname vmap { ${map} }`];
}

/** The kernel only ever lowers an MSS by this. Routes that share an interface share the smallest. */
function clampRoute(state: DesiredState, route: DesiredRoute): string[] {
  const sharing = state.routes.filter((r) => r.interface === route.interface);
  const least = (family: 'ipv4' | 'ipv6'): number => Math.min(...sharing.map((r) => r.mtu[family]));
  return [
    `meta nfproto ipv4 tcp option maxseg size set ${least('ipv4') - 40}`,
    `meta nfproto ipv6 tcp option maxseg size set ${least('ipv6') - 60}`,
  ];
}
