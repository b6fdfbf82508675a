/** The desired state as the text that nft and ip take. Pure; tests compare it with goldens. */
import {
  CHAIN_BEFORE,
  CHAIN_FAST,
  CHAIN_QUEUE_DNS,
  CHAIN_QUEUE_LAN,
  CHAIN_QUEUE_WAN,
  CHAIN_UNANSWERED,
  hex,
  MARK,
  SET_ALIVE,
  SET_FULL,
  SET_RESET,
  TABLE,
} from './constants.js';
import type { DesiredRoute, DesiredState } from './desired.js';
import { natChains } from './render-nat.js';
import { objectsOf } from './render-objects.js';
import { HOLD, raceChain, serviceChains, serviceMatches, unansweredChain } from './render-services.js';
import { firstRoutes, range, set } from './render-words.js';

/**
 * One transaction: declares the table's objects if they are missing, replaces the rules that differ from those of the
 * state before, and removes chains that only that had. Rules that stay keep what they count by (turns, limits). The queue
 * chains are filled once and left alone, sets and maps keep their elements. Those that only the state before had stay, since
 * the race thread still writes to them (sweep.ts). It fails when the state before is not there any more.
 */
export function renderNft(state: DesiredState, before: DesiredState | null = null): string {
  const t = `inet ${TABLE}`;
  const chains = rulesOf(state);
  const objects = objectsOf(state);
  const old = before === null ? new Map<string, string[]>() : rulesOf(before);
  const lines = [
    ...(before === null ? [] : [`flush chain ${t} ${CHAIN_UNANSWERED}`]),
    `add table ${t}`,
    ...objects.map(({ kind, name, body }) => `add ${kind} ${t} ${name}${body}`),
    ...[...HOOKS, ...(state.readsDns ? DNS_HOOKS : [])].map(
      ([name, hook]) => `add chain ${t} ${name} { ${hook} }`,
    ),
    ...[...chains.keys()].filter((name) => !HOOK_NAMES.has(name)).map((name) => `add chain ${t} ${name}`),
    ...[CHAIN_QUEUE_LAN, CHAIN_QUEUE_WAN, CHAIN_QUEUE_DNS, CHAIN_BEFORE].map(
      (name) => `add chain ${t} ${name}`,
    ),
  ];
  if (state.queue.method === 'nft') {
    chains.set(CHAIN_QUEUE_LAN, [`queue flags bypass to ${state.queue.lan}`]);
    chains.set(CHAIN_QUEUE_WAN, [`queue flags bypass to ${state.queue.wan}`]);
    chains.set(CHAIN_QUEUE_DNS, [`queue flags bypass to ${state.queue.dns}`]);
  }
  const gone = [...old.keys()].filter((name) => !chains.has(name));
  for (const name of gone) lines.push(`flush chain ${t} ${name}`);
  for (const [name, rules] of chains) {
    if (name !== CHAIN_UNANSWERED && old.get(name)?.join('\n') === rules.join('\n')) continue;
    lines.push(`flush chain ${t} ${name}`, ...rules.map((rule) => `add rule ${t} ${name} ${rule}`));
  }
  for (const name of gone) lines.push(`delete chain ${t} ${name}`);
  return `${lines.join('\n')}\n`;
}

/** Names of all chains that may be there beside a state. */
export function chainsOf(state: DesiredState): string[] {
  return [
    ...rulesOf(state).keys(),
    CHAIN_QUEUE_LAN,
    CHAIN_QUEUE_WAN,
    CHAIN_QUEUE_DNS,
    CHAIN_BEFORE,
    CHAIN_FAST,
  ];
}

/** All rules by chain, but those that lead into the queues. */
function rulesOf(state: DesiredState): Map<string, string[]> {
  return new Map<string, string[]>([
    ['early', early(state)],
    ['early_syn', earlySyn(state)],
    ...dnsChains(state),
    ['lan', lan(state)],
    ['forged', forged],
    [CHAIN_UNANSWERED, unansweredChain()],
    ['lan_new', lanNew(state)],
    ['rest', rest(state)],
    ['elsewhere', elsewhere()],
    ['beside', beside(state)],
    ['race', raceChain(state)],
    ...serviceChains(state),
    ['midstream', midstream()],
    ['wan_late', wanLate(state)],
    ['forward', forward(state)],
    ['asked', asked(state)],
    ['route_of_way', routeOfWay(state)],
    ['forward_invalid', forwardInvalid(state)],
    ['clamp', clamp()],
    ['mss', mss(state)],
    ...state.routes.map((route): [string, string[]] => [`clamp_${route.number}`, clampRoute(state, route)]),
    ...state.routes.map((route): [string, string[]] => [`only_${route.number}`, only(state, route)]),
    ['input', input(state)],
    ['output', [`meta mark and ${hex(MARK.OWN)} == ${hex(MARK.OWN)} notrack`]],
    ...natChains(state),
  ]);
}

