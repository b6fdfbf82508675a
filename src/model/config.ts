/**
 * The configuration as the daemon uses it: defaults filled in, names resolved, nothing left to check.
 * `src/config` makes it from a file; the engine and the kernel front end only read it.
 */

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
  /** Path MTU of the provider in bytes where it is smaller than the interface's; null: the interface's. */
  readonly mtu: number | null;
  readonly weight: number;
  /** The interface may be missing when the gateway starts. */
  readonly optional: boolean;
}

/** Inclusive range of ports. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** First match wins: which new connections are chosen how. */
export interface ServiceConfig {
  readonly name: string;
  readonly match: { readonly tcp: readonly PortRange[] };
  /** `{ kind: 'race' }`, or one route by its name. */
  readonly select: { readonly kind: 'race' } | { readonly kind: 'route'; readonly route: string };
}

export interface GatewayConfig {
  /** Path of the control socket. */
  readonly control: string;
  readonly lan: readonly string[];
  readonly routes: readonly RouteConfig[];
  readonly services: readonly ServiceConfig[];
  /** Where everything goes that no service names, and everything when the daemon does not answer. */
  readonly rest: { readonly route: string; readonly translate: boolean };
  /** How long what was measured decides alone, in milliseconds; 0 races every connection. */
  readonly memory: { readonly trustMs: number };
  readonly limits: LimitsConfig;
  readonly kernel: KernelConfig;
  readonly log: { readonly level: 'error' | 'warn' | 'info' | 'debug' | 'trace' };
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
  /** Source ports of attempts; everything else is translated to ports below. Default 32768-60999. */
  readonly racePorts: PortRange;
  /** Destination-and-port pairs whose last user is remembered, so that ports rest between users. Default 131072. */
  readonly portMemory: number;
  /** How long a race without any answer is kept after the client's last SYN, in milliseconds. Default 5000. */
  readonly raceTimeoutMs: number;
  /** Decisions kept for `why`. Default 8192. */
  readonly decisions: number;
}

/** What the gateway uses of the kernel; change only to live beside other software. */
export interface KernelConfig {
  /** Number of the LAN queue; the next one is the WAN queue. Default 5050. */
  readonly queue: number;
  /** Routing table of the first route; the next ones follow. Default 20501. */
  readonly table: number;
  /** Priority of the first ip rule. Default 20500. */
  readonly rulePriority: number;
  /** The daemon's sign of life expires after this many milliseconds. Default 500. */
  readonly heartbeatMs: number;
}
