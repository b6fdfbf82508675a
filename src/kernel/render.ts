/** The desired state as the text that nft and ip take. Pure; tests compare it with goldens. */
import {
  CHAIN_BEFORE,
  CHAIN_FAST,
  CHAIN_QUEUE_CALLS,
  CHAIN_QUEUE_DNS,
  CHAIN_QUEUE_LAN,
  CHAIN_QUEUE_WAN,
  CHAIN_UNANSWERED,
  marksChain,
  SET_ALIVE,
  SET_RESET,
  TABLE,
} from './constants.js';
import type { DesiredState } from './desired.js';
import { hex } from './marks.js';
import { CHAIN_COPIES, copiesChain } from './render-ask.js';
import { attachHelpers, awaitedCallers, CALL_HOOKS, callChains, followedFlows } from './render-calls.js';
import { datagramChains, dropStrays, toEarly } from './render-datagrams.js';
import { forwardChains } from './render-forward.js';
import { GUARD_HOOK, guardChains } from './render-guard.js';
import { LOCAL_HOOKS, localAnswers, localChains } from './render-local.js';
import { serviceMatches } from './render-matches.js';
import { natChains } from './render-nat.js';
import { objectsOf } from './render-objects.js';
import { openedChains, toEarlyOpened, toOpened } from './render-opened.js';
import { earlyAnswers, lateAnswers, raceChains, toOwn } from './render-race.js';
import { sampleChains } from './render-samples.js';
import { serviceChains, unansweredChain } from './render-services.js';
import { commonTunnelChains, restTunnelChain, restTunnelRules } from './render-tunnels.js';
import { USAGE_HOOKS, usageChains } from './render-usage.js';
import { WAY_BACK_HOOKS, wayBackChains } from './render-way-back.js';
import { windowChains } from './render-windows.js';
import { firstRoutes, flowKey, hold, KEEP, ofLan, range, set, setMark, wans } from './render-words.js';

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
    ...HOOKS.filter(([name]) => chains.has(name)).map(([name, hook]) => `add chain ${t} ${name} { ${hook} }`),
    ...[...chains.keys()].filter((name) => !HOOK_NAMES.has(name)).map((name) => `add chain ${t} ${name}`),
    ...[CHAIN_QUEUE_LAN, CHAIN_QUEUE_WAN, CHAIN_QUEUE_DNS, CHAIN_QUEUE_CALLS, CHAIN_BEFORE].map(
      (name) => `add chain ${t} ${name}`,
    ),
  ];
  if (state.queue.method === 'nft') {
    chains.set(CHAIN_QUEUE_LAN, [`queue flags bypass to ${state.queue.lan}`]);
    chains.set(CHAIN_QUEUE_WAN, [`queue flags bypass to ${state.queue.wan}`]);
    chains.set(CHAIN_QUEUE_DNS, [`queue flags bypass to ${state.queue.dns}`]);
    chains.set(CHAIN_QUEUE_CALLS, [`queue flags bypass to ${state.queue.calls}`]);
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
    CHAIN_QUEUE_CALLS,
    CHAIN_BEFORE,
    CHAIN_FAST,
  ];
}

/** All rules by chain, but those that lead into the queues. */
function rulesOf(state: DesiredState): Map<string, string[]> {
  const { marks } = state;
  return new Map<string, string[]>([
    [marksChain(marks.mask), []],
    ['early', early(state)],
    ['early_syn', earlySyn(state)],
    ['early_answers', earlySynAcks(state)],
    ...dnsChains(state),
    ...callChains(state),
    ['lan', lan(state)],
    ['forged', forged],
    [CHAIN_UNANSWERED, unansweredChain(state)],
    ['lan_new', lanNew(state)],
    ['rest', [...restTunnelRules(null, 'tunnel_rest'), ...rest(state)]],
    ...restTunnelChain(state, 'tunnel_rest', rest(state), 0),
    ...commonTunnelChains(),
    ['marked', marked(state)],
    ['foreign', foreign],
    ['elsewhere', elsewhere(state)],
    ['beside', beside(state)],
    ...raceChains(state),
    ...datagramChains(state),
    ...openedChains(state),
    ...windowChains(state),
    ...sampleChains(state),
    [CHAIN_COPIES, copiesChain(state)],
    ...serviceChains(state),
    ['midstream', midstream()],
    ['wan_late', wanLate(state)],
    ...wayBackChains(state),
    ['from_outside', fromOutside(state)],
    ...forwardChains(state),
    ...localChains(state),
    ['input', input(state)],
    ['output', toOwn(state)],
    ['errors', errors(state)],
    ...natChains(state),
    ...guardChains(state),
    ...usageChains(state),
  ]);
}