/** Priorities: conntrack looks at -200; raw is before it (-300), mangle after (-150), source NAT last (100). */
const HOOKS: readonly (readonly [string, string])[] = [
  ['early', 'type filter hook prerouting priority -300; policy accept;'],
  ['lan', 'type filter hook prerouting priority -160; policy accept;'],
  ['forward', 'type filter hook forward priority 200; policy accept;'],
  ['input', 'type filter hook input priority -10; policy accept;'],
  ['output', 'type filter hook output priority -300; policy accept;'],
  ['nat', 'type nat hook postrouting priority 100; policy accept;'],
];

/** A hook costs every packet something, also without rules. */
const DNS_HOOKS: readonly (readonly [string, string])[] = [
  ['dns', 'type filter hook prerouting priority -165; policy accept;'],
  ['dns_local', 'type filter hook output priority -150; policy accept;'],
];
const HOOK_NAMES: ReadonlySet<string> = new Set([...HOOKS, ...DNS_HOOKS].map(([name]) => name));

const isSyn = 'tcp flags & (fin|syn|rst) == syn';
const alive = `meta nfproto @${SET_ALIVE}`;

/** Answers to attempts, before conntrack: it does not know the flow yet. */
function early(state: DesiredState): string[] {
  return [`${isSyn} iifname ${wans(state)} ${alive} jump early_syn`];
}

function earlySyn(state: DesiredState): string[] {
  const ports = range(state.racePorts);
  const keepsSources = state.services.some(({ config }) => config.translate === false);
  const untranslated = state.routes
    .filter((route) => keepsSources || !route.translate || route.prefixes.length > 0)
    .map((route) => route.interface);
  return [
    `tcp flags & ack == ack tcp dport ${ports} goto ${CHAIN_QUEUE_WAN}`,
    // A server's own SYN can be an answer too; nobody may make us work with more of them than this.
    `tcp flags & ack == 0 tcp dport ${ports} limit rate 200/second goto ${CHAIN_QUEUE_WAN}`,
    ...(untranslated.length > 0
      ? [`iifname ${set(untranslated)} tcp flags & ack == ack goto ${CHAIN_QUEUE_WAN}`]
      : []),
  ];
}

/** Answers of name servers wait until the daemon has read them: a client may connect at once. */
function dnsChains(state: DesiredState): [string, string[]][] {
  if (!state.readsDns) return [];
  const queue = `${alive} goto ${CHAIN_QUEUE_DNS}`;
  return [
    ['dns', [`iifname ${wans(state)} udp sport 53 ct state established ${queue}`]],
    // The same for a name server on this machine.
    ['dns_local', [`oifname ${set(state.lan)} udp sport 53 ${queue}`]],
  ];
}

/**
 * Nobody but us has our addresses. The kernel would look at every packet (sysctl.ts: accept_local); a living flow has passed
 * here. What we send to a group comes back to ourselves (dev_loopback_xmit in net/core/dev.c) with the entry that it has made.
 */
const FORGED = 'meta nfproto ipv4 fib saddr type local jump forged';
const forged = [
  'meta pkttype { broadcast, multicast } ct state new ct status confirmed accept',
  'counter name spoofed drop',
];

/** After conntrack. The first two rules are all that a packet of a living flow from or to the LAN sees here. */
function lan(state: DesiredState): string[] {
  const mask = hex(MARK.FLOW_MASK);
  return [
    // Whichever side opened the flow: what comes from the LAN leaves by the flow's route.
    `iifname ${set(state.lan)} ct state established,related ct mark and ${mask} != 0 ${HOLD} accept`,
    `ct state established,related ct mark and ${hex(MARK.UNTRANSLATED)} == 0 accept`,
    // A bridge that is no LAN may have what a provider's port is forwarded to.
    `ct state established,related iifname != ${wans(state)} ct mark and ${mask} != 0 ${HOLD} accept`,
    'ct state established,related accept',
    `iifname ${set(state.lan)} ct mark and ${mask} != 0 goto ${CHAIN_UNANSWERED}`,
    `iifname ${set(state.lan)} goto lan_new`,
    `iifname ${wans(state)} goto wan_late`,
  ];
}

