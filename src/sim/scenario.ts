/**
 * One description of a run, for two runners: the namespace lab (real kernel, real programs) and the simulator (virtual clock).
 * Pure data; `complete` fills in what a scenario leaves out, so that both runners share one set of defaults.
 */
import { PathraceError } from '../model/errors.js';

export type Family = 'ipv4' | 'ipv6';

/** Seen from the gateway: `out` goes to the servers, `in` comes back. */
export type Direction = 'out' | 'in';

/** What a packet is in a handshake; exactly one holds, decided in this order: rst, syn/synack, data, fin, ack. */
export type PacketKind = 'syn' | 'synack' | 'rst' | 'fin' | 'data' | 'ack' | 'udp' | 'icmp-error' | 'other';

/**
 * What a destination answers to a SYN or a UDP datagram instead of the server: RST (not for UDP), an ICMP error
 * (named with its ICMPv4 type/code; ICMPv6 uses 1/3, 1/4, 1/1, 3/0), nothing, or the server after all.
 */
export type Answer =
  | 'rst'
  | 'host-unreachable' // 3/1
  | 'port-unreachable' // 3/3
  | 'prohibited' // 3/13
  | 'ttl-exceeded' // 11/0
  | 'silent'
  | 'normal';

/** How a provider behaves; every field can be changed while the run goes on. */
export interface Link {
  /** One-way delay between gateway and the provider's far edge, in milliseconds, each direction. */
  delayMs: number;
  /** Adds 0..jitterMs milliseconds, uniformly, per packet; packets of one server still keep their order. */
  jitterMs: number;
  /** Probability 0..1 that a packet is lost, each direction. */
  loss: number;
  /** Probability 0..1 that a packet is held back by `reorderMs`, so that later ones overtake it. */
  reorder: number;
  /** How long a reordered packet is held back, in milliseconds. */
  reorderMs: number;
  /** Rate in Mbit/s, each direction, frames of all sizes counted with their Ethernet header; 0 is unlimited. */
  rateMbit: number;
  /** Longest queue before a limited link, in milliseconds of its rate; what does not fit is lost. */
  queueMs: number;
  /** Everything past the next hop is lost, in both directions or one; ARP, ND and ping of the next hop still work. */
  blackhole: boolean | Direction;
  /** The next hop itself is dead: not even ARP, ND or ping is answered. */
  silent: boolean;
  /** The provider answers every SYN at once with a SYN+ACK of its own, and swallows whatever TCP follows. */
  answersSyn: boolean;
  /** TCP option kinds overwritten with NOPs, in both directions (2 MSS, 3 window scale, 4 SACK, 8 timestamps, 34 TFO). */
  stripOptions: readonly number[];
  /** Largest IP packet in bytes that passes beyond the next hop; 0 is no limit. Larger ones are lost, never fragmented. */
  pathMtu: number;
  /** Larger packets vanish without ICMP "fragmentation needed" / "packet too big". */
  pathMtuSilent: boolean;
  /** Answer per destination address, `*` for all others; see `Answer`. */
  reject: Readonly<Record<string, Answer>>;
}

/** One uplink. The i-th (from 1) has 203.0.i.0/24 and fd03:i::/64, the gateway at .2, the next hop at .1. */
export interface Provider {
  name: string;
  /** Default: both. */
  families?: readonly Family[];
  /** Source addresses of the gateway per family: 203.0.i.2, .3, ...; default 1. */
  addresses?: number;
  /** Further prefixes that this provider routes to the gateway, e.g. `192.0.2.0/28`. */
  subnets?: readonly string[];
  /** MTU of the gateway's interface in bytes (see `Link.pathMtu` for the path behind it); default 1500. */
  mtu?: number;
  /** Name of the gateway's interface; default `wan<i>`. */
  interface?: string;
  /** False: the provider carries the LAN's own addresses and routes them back; default true. */
  translate?: boolean;
  link?: Partial<Link>;
}

/** One end node with all its addresses. */
export interface Server {
  name: string;
  /** Default for the j-th server (from 1) that names no address at all: 198.51.100.j and 2001:db8:100::j. */
  ipv4?: readonly string[];
  ipv6?: readonly string[];
  /** One-way milliseconds from the provider's far edge, each direction, for all providers or per provider name; default 0. */
  distanceMs?: number | Readonly<Record<string, number>>;
  /** Servers of the same group share a machine (one namespace of the lab); default: one group for all. */
  group?: string;
}

/** Loses exactly chosen packets: of those that match, counted from when the drop is installed, the nth and the following. */
export interface PacketDrop {
  packet: PacketKind;
  /** First matching packet that is lost, from 1; default 1. */
  nth?: number;
  /** How many in a row; default 1. */
  count?: number;
  /** Default: either. */
  direction?: Direction;
  /** Only packets to or from this server address. */
  server?: string;
  /** Only packets to or from this server port. */
  port?: number;
}

/** Something that happens at a time of the run. */
export interface Fault {
  /** Milliseconds after the script is started (`lab.play()`; time 0 in the simulator). */
  atMs: number;
  provider: string;
  /** New properties of the provider's link. */
  set?: Partial<Link>;
  /** New one-way distances of servers over this provider, milliseconds by server name. */
  distanceMs?: Readonly<Record<string, number>>;
  drop?: PacketDrop;
}

