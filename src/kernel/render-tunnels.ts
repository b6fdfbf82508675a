/**
 * Tunnels stay together: what a client and a server have agreed on by IKE, or by PPTP's connection, is carried as ESP, AH or GRE, and the
 * server expects it from the address that it has agreed with. So each of these goes by the route that the last of them between the two has
 * had, whatever service it belongs to and whatever that keeps together; no copy is made of any but PPTP's connection. Pure.
 */
import type { MatchConfig } from '../model/config.js';
import { IKE_PORTS, PPTP_PORT, TUNNEL_PROTOCOLS } from '../model/tunnels.js';
import { MAP_TUNNEL } from './constants.js';
import type { DesiredService, DesiredState } from './desired.js';
import { hex } from './marks.js';
import { hostSets, takeShare } from './render-hosts.js';
import { racing } from './render-race.js';
import { FAMILIES, type Family, KEEP, wans } from './render-words.js';

/** How long two ends are known after the last flow that has begun between them: a flow that lives begins none. */
const LASTS_MS = 86_400_000;
const LASTS = `timeout ${LASTS_MS}ms`;
/** In the place of a service, whose shares hosts have of what is noted. */
const NO_SERVICE = 0;
const FIRST = 'ct status & confirmed != confirmed';

/** The chains that tunnels pass in place of a service's own; null: it takes none. */
export interface TunnelWay {
  readonly service: DesiredService;
  /** What decides where nothing is known, with the chain that what is decided goes to instead of `take`. */
  decide(target: string): readonly string[];
  /** Rules for what a route in the mark cannot carry, which end with what becomes of it. */
  unlessOpen(family: Family, verdict: string): readonly string[];
}

/** Names in the rules of a service, and the chains that they lead to. */
export function tunnelRules({ number, config }: DesiredService): string[] {
  const { match } = config;
  return [
    ...matchesOf(match).map((one) => `${one} goto tunnel_${number}`),
    ...(takesPort(match, 'tcp', PPTP_PORT) ? [`tcp dport ${PPTP_PORT} jump known_${number}`] : []),
  ];
}

export function tunnelChains(state: DesiredState, way: TunnelWay): [string, string[]][] {
  const { service } = way;
  const { number } = service;
  if (tunnelRules(service).length === 0) return [];
  return [
    [`tunnel_${number}`, [`jump known_${number}`, ...way.decide('keep')]],
    [
      `known_${number}`,
      [...ofRaces, ...FAMILIES.flatMap((family) => find(family, `known${family}_${number}`))],
    ],
    ...FAMILIES.map((family): [string, string[]] => [`known${family}_${number}`, known(state, way, family)]),
    ...FAMILIES.map((family): [string, string[]] => [`keep${family}_${number}`, keep(way, family)]),
  ];
}

/** A repeat of PPTP's set-up belongs to its race. */
const ofRaces = racing(false).map((isRacing) => `${isRacing} return`);

/** A route is known: if it is one of the service's, and open, it has it. */
function known({ marks }: DesiredState, { service, unlessOpen }: TunnelWay, family: Family): string[] {
  const { number, values } = service;
  const own = values[`ipv${family}`];
  if (own.length === 0) return ['return'];
  const map = own.map(({ mark, value }) => `${hex(mark)} : ${hex(value)}`).join(', ');
  const routes = own.map(({ mark }) => hex(mark)).join(', ');
  return [
    `meta mark and ${hex(marks.routeMask)} != { ${routes} } return`,
    `meta mark set meta mark and ${hex(marks.routeMask)} map { ${map} }`,
    ...unlessOpen(family, 'return'),
    `goto keep${family}_${number}`,
  ];
}

/** A route has been chosen: the two ends are known by it from now on. */
function keep({ service: { number, config }, unlessOpen }: TunnelWay, family: Family): string[] {
  const target = `${config.affinity === 'none' ? 'take' : 'begin'}${family}_${number}`;
  return [
    ...unlessOpen(family, `goto ask_${number}`),
    ...takeShare(NO_SERVICE, family, LASTS_MS, target),
    ...note(family),
    `goto ${target}`,
  ];
}

/** Rules of what goes where the rest goes; `chain`: for tunnels. */
export function restTunnelRules(match: MatchConfig | null, chain: string): string[] {
  return [
    ...matchesOf(match).map((one) => `${one} goto ${chain}`),
    ...(takesPort(match, 'tcp', PPTP_PORT) ? [`tcp dport ${PPTP_PORT} goto ${chain}`] : []),
  ];
}

/**
 * What goes where the rest goes follows what is known as well, unless that is the rest's own route, or one that the rest would not
 * go by. `rest`: the rules that mark it; `service`: the bits of its mark.
 */