/**
 * What the main table knows a way for that is not its default route is chosen by nobody: with this mark the lookup stops before
 * that (ip-state.ts).
 */
function elsewhere(): string[] {
  return [setMark(MARK.NO_DEFAULT), `${WAY} oif exists goto beside`, setMark(0)];
}
const WAY = 'fib daddr . mark';

/** By a provider's interface, it is translated like what goes there (`routeOfWay`); by another it is not ours. */
function beside(state: DesiredState): string[] {
  const marked = (['ipv4', 'ipv6'] as const).map(
    (family) => `meta nfproto ${family} ${setMark(state.rest[family] | MARK.BESIDE)} accept`,
  );
  return [`${WAY} oifname != ${wans(state)} ${setMark(0)} accept`, ...marked];
}

function lanNew(state: DesiredState): string[] {
  return [
    FORGED,
    'fib daddr type vmap { local : accept, broadcast : accept, anycast : accept, multicast : accept, unicast : jump elsewhere }',
    'meta l4proto tcp tcp flags & (fin|syn|rst|ack) != syn jump midstream',
    'ct state invalid,untracked accept',
    ...(['ipv4', 'ipv6'] as const)
      .filter((family) => state.closed[family])
      .map((family) => `meta nfproto ${family} reject with icmpx type admin-prohibited`),
    // A connection that began elsewhere is no new one.
    'meta l4proto tcp tcp flags & (fin|syn|rst|ack) != syn goto rest',
    ...serviceMatches(state),
    'goto rest',
  ];
}

/** What no service names. */
function rest(state: DesiredState): string[] {
  const rules: string[] = [];
  if (state.rest.ipv4 !== 0) rules.push(`meta nfproto ipv4 ${setMark(state.rest.ipv4)}`);
  if (state.rest.ipv6 !== 0) rules.push(`meta nfproto ipv6 ${setMark(state.rest.ipv6)}`);
  return rules;
}

/** Packets of flows that were taken out of conntrack on purpose: the client is told at its next word. */
function midstream(): string[] {
  return [
    `meta nfproto ipv4 ip saddr . tcp sport . ip daddr . tcp dport @${SET_RESET[4]} counter name reset_clients reject with tcp reset`,
    `meta nfproto ipv6 ip6 saddr . tcp sport . ip6 daddr . tcp dport @${SET_RESET[6]} counter name reset_clients reject with tcp reset`,
  ];
}

/** What conntrack knows nothing of and a race may: resets, errors, challenge ACKs, SYN+ACKs that come too late. */
function wanLate(state: DesiredState): string[] {
  const late = `meta mark set meta mark or ${hex(MARK.LATE)}`;
  const queue = `${alive} ${late} goto ${CHAIN_QUEUE_WAN}`;
  const unreachable = 'icmp type { destination-unreachable, time-exceeded, parameter-problem }';
  const unreachable6 =
    'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }';
  const toRacePort = `tcp dport ${range(state.racePorts)}`;
  const inbound = [...firstRoutes(state)].map(
    ([name, route]) => [name, (route.mark | MARK.UNTRANSLATED) >>> 0] as const,
  );
  return [
    FORGED,
    `ct state new fib saddr oifname ${set(state.lan)} counter name spoofed drop`,
    // Replies to what came in by a provider (a port forward, say) go back by it.
    ...inbound.map(([name, mark]) => `ct state new iifname "${name}" ct mark set ${hex(mark)}`),
    `ct state invalid meta l4proto tcp tcp flags & rst == rst ${queue}`,
    `ct state invalid meta l4proto tcp tcp flags & (syn|ack) == (syn|ack) ${queue}`,
    `ct state new fib daddr type local ${toRacePort} tcp flags & (fin|syn|rst|ack) == ack limit rate 500/second ${queue}`,
    `ct state invalid ${unreachable} limit rate 2000/second ${queue}`,
    `ct state invalid ${unreachable6} limit rate 2000/second ${queue}`,
  ];
}