export interface Scenario {
  /** Seed of all randomness; equal seeds and packets give equal losses and delays. Default 1. */
  seed?: number;
  lan?: {
    /** Client addresses 10.0.0.2.. and fd00::2.., at most 250; default 1. */
    clients?: number;
    /** Machines (namespaces) that these addresses are dealt out to; default 1. */
    machines?: number;
  };
  providers: readonly Provider[];
  /** Default: one server with default addresses. */
  servers?: readonly Server[];
  /** Losses that hold from the start, by provider name. */
  drops?: Readonly<Record<string, readonly PacketDrop[]>>;
  faults?: readonly Fault[];
  /** No emulator: bare interfaces and kernel routing, no delay, no behaviours. For benchmarks. Default false. */
  plain?: boolean;
}

/** A provider with nothing left out. `number` is i of its addresses. */
export interface FullProvider {
  number: number;
  name: string;
  families: readonly Family[];
  addresses: number;
  subnets: readonly string[];
  mtu: number;
  interface: string;
  translate: boolean;
  link: Link;
}

/** A server with nothing left out; `distanceMs` has every provider. */
export interface FullServer {
  name: string;
  ipv4: readonly string[];
  ipv6: readonly string[];
  distanceMs: Readonly<Record<string, number>>;
  group: string;
}

export interface FullScenario {
  seed: number;
  lan: { clients: number; machines: number };
  providers: readonly FullProvider[];
  servers: readonly FullServer[];
  drops: Readonly<Record<string, readonly PacketDrop[]>>;
  faults: readonly Fault[];
  plain: boolean;
}

/** A link that does nothing to its packets. */
export const IDEAL_LINK: Link = {
  delayMs: 0,
  jitterMs: 0,
  loss: 0,
  reorder: 0,
  reorderMs: 5,
  rateMbit: 0,
  queueMs: 100,
  blackhole: false,
  silent: false,
  answersSyn: false,
  stripOptions: [],
  pathMtu: 0,
  pathMtuSilent: false,
  reject: {},
};

/** Fills in all defaults. A scenario that contradicts itself gets a sentence that says how. */
export function complete(scenario: Scenario): FullScenario {
  const servers = scenario.servers ?? [{ name: 'server' }];
  const lan = { clients: scenario.lan?.clients ?? 1, machines: scenario.lan?.machines ?? 1 };
  const full: FullScenario = {
    seed: scenario.seed ?? 1,
    lan,
    providers: scenario.providers.map(completeProvider),
    servers: servers.map((server, index) => completeServer(server, index, scenario.providers)),
    drops: scenario.drops ?? {},
    faults: scenario.faults ?? [],
    plain: scenario.plain ?? false,
  };
  const problem = firstProblem(full);
  if (problem !== undefined) throw new PathraceError('E_LAB', `The scenario cannot be: ${problem}.`);
  return full;
}

function completeProvider(provider: Provider, index: number): FullProvider {
  return {
    number: index + 1,
    name: provider.name,
    families: provider.families ?? ['ipv4', 'ipv6'],
    addresses: provider.addresses ?? 1,
    subnets: provider.subnets ?? [],
    mtu: provider.mtu ?? 1500,
    interface: provider.interface ?? `wan${index + 1}`,
    translate: provider.translate ?? true,
    link: { ...IDEAL_LINK, ...provider.link },
  };
}

function completeServer(server: Server, index: number, providers: readonly Provider[]): FullServer {
  const unnamed = server.ipv4 === undefined && server.ipv6 === undefined;
  const distance = server.distanceMs ?? 0;
  const perProvider = providers.map(({ name }): [string, number] => [
    name,
    typeof distance === 'number' ? distance : (distance[name] ?? 0),
  ]);
  return {
    name: server.name,
    ipv4: server.ipv4 ?? (unnamed ? [`198.51.100.${index + 1}`] : []),
    ipv6: server.ipv6 ?? (unnamed ? [`2001:db8:100::${(index + 1).toString(16)}`] : []),
    distanceMs: Object.fromEntries(perProvider),
    group: server.group ?? 'all',
  };
}

function firstProblem(scenario: FullScenario): string | undefined {
  const { lan, providers, servers } = scenario;
  const names = new Set(providers.map(({ name }) => name));
  const mentioned = [...Object.keys(scenario.drops), ...scenario.faults.map(({ provider }) => provider)];
  const stranger = mentioned.find((name) => !names.has(name));
  if (stranger !== undefined) return `no provider is called ${stranger}`;
  if (providers.length < 1 || providers.length > 16)
    return `${providers.length} providers, allowed are 1 to 16`;
  if (names.size !== providers.length) return 'two providers have the same name';
  if (new Set(servers.map(({ name }) => name)).size !== servers.length)
    return 'two servers have the same name';
  if (lan.clients < 1 || lan.clients > 250) return `${lan.clients} clients, allowed are 1 to 250`;
  if (lan.machines < 1 || lan.machines > lan.clients) return 'more client machines than client addresses';
  if (providers.some(({ addresses }) => addresses < 1 || addresses > 250))
    return 'addresses: allowed are 1 to 250';
  return undefined;
}