export function restTunnelChain(
  state: DesiredState,
  chain: string,
  rest: readonly string[],
  service: number,
): [string, string[]][] {
  const { routeMask, chosen } = state.marks;
  const others = (family: Family): string[] => {
    const able = state.restAlso[`ipv${family}`].map(hex).join(', ');
    if (able === '') return ['return'];
    return [
      `meta mark and ${hex(routeMask)} != { ${able} } return`,
      `meta mark set meta mark and ${hex(routeMask)} or ${hex(service | chosen)} ${KEEP} goto ${chain}_note`,
    ];
  };
  return [
    [
      chain,
      [
        `jump ${chain}_known`,
        'meta mark set 0x00000000',
        ...rest,
        `meta mark and ${hex(routeMask)} != 0 goto ${chain}_note`,
        'accept',
      ],
    ],
    [`${chain}_known`, FAMILIES.flatMap((family) => find(family, `${chain}_known${family}`))],
    ...FAMILIES.map((family): [string, string[]] => [`${chain}_known${family}`, others(family)]),
    [
      `${chain}_note`,
      [
        ...FAMILIES.flatMap((family) =>
          takeShare(NO_SERVICE, family, LASTS_MS, `${chain}_end`).map(
            (rule) => `meta nfproto ipv${family} ${rule}`,
          ),
        ),
        ...FAMILIES.flatMap(note),
        'accept',
      ],
    ],
    [`${chain}_end`, ['accept']],
  ];
}

/** In `unanswered`: what the daemon has chosen. */
export function noteVerdicts(): string[] {
  return matchesOf(null).map((match) => `${FIRST} ${match} jump tunnel_chosen`);
}

/** In `clamp`: PPTP's connection is known by its server's yes, by whichever route that comes, and whoever has chosen it. */
export function noteControls(state: DesiredState): string[] {
  return [`tcp sport ${PPTP_PORT} ct direction reply iifname ${wans(state)} jump tunnel_control`];
}

/** Chains that belong to no service. */
export function commonTunnelChains(): [string, string[]][] {
  return [
    ['tunnel_chosen', FAMILIES.flatMap(note)],
    ['tunnel_control', replace(4, 'ct original ip saddr . ct original ip daddr', 'ct mark')],
  ];
}

/** What is known of two ends: IPv6 by a hash, since nft before 1.0.7 takes no key so long from a rule. */
const TYPES = { 4: 'ipv4_addr . ipv4_addr', 6: 'mark' } as const;
/** BOUNDED: for as many as eight hosts may note in a day; what finds no place is not noted. */
const SIZE = 131_072;

/** Shares of hosts in what is noted. */
export const tunnelHosts = FAMILIES.flatMap((family) => hostSets(NO_SERVICE, family));

export function tunnelMaps(): [string, string][] {
  return FAMILIES.map((family) => [
    MAP_TUNNEL[family],
    `type ${TYPES[family]} : mark; flags dynamic,timeout; size ${SIZE};`,
  ]);
}

const HASH = 'meta nfproto ipv6 meta mark set jhash ip6 saddr . ip6 daddr mod 4294967295 seed 0x0';

/** Sets the mark to what is known, and goes to `target`; else leaves nothing of worth in it. */
function find(family: Family, target: string): string[] {
  if (family === 4)
    return [`meta nfproto ipv4 meta mark set ip saddr . ip daddr map @${MAP_TUNNEL[4]} goto ${target}`];
  return [HASH, `meta nfproto ipv6 meta mark set meta mark map @${MAP_TUNNEL[6]} goto ${target}`];
}

/** Notes the route in the mark. Where the mark is needed for the key, the connection's has it meanwhile. */
function note(family: Family): string[] {
  if (family === 4) return replace(4, 'ip saddr . ip daddr', 'meta mark');
  return [
    'meta nfproto ipv6 ct mark set meta mark',
    HASH,
    ...replace(6, 'meta mark', 'ct mark').map((rule) => `meta nfproto ipv6 ${rule}`),
    'meta nfproto ipv6 meta mark set ct mark',
  ];
}

/** `update` alone renews an element, and leaves it its value: that of a route that is away, say. */
function replace(family: Family, key: string, value: string): string[] {
  const map = MAP_TUNNEL[family];
  return [`delete @${map} { ${key} : ${value} }`, `update @${map} { ${key} ${LASTS} : ${value} }`];
}

/** Matches for IKE and for what is carried by these protocols, as far as a service takes them; `match` null: all. */
function matchesOf(match: MatchConfig | null): string[] {
  const ports = IKE_PORTS.filter((port) => takesPort(match, 'udp', port));
  const protocols = TUNNEL_PROTOCOLS.filter((protocol) => takesProtocol(match, protocol));
  return [
    ...(ports.length > 0 ? [`udp dport { ${ports.join(', ')} }`] : []),
    ...(protocols.length > 0 ? [`meta l4proto { ${protocols.join(', ')} }`] : []),
  ];
}

function takesPort(match: MatchConfig | null, transport: 'tcp' | 'udp', port: number): boolean {
  const ranges = match?.[transport] ?? null;
  if (ranges !== null) return ranges.some(({ from, to }) => from <= port && port <= to);
  return takesProtocol(match, transport === 'tcp' ? 6 : 17);
}

function takesProtocol(match: MatchConfig | null, protocol: number): boolean {
  if (match === null) return true;
  const { tcp, udp, protocol: named } = match;
  return named.includes(protocol) || (tcp === null && udp === null && named.length === 0);
}