/**
 * Behind the operator's own rules. The first rule is all that a packet of a living TCP flow sees here: it is assured from the third
 * packet on. The next fixes the route of a new one, before it may wait for the daemon: should that die, its flow has a route.
 */
function forward(state: DesiredState): string[] {
  return [
    'ct status assured accept',
    // What the rules have chosen; and the daemon, whose verdict brings the packet here once more.
    `ct state new ct status & confirmed != confirmed iifname ${set(state.lan)} meta mark and ${hex(MARK.ROUTE_MASK | MARK.BESIDE)} != 0 jump route_of_way`,
    `iifname ${set(state.lan)} meta mark and ${hex(MARK.ASK | MARK.ASKED)} != 0 jump asked`,
    'tcp flags & (syn|rst) == syn jump clamp',
    'ct state established,related accept',
    'ct state invalid goto forward_invalid',
  ];
}

/**
 * What has another destination by now, leaves by no provider, or by one that the routing has chosen itself, is not raced. A repeat is
 * routed by the next best provider while its own route is dead (ip-state.ts): so that the daemon hears of it, and not to leave there.
 */
function asked(state: DesiredState): string[] {
  const routes = state.routes.map(({ mark, number }) => `${hex(mark)} : goto only_${number}`).join(', ');
  return [
    `meta mark and ${hex(MARK.ASKED)} != 0 meta mark and ${hex(MARK.ROUTE_MASK)} vmap { ${routes} }`,
    `oifname ${wans(state)} ct mark and ${hex(MARK.BY_MAIN)} == 0 ct status & dnat != dnat ${alive} goto race`,
  ];
}

function only(state: DesiredState, route: DesiredRoute): string[] {
  return [`oifname != "${route.interface}" oifname ${wans(state)} counter name misrouted drop`];
}

/**
 * A flow's route is the one by which its first packet goes. The main table may have sent it by another than its mark says, also since its
 * destination was translated meanwhile; where no provider is, it has none.
 */
function routeOfWay(state: DesiredState): string[] {
  const marked = `(meta mark and ${hex(MARK.ROUTE_MASK | MARK.BESIDE)})`;
  const expected = state.routes.map((route) => `"${route.interface}" . ${hex(route.mark)}`);
  const found = [...firstRoutes(state)].map(
    ([name, route]) => `"${name}" : ${hex(route.mark | MARK.BY_MAIN)}`,
  );
  return [
    `oifname . ${marked} { ${expected.join(', ')} } ct mark set meta mark and ${hex(MARK.FLOW_MASK)} return`,
    `ct mark set oifname map { ${found.join(', ')} }`,
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
function clamp(): string[] {
  // A repeat of a SYN has its port already.
  const first = 'ct state new ct status & confirmed != confirmed';
  const route = `(meta mark and ${hex(MARK.ROUTE_MASK)})`;
  const refuse = 'counter name ports_exhausted reject with icmpx type admin-prohibited';
  return [
    `${first} ip daddr . tcp dport . ${route} @${SET_FULL[4]} ${refuse}`,
    `${first} ip6 daddr . tcp dport . ${route} @${SET_FULL[6]} ${refuse}`,
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
  const mtu = Math.min(...state.routes.filter((r) => r.interface === route.interface).map((r) => r.mtu));
  return [
    `meta nfproto ipv4 tcp option maxseg size set ${mtu - 40}`,
    `meta nfproto ipv6 tcp option maxseg size set ${mtu - 60}`,
  ];
}

function input(state: DesiredState): string[] {
  return [
    // With the daemon gone, our own stack resets what copies have left half open.
    `iifname ${wans(state)} ct state invalid tcp flags & (syn|ack|rst) == (syn|ack) accept`,
    `iifname ${wans(state)} ct state invalid counter name invalid drop`,
    // What a race has left; whoever begins anew may find a service of ours at this port.
    `iifname ${wans(state)} ct state new tcp flags & (syn|ack) != syn tcp dport ${range(state.racePorts)} counter name unsolicited drop`,
  ];
}

function setMark(mark: number): string {
  return `meta mark set ${hex(mark)}`;
}

function wans(state: DesiredState): string {
  return set([...new Set(state.routes.map((route) => route.interface))]);
}
