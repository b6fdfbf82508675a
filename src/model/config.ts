/**
 * The configuration as the daemon uses it: defaults filled in, names resolved, nothing left to check.
 * `src/config` makes it from a file; the engine and the kernel front end only read it.
 */
import type { CallKind, Followed } from './calls.js';

/** Where the gateway listens for `pathrace status` and `why` unless the configuration says otherwise. */
export const DEFAULT_CONTROL_PATH = '/run/pathrace/control.sock';

/** Addresses of one family on a route: read from the kernel and followed, or as written. */
export type AddressSource = 'auto' | readonly string[];
/** Next hop of one family: read from the kernel and followed, as written, or none. */
export type NextHopSource = 'auto' | string | null;

/** One uplink. Its place in `GatewayConfig.routes` is its number, 1 for the first. */
export interface RouteConfig {
  readonly name: string;
  readonly interface: string;
  /** `null`: the route does not carry this family. */
  readonly gateway: { readonly ipv4: NextHopSource; readonly ipv6: NextHopSource };
  /** Empty: the route does not carry this family. Canonical text, ranges expanded, at most 64 in all. */
  readonly addresses: { readonly ipv4: AddressSource; readonly ipv6: AddressSource };
  /** false: packets keep the inside source address. */
  readonly translate: boolean;
  /** NPTv6 (RFC 6296) instead of one address for all: inside and outside prefix of equal length. null: none. */
  readonly prefix: PrefixTranslation | null;
  /** Path MTU of the provider in bytes where it is smaller than the interface's; null: the interface's, or what is found out to pass. */
  readonly mtu: number | null;
  /** Share where a criterion goes by weight, 1 to 1000. */
  readonly weight: number;
  /** What it can carry in either direction, bits per second; null: not said. */
  readonly capacity: number | null;
  /** Price of a gigabyte (10^9 bytes), in any unit; 0: nothing. */
  readonly cost: number;
  /** null: without bound. */
  readonly quota: QuotaConfig | null;
  /** `use: last-resort`: only while no other route of a service can be used. */
  readonly lastResort: boolean;
  /** What becomes of its established flows when it goes down. */
  readonly onDown: 'reset' | 'keep';
  /** How long its link or an address may be gone before that, milliseconds: what is back by then has lost nothing. Default 5 s. */
  readonly graceMs: number;
  readonly failback: Failback;
  /** Active checks; null: evidence from traffic and links only. */
  readonly check: CheckConfig | null;
  /** That the interface is missing is no alarm. */
  readonly optional: boolean;
}

export const QUOTA_ACTIONS = ['last-resort', 'down', 'alarm'] as const;

/** What may be carried in a billing period. */
export interface QuotaConfig {
  /** Bytes, both directions together. */
  readonly bytes: number;
  /** Day of the month on which a period begins, 1 to 31; the last one of a month that is shorter. Local time. */
  readonly day: number;
  /** What the route is when they are used up, until the period is over: as one of `use: last-resort`, as one that is down, as before. */
  readonly action: (typeof QUOTA_ACTIONS)[number];
}

/** Inclusive range of ports. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface PrefixTranslation {
  /** Canonical prefixes such as `fd01:203:405::/48`. */
  readonly inside: string;
  readonly outside: string;
}

/**
 * When a preferred route returns: `stay` leaves what has moved away where it is; `move-new` brings new connections back, also of
 * groups that are pinned elsewhere; `reset` does so and resets the established ones that are still away after a time.
 */
export type Failback =
  | { readonly kind: 'stay' | 'move-new' }
  | { readonly kind: 'reset'; readonly afterMs: number };