/**
 * Priorities: conntrack looks at -200; raw is before it (-300), mangle after (-150), destination NAT then (-100). Marks are chosen behind mangle,
 * where others set and restore theirs, and before the NAT of destinations (docs/decisions/0021). Of the chains that translate sources the
 * first that does so wins: the operator's own (100, firewalld's 110) are before ours.
 */
const HOOKS: readonly (readonly [string, string])[] = [
  ['early', 'type filter hook prerouting priority -300; policy accept;'],
  ['lan', 'type filter hook prerouting priority -110; policy accept;'],
  ['forward', 'type filter hook forward priority 200; policy accept;'],
  ['input', 'type filter hook input priority -10; policy accept;'],
  ['output', 'type filter hook output priority -300; policy accept;'],
  ['errors', 'type route hook output priority -150; policy accept;'],
  ['nat', 'type nat hook postrouting priority 200; policy accept;'],
  ['guard', GUARD_HOOK],
  // A hook costs every packet something, also without rules: these are there only with their rules.
  ['dns', 'type filter hook prerouting priority -90; policy accept;'],
  ['dns_local', 'type filter hook output priority -150; policy accept;'],
  ...CALL_HOOKS,
  ...LOCAL_HOOKS,
  ...WAY_BACK_HOOKS,
  ...USAGE_HOOKS,
];
const HOOK_NAMES: ReadonlySet<string> = new Set(HOOKS.map(([name]) => name));

const isSyn = 'tcp flags & (fin|syn|rst) == syn';
const alive = `meta nfproto @${SET_ALIVE}`;

/** Answers to attempts, before conntrack: it does not know the flow yet. */
function early(state: DesiredState): string[] {
  return [
    `${isSyn} iifname ${wans(state)} ${alive} jump early_syn`,
    ...toEarlyOpened(state),
    ...toEarly(state),
  ];
}

function earlySyn(state: DesiredState): string[] {
  const ports = range(state.racePorts);
  return [
    'tcp flags & ack == ack goto early_answers',
    ...awaitedCallers(state),
    // A server's own SYN can be an answer too; nobody may make us work with more of them than this.
    `tcp flags & ack == 0 tcp dport ${ports} limit rate 200/second goto ${CHAIN_QUEUE_WAN}`,
  ];
}

/** SYN+ACKs. Where copies keep the client's address and port no port tells them apart. */
function earlySynAcks(state: DesiredState): string[] {
  const keepsSources = state.services.some(({ config }) => config.translate === false);
  const untranslated = state.routes
    .filter((route) => keepsSources || !route.translate || route.prefixes.length > 0)
    .map((route) => route.interface);
  return [
    ...earlyAnswers(state),
    ...(untranslated.length > 0 ? [`iifname ${set(untranslated)} goto ${CHAIN_QUEUE_WAN}`] : []),
  ];
}

/**
 * Answers of name servers wait until the daemon has read them: a client may connect at once. Behind the NAT of destinations, so that they
 * say to whom. And who asks with which Ethernet address, since an answer may be believed by that host alone.
 */
