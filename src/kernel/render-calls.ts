/** What belongs to calls: which packets are signalling, which new flows go by a call's route, which the kernel's helpers follow. Pure. */
import { type Followed, HELPED, type ReadPort, readPorts, SIGNAL_PORTS } from '../model/calls.js';
import {
  CHAIN_QUEUE_CALLS,
  MAP_FOLLOW,
  SET_ALIVE,
  SET_CALLER,
  SET_CONTROL,
  SET_OPEN,
  SET_QUIET,
} from './constants.js';
import type { DesiredState } from './desired.js';
import { hex } from './marks.js';
import { FAMILIES, type Family, IP, KEEP, set, setMark, wans } from './render-words.js';

/** Behind the operator's filter, before what is new may be raced: both ends as the LAN knows them. */
export const CALL_HOOKS = [
  ['calls', 'type filter hook forward priority 190; policy accept;'],
] as const satisfies readonly (readonly [string, string])[];

/** Of what the daemon reads: clients of the LAN, where there is one. */
export function signalPorts({ followed, lan, services }: DesiredState): ReadPort[] {
  return lan.length === 0
    ? []
    : readPorts(
        followed,
        services.map(({ config }) => config),
      );
}

/** Chains of this file. */
export function callChains(state: DesiredState): [string, string[]][] {
  if (signalPorts(state).length === 0) return [];
  return [
    ['calls', calls(state)],
    ['calls_out', direction(state, 'd')],
    ['calls_in', direction(state, 's')],
    ['to_server', signalling((ip) => `${ip} saddr . th sport . ${ip} daddr . th dport`)],
    ['from_server', signalling((ip) => `${ip} daddr . th dport . ${ip} saddr . th sport`)],
    ...FAMILIES.map((family): [string, string[]] => [`followed${family}`, followed(state, family)]),
  ];
}

/** Sets and maps, as name and body. */
export function callObjects(state: DesiredState): { maps: [string, string][]; sets: [string, string][] } {
  if (signalPorts(state).length === 0) return { maps: [], sets: [] };
  return {
    maps: FAMILIES.map((family) => {
      const address = `ipv${family}_addr`;
      return [
        MAP_FOLLOW[family],
        `type ${address} . ${address} . inet_proto . inet_service : mark; flags timeout; size 65536;`,
      ];
    }),
    sets: FAMILIES.flatMap((family): [string, string][] => {
      const end = `ipv${family}_addr . inet_service`;
      return [
        [SET_QUIET[family], `type ${end} . ${end}; flags timeout; size 65536;`],
        [SET_CONTROL[family], `type ${end}; flags timeout; size 16384;`],
        [SET_CALLER[family], `type ipv${family}_addr . ${end}; flags timeout; size 16384;`],
      ];
    }),
  };
}

/**
 * Only what clients of the LAN have opened: what comes from outside has its own way back. A packet of anything else sees one look-up, and with
 * H.323 another.
 */
function calls(state: DesiredState): string[] {
  // One interface may be both.
  return [`iifname ${set(state.lan)} jump calls_out`, `iifname ${wans(state)} goto calls_in`];
}

/** `end`: where the server's is in packets of this direction. */
function direction(state: DesiredState, end: 'd' | 's'): string[] {
  const ports = signalPorts(state).map(({ transport, port }) => `${transport} . ${port}`);
  const target = end === 'd' ? 'ct direction original goto to_server' : 'ct direction reply goto from_server';
  const then = `meta nfproto @${SET_ALIVE} ${target}`;
  return [
    `meta l4proto . th ${end}port { ${ports.join(', ')} } ${then}`,
    // Where calls of H.323 have their control connections.
    ...(state.followed.includes('h323')
      ? FAMILIES.map((family) => `${IP[family]} ${end}addr . tcp ${end}port @${SET_CONTROL[family]} ${then}`)
      : []),
  ];
}

/** Media among the messages, and what is no signalling at all, pass by; their end does not. `flow`: as its client has opened it. */
function signalling(flow: (ip: string) => string): string[] {
  return [
    `tcp flags & (fin|rst) != 0 goto ${CHAIN_QUEUE_CALLS}`,
    ...FAMILIES.map((family) => `${flow(IP[family])} @${SET_QUIET[family]} accept`),
    `goto ${CHAIN_QUEUE_CALLS}`,
  ];
}

/** In `early_syn`, of what is no answer: the daemon enters it into the connection table before it is looked for there. */
export function awaitedCallers(state: DesiredState): string[] {
  if (signalPorts(state).length === 0) return [];
  return FAMILIES.map((family) => {
    const ip = IP[family];
    return `${ip} saddr . ${ip} daddr . tcp dport @${SET_CALLER[family]} goto ${CHAIN_QUEUE_CALLS}`;
  });
}

/** In `lan_new`: what belongs to a call goes by its route, before any service is asked. */
export function followedFlows(state: DesiredState): string[] {
  if (signalPorts(state).length === 0) return [];
  return FAMILIES.map((family) => {
    const key = `${IP[family]} saddr . ${IP[family]} daddr . meta l4proto . th dport`;
    return `meta mark set ${key} map @${MAP_FOLLOW[family]} jump followed${family}`;
  });
}

/** As long as that route is open, and is the one that it was. */
function followed({ marks }: DesiredState, family: Family): string[] {
  return [
    `meta mark != @${SET_OPEN[family]} ${setMark(0)} return`,
    `meta mark set meta mark and ${hex(marks.routeMask)} or ${hex(marks.chosen)} ${KEEP} accept`,
  ];
}

/** Objects that attach helpers, as name and body. */
export function helpers({ followed }: Pick<DesiredState, 'followed'>): [string, string][] {
  return HELPED.filter((one) => followed.includes(one)).map((one) => [helperName(one), helperBody(one)]);
}

function helperName(one: Followed): string {
  return `follow_${one}`;
}

export function helperBody(one: (typeof HELPED)[number]): string {
  return `type "${one}" protocol ${SIGNAL_PORTS[one][0].transport};`;
}

/** In `lan_new`: the helper sees the flow from its first packet on. */
export function attachHelpers({ followed }: DesiredState): string[] {
  return HELPED.filter((one) => followed.includes(one)).map((one) => {
    const [{ transport, port }] = SIGNAL_PORTS[one];
    return `${transport} dport ${port} ct helper set "${helperName(one)}"`;
  });
}