/** Periodic questions that a route sends out itself. One answer of any target in a round proves life. */
export interface CheckConfig {
  readonly targets: readonly CheckTarget[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Rounds without any answer after which the route is down, and rounds with one after which it is up again. */
  readonly fail: number;
  readonly recover: number;
}

/** Addresses are canonical text; a check never asks a resolver. */
export type CheckTarget =
  | { readonly kind: 'ping'; readonly address: string }
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  /** Without `expect` any HTTP status below 500 is an answer, a captive portal's too; `host` is what the request names. */
  | {
      readonly kind: 'http';
      readonly address: string;
      readonly port: number;
      readonly host: string;
      readonly path: string;
      readonly expect?: ExpectedPage;
    }
  /** Any well-formed answer with the question's id counts. */
  | { readonly kind: 'dns'; readonly address: string; readonly port: number; readonly name: string };

/** What a web server must say; `text`: what must be in its page, null: anything. */
export interface ExpectedPage {
  readonly status: number;
  readonly text: string | null;
}

/** How a service chooses. `fixed` and `rest` are written as the name of a route and as `rest`. */
export const CRITERIA = [
  'race',
  'round-robin',
  'weighted',
  'least-connections',
  'least-traffic',
  'least-weighted-load',
  'fastest-probe',
  'fastest-history',
  'cheapest',
  'priority',
  'spillover',
  'hash',
] as const;
export type CriterionName = (typeof CRITERIA)[number];

/** Whether it finds out by copies which route is the best. */
export function makesCopies(criterion: SelectConfig['criterion']): boolean {
  return criterion === 'race' || criterion === 'fastest-history';
}

export interface SelectConfig {
  /** `fixed`: the one route of `routes`. `rest`: as everything that no service names. */
  readonly criterion: CriterionName | 'fixed' | 'rest';
  /** Names, in the order of preference; all routes in the order of the file where none were named. Never empty. */
  readonly routes: readonly string[];
  /** spillover: share of a route's capacity above which the next one is taken, 0 to 1. Default 0.8. */
  readonly threshold: number;
  /** fastest-probe, fastest-history: how long a measurement counts, milliseconds. Default 10 minutes, 1 hour. */
  readonly periodMs: number;
  /** hash: what of a connection is hashed. Default `client+destination`. */
  readonly by: 'client' | 'destination' | 'client+destination';
  /** race: head start of a route for each unit of `cost` that it is cheaper than another, milliseconds. Default 0. */
  readonly costDelayMs: number;
  /** race: over so many routes at most, 2 to 16; null: over all. */
  readonly atMost: number | null;
}

/** Protocols over UDP that a service may say its ports have; each names one of core/protocols/. */
export const SPOKEN = ['dns', 'ntp', 'stun', 'quic', 'sip'] as const;
export type Spoken = (typeof SPOKEN)[number];
/** The first answer to a set-up, or the first bytes of what the connection is for. */
export const WINS = ['first-reply', 'first-payload'] as const;

export const AFFINITIES = ['client+destination', 'client', 'client+prefix', 'client+site', 'none'] as const;
export type Affinity = (typeof AFFINITIES)[number];

/** All that is not null or empty must match; `tcp` and `udp` together mean either. */
export interface MatchConfig {
  /** Destination ports; null: not named. `any` is 1-65535. */
  readonly tcp: readonly PortRange[] | null;
  readonly udp: readonly PortRange[] | null;
  /** IP protocol numbers. */
  readonly protocol: readonly number[];
  /** Canonical prefixes; empty: any. Only one family named: the service is of that family only. */
  readonly source: readonly string[];
  readonly destination: readonly string[];
  /** Lower case, without a dot at the end; a name stands for itself and everything below it. */
  readonly domain: readonly string[];
  /** 0 to 63. */
  readonly dscp: readonly number[];
  /** LAN interfaces. */
  readonly interface: readonly string[];
  /** Local time; empty: always. */
  readonly time: readonly TimeSpan[];
}

/** From `from` to before `to`, minutes of the day; beyond midnight when `to` is not after `from`. */
export interface TimeSpan {
  /** 0 is Sunday, of the day on which the span begins. */
  readonly days: readonly number[];
  readonly from: number;
  readonly to: number;
}

export interface ResolverConfig {
  readonly route: string;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

/** First match wins: which new connections are chosen how. */
export interface ServiceConfig {
  readonly name: string;
  readonly match: MatchConfig;
  readonly select: SelectConfig;
  /** What its UDP is, on whatever ports; null: what the usual ports and the content say. */
  readonly speaks: Spoken | null;
  /** Name servers that its DNS queries ask by these routes in place of the client's. */
  readonly resolvers: readonly ResolverConfig[];
  readonly affinity: Affinity;
  /** How long a group keeps its route after its last new connection, milliseconds. */
  readonly affinityMs: number;
  /** null: as each route says. */
  readonly translate: boolean | null;
  /** What wins its races. */
  readonly win: (typeof WINS)[number];
  /** Of `first-payload`: ports whose servers speak first. */
  readonly serverFirst: readonly PortRange[];
  /** Load of one of its sessions for `least-weighted-load`, 1 to 1000 (RFC 2391 section 5.1). Default 1. */
  readonly sessionWeight: number;
}

/** What is not raced, whatever a service says. */
export interface RaceConfig {
  /** Connections to one address that are raced in a second; null: without bound. Default 100, null with `memory.trust: 0s`. */
  readonly perDestination: number | null;
  /** Canonical prefixes of destinations that are never raced. */
  readonly never: readonly string[];
}

/** What is remembered of earlier races and handshakes. */
export interface MemoryConfig {
  /** How long a measurement decides alone; 0 races every connection. Milliseconds. Default 10 minutes. */
  readonly trustMs: number;
  /** How long it orders a staggered race. Default 24 hours, at least `trust`. */
  readonly forgetMs: number;
  /** Destinations. Default 100000. */
  readonly size: number;
  /** Prefix lengths that make one destination. Defaults 32 and 64. */
  readonly aggregate: { readonly ipv4: number; readonly ipv6: number };
  /** Share of the connections to remembered destinations that is raced again, 0 to 0.5. Default 0.005. */
  readonly refresh: number;
  /** File that keeps it over a restart; null: none. */
  readonly store: string | null;
  /** Which races send their copies one after the other. Default `remembered`. */
  readonly stagger: 'always' | 'remembered' | 'never';
}

/** In the place of an interface: the gateway itself, what its own programs open. */
export const LOCAL = 'local';

export interface GatewayConfig {
  /** Path of the control socket. */
  readonly control: string;
  /** Interfaces whose new connections are distributed. */
  readonly lan: readonly string[];
  /** Those of the gateway itself are, too. */
  readonly local: boolean;
  readonly routes: readonly RouteConfig[];
  /** New connections from providers into the LAN need a destination NAT. Default true. */
  readonly protect: boolean;
  /** Prefixes of name servers whose answers count for every client. Default none. */
  readonly resolvers: readonly string[];
  readonly services: readonly ServiceConfig[];
  /** Whose calls and further flows are followed. Default: sip, h323 and rtsp where a service can carry them. */
  readonly follow: readonly Followed[];
  /** Load of one call besides its connections, for `least-weighted-load`. Default 1 each. */
  readonly callWeights: Readonly<Record<CallKind, number>>;
  readonly race: RaceConfig;
  /** Where everything goes that no service names, and what the daemon would be asked about when it does not answer. */
  readonly rest: { readonly route: string; readonly translate: boolean };
  readonly memory: MemoryConfig;
  /** File that keeps commands, and what of the quotas is used. */
  readonly state: string;
  readonly limits: LimitsConfig;
  readonly kernel: KernelConfig;
  readonly api: ApiConfig;
  readonly log: { readonly level: 'error' | 'warn' | 'info' | 'debug' | 'trace' };
}

/** What may be done over TCP without a token. */
export const ANONYMOUS = ['none', 'read'] as const;

export interface ListenAddress {
  /** Canonical text. */
  readonly address: string;
  readonly port: number;
}

/** The API and the page over TCP. */
export interface ApiConfig {
  /** Empty: the control socket alone. */
  readonly listen: readonly ListenAddress[];
  /** Names by which it may be called, besides its addresses; lower case. */
  readonly hosts: readonly string[];
  /** File of the hashed tokens; null: there are none. */
  readonly tokens: string | null;
  /** Default `none`; `read` with loopback addresses alone. */
  readonly anonymous: (typeof ANONYMOUS)[number];
  /** Files of the certificate and its key; null: without TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

/** Bounds; when one is reached the connection goes by the `rest` route without a race, and is counted. */
export interface LimitsConfig {
  /** Races at one time. Default 8192. */
  readonly races: number;
  /** Races of one client at one time. Default 1024. */
  readonly racesPerClient: number;
  /** New races of one client in a second, and the burst. Defaults 2000 and 4000. */
  readonly raceRatePerClient: number;
  readonly raceBurstPerClient: number;
  /** Longest queue of packets between kernel and daemon; beyond it the kernel goes on alone. Default 4096. */
  readonly queue: number;
  /** Source ports of attempts; TCP that the kernel translates alone gets others (`kernelPorts`). Default 8192-32767. */
  readonly racePorts: PortRange;
  /** Destination-and-port pairs whose last user is remembered, so that ports rest between users. Default 131072. */
  readonly portMemory: number;
  /** How long a race without any answer is kept after the client's last SYN, in milliseconds. Default 5000. */
  readonly raceTimeoutMs: number;
  /** Decisions kept for `why`. Default 8192. */
  readonly decisions: number;
}

/** `auto`: where the kernel can. */
export const FAST_PATHS = ['off', 'auto'] as const;

/** What the gateway uses of the kernel; change only to live beside other software. */
export interface KernelConfig {
  /** Number of the LAN queue; the next one is the WAN queue. Default 5050. */
  readonly queue: number;
  /** Routing table of the first route; the next ones follow. Default 20501. */
  readonly table: number;
  /** The bits of marks that are ours (mark-mask.ts). Default 0xff0000ff. */
  readonly mark: number;
  /** Priority of the first ip rule. Default 20500. */
  readonly rulePriority: number;
  /** The daemon's sign of life expires after this many milliseconds. Default 500. */
  readonly heartbeatMs: number;
  /** Whether established flows pass by the rules. Default `off`. */
  readonly fastPath: (typeof FAST_PATHS)[number];
}