function dnsChains(state: DesiredState): [string, string[]][] {
  if (!state.readsDns) return [];
  const queue = `${alive} goto ${CHAIN_QUEUE_DNS}`;
  return [
    [
      'dns',
      [
        ...ofLan(
          state,
          (fromLan) =>
            `${fromLan} meta l4proto udp ct original proto-dst 53 ct direction original fib daddr type != local ${queue}`,
        ),
        `iifname ${wans(state)} udp sport 53 ct state established ${queue}`,
      ],
    ],
    // The same for a name server on this machine.
    ...(state.lan.length === 0
      ? []
      : [['dns_local', [`oifname ${set(state.lan)} udp sport 53 ${queue}`]] as [string, string[]]]),
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
  const { marks } = state;
  const known = 'ct state established,related';
  const ofRoute = `ct mark and ${hex(marks.chosen)} != 0 ${hold(marks)} accept`;
  // Others may have saved what a packet of the LAN had, and restored it: what goes there is bound to no provider.
  const free = `meta mark set meta mark and ${hex(~marks.held)} accept`;
  const onlyRoute = hex(marks.routeMask);
  return [
    ...toOpened(state),
    // Whichever side opened the flow: what comes from the LAN leaves by the flow's route.
    ...ofLan(state, (fromLan) => `${fromLan} ${known} ${ofRoute}`),
    `${known} ct mark and ${hex(marks.serviceMask)} != ${hex(marks.apart)} ${free}`,
    // A bridge that is no LAN may have what a provider's port is forwarded to.
    `${known} iifname != ${wans(state)} ${ofRoute}`,
    // By the main table, and by no provider but this one when that changes its mind.
    `${known} iifname != ${wans(state)} ct mark and ${onlyRoute} != 0 meta mark set ct mark and ${onlyRoute} accept`,
    `${known} ${free}`,
    ...ofLan(state, (fromLan) => `${fromLan} ct mark and ${onlyRoute} != 0 goto ${CHAIN_UNANSWERED}`),
    ...ofLan(state, (fromLan) => `${fromLan} goto lan_new`),
    `iifname ${wans(state)} goto wan_late`,
  ];
}

/**
 * A source whose way back, as the main table has it, is a provider's or none: the answer would leave by a provider. By which interface
 * of the LAN that way is does not matter: hosts may have several. Link-local ones are the kernel's business, which forwards none.
 */
const foreign = ['ip6 saddr fe80::/10 return', 'counter name spoofed drop'];

/**
 * What the main table knows a way for that is not its default route is chosen by nobody: with this mark the lookup stops before
 * that (ip-state.ts).
 */
function elsewhere(state: DesiredState): string[] {
  return [
    `fib saddr oifname ${wans(state)} jump foreign`,
    'fib saddr oif missing jump foreign',
    setMark(state.marks.noDefault),
    `${WAY} oif exists goto beside`,
    setMark(0),
  ];
}
const WAY = 'fib daddr . mark';

/**
 * By a provider's interface, it is translated like what goes there (`routeOfWay`); by another it is not ours. Should its destination be
 * translated yet, it goes where the rest goes.
 */
function beside(state: DesiredState): string[] {
  const { noDefault, routeMask, apart } = state.marks;
  const marked = (['ipv4', 'ipv6'] as const).map((family) => {
    const route = state.rest[family] === 0 ? noDefault : state.rest[family] & routeMask;
    return `meta nfproto ${family} ${setMark(route | apart)} ${KEEP} accept`;
  });
  return [`${WAY} oifname != ${wans(state)} ${setMark(0)} accept`, ...marked];
}

/**
 * Somebody before us has marked it. What goes by that mark to where we have no say is theirs: a tunnel, or a program on this machine
 * (a transparent proxy), to which no interface leads. A mark that leads to a provider is for other purposes.
 */
function marked(state: DesiredState): string[] {
  return [`${WAY} oifname != ${wans(state)} accept`, `${WAY} oif missing fib daddr oif exists accept`];
}

function lanNew(state: DesiredState): string[] {
  return [
    FORGED,
    'fib daddr type vmap { local : accept, broadcast : accept, anycast : accept, multicast : accept }',
    'meta mark != 0 jump marked',
    'jump elsewhere',
    'meta l4proto tcp tcp flags & (fin|syn|rst|ack) != syn jump midstream',
    'ct state invalid,untracked accept',
    ...(['ipv4', 'ipv6'] as const)
      .filter((family) => state.closed[family])
      .map((family) => `meta nfproto ${family} reject with icmpx type admin-prohibited`),
    // A connection that began elsewhere is no new one.
    'meta l4proto tcp tcp flags & (fin|syn|rst|ack) != syn goto rest',
    ...attachHelpers(state),
    ...followedFlows(state),
    ...serviceMatches(state, 'lan'),
    'goto rest',
  ];
}

/** What no service names. */
function rest(state: DesiredState): string[] {
  const rules: string[] = [];
  if (state.rest.ipv4 !== 0) rules.push(`meta nfproto ipv4 ${setMark(state.rest.ipv4)} ${KEEP}`);
  if (state.rest.ipv6 !== 0) rules.push(`meta nfproto ipv6 ${setMark(state.rest.ipv6)} ${KEEP}`);
  return rules;
}

/** Packets of flows that were taken out of conntrack on purpose: the client is told at its next word. */
function midstream(): string[] {
  return [
    `meta nfproto ipv4 ${flowKey('tcp', 4)} @${SET_RESET[4]} counter name reset_clients reject with tcp reset`,
    `meta nfproto ipv6 ${flowKey('tcp', 6)} @${SET_RESET[6]} counter name reset_clients reject with tcp reset`,
  ];
}

/** What conntrack knows nothing of and a race may: resets, errors, challenge ACKs, SYN+ACKs that come too late. */
function wanLate(state: DesiredState): string[] {
  const { marks } = state;
  const late = `meta mark set meta mark or ${hex(marks.late)}`;
  const queue = `${alive} ${late} goto ${CHAIN_QUEUE_WAN}`;
  const unreachable = 'icmp type { destination-unreachable, time-exceeded, parameter-problem }';
  const unreachable6 =
    'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }';
  const toRacePort = `tcp dport ${range(state.racePorts)}`;
  return [
    FORGED,
    ...dropStrays(state),
    ...(state.lan.length === 0
      ? []
      : [`ct state new fib saddr oifname ${set(state.lan)} counter name spoofed drop`]),
    'ct state new jump from_outside',
    ...lateAnswers(queue),
    `ct state new fib daddr type local ${toRacePort} tcp flags & (fin|syn|rst|ack) == ack limit rate 500/second ${queue}`,
    `ct state invalid ${unreachable} limit rate 2000/second ${queue}`,
    `ct state invalid ${unreachable6} limit rate 2000/second ${queue}`,
  ];
}

/**
 * Replies to what came in by a provider (a port forward, say) go back by it. To its next hop: but to who is nearer, by the main table's
 * own route there.
 */
function fromOutside(state: DesiredState): string[] {
  const { mask, chosen, apart, noDefault, routeMask } = state.marks;
  const keep = (bits: number): string => `ct mark set ct mark and ${hex(~mask)} or ${hex(bits)}`;
  return [
    `meta mark set meta mark or ${hex(noDefault)}`,
    ...[...firstRoutes(state)].flatMap(([name, { mark }]) => [
      `iifname "${name}" ${keep(mark | chosen | apart)}`,
      `iifname "${name}" fib saddr . mark oifname "${name}" ${keep(mark | apart)}`,
    ]),
    `meta mark set meta mark and ${hex(~routeMask)}`,
  ];
}

function input(state: DesiredState): string[] {
  return [
    // What was redirected to this machine goes by no provider.
    ...ofLan(
      state,
      (fromLan) =>
        `${fromLan} ct state new ct mark and ${hex(state.marks.routeMask)} != 0 ct mark set 0x00000000`,
    ),
    // More of them than the daemon looks at: our own stack would reset what a client waits for.
    `iifname ${wans(state)} ct state invalid tcp dport ${range(state.racePorts)} tcp flags & (syn|ack|rst) == (syn|ack) ${alive} counter name stray_answers drop`,
    // With the daemon gone, our own stack resets what copies have left half open.
    `iifname ${wans(state)} ct state invalid tcp flags & (syn|ack|rst) == (syn|ack) accept`,
    `iifname ${wans(state)} ct state invalid counter name invalid drop`,
    // What a race has left; whoever begins anew may find a service of ours at this port.
    `iifname ${wans(state)} ct state new tcp flags & (syn|ack) != syn tcp dport ${range(state.racePorts)} counter name unsolicited drop`,
    ...localAnswers(state),
  ];
}

/**
 * The gateway's own ICMP errors about a translated connection leave where its packets do: they get the connection's address. Those to the
 * inside, that a packet is too large for the route for instance, go where they are sent.
 */
function errors({ marks }: DesiredState): string[] {
  const isOurs = `ct mark and ${hex(marks.chosen)} != 0 ${hold(marks)} accept`;
  return [
    `ct state related ct direction original ct status & snat != 0 ${isOurs}`,
    `ct state related ct direction reply ct status & (snat|dnat) == dnat ${isOurs}`,
  ];
}
