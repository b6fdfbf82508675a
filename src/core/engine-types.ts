/** The nouns of the engine: routes, services, settings, groups, counters. What is said with them: contract.ts. */

import type { AddressWords, Family } from '../model/address.js';
import type { ClientRate } from '../model/client-rate.js';
import type { Affinity, CriterionName, PortRange, Spoken, WINS } from '../model/config.js';
import type { RoutePrefix } from './race/prefix.js';

/** Monotonic time in microseconds; any origin, the same for all calls. */
export type Micros = number;

/** A race: its slot in the race table. Valid from `attempt` until the engine has freed it. */
export type RaceId = number;

/** Number of a route: its place in the configuration, 1 for the first. 0 is none. */
export type RouteNumber = number;

/** Number of a service, 1 to 127; 0 is none. It stays the same while the service keeps its name. */
export type ServiceNumber = number;

/** What the engine knows of a route; replaced as a whole when something changes. */
export interface EngineRoute {
  readonly number: RouteNumber;
  /** Index of its interface in the kernel, 0 when it does not exist. */
  readonly interfaceIndex: number;
  /** Whether packets of a family can leave by it now: link, address, next hop. */
  readonly usable: { readonly 4: boolean; readonly 6: boolean };
  /** false: a number without a route, kept for later. */
  readonly configured: boolean;
  /** Rounds of its checks without any answer after which it is down; 0: it has no checks. */
  readonly checkFails: number;
  /** Rounds with an answer that prove as much as three answers of traffic; that many when absent. */
  readonly checkRecovers?: number;
  /** `draining` and `disabled` routes take no new connection. */
  readonly admin: 'enabled' | 'draining' | 'disabled';
  /** Taken only while no other route of a service can be used. */
  readonly lastResort: boolean;
  /** It is a last resort only until its quota is renewed; so it is not when absent. */
  readonly isSpent?: boolean;
  /** What has moved away from it comes back when it does; so it is when absent. */
  readonly callsBack?: boolean;
  readonly translate: boolean;
  /** Largest packet it carries, bytes. */
  readonly mtu: Readonly<Record<Family, number>>;
  /** IPv6 by prefix, for the clients that one of these has; the others get an address of the pool. */
  readonly prefixes?: readonly RoutePrefix[];
  /** Source addresses: four words each. */
  readonly addresses: { readonly 4: Int32Array; readonly 6: Int32Array };
}

/** A number without a route, kept for later: no packet leaves by it. */
export function emptyRoute(number: RouteNumber): EngineRoute {
  return {
    number,
    interfaceIndex: 0,
    usable: { 4: false, 6: false },
    configured: false,
    checkFails: 0,
    admin: 'disabled',
    lastResort: false,
    translate: true,
    mtu: { 4: 1500, 6: 1500 },
    addresses: { 4: new Int32Array(0), 6: new Int32Array(0) },
  };
}

/** A service, as the engine needs it; all are replaced at once. */
export interface EngineService {
  readonly number: ServiceNumber;
  /** `fixed` has one route in `routes`; `rest` is left to the kernel. */
  readonly criterion: CriterionName | 'fixed' | 'rest';
  /** The routes it chooses among, in order of preference. Never empty. */
  readonly routes: readonly RouteNumber[];
  /** The protocol that its datagrams are taken for before all others; null: none. */
  readonly speaks: Spoken | null;
  readonly affinity: Affinity;
  readonly affinityMicros: Micros;
  /** null: as each route says. */
  readonly translate: boolean | null;
  readonly sessionWeight: number;
  readonly threshold: number;
  readonly by: 'client' | 'destination' | 'client+destination';
  /** Head start per unit of cost. */
  readonly costDelayMicros: Micros;
  /** Routes that a race is over at most; 0: all. */
  readonly atMost: number;
  /** Name servers that its questions ask, each by its own route, in place of the client's. */
  readonly resolvers: readonly RouteResolver[];
  /** What decides its races. */
  readonly win: (typeof WINS)[number];
  /** Ports whose servers speak first. */
  readonly serverFirst: readonly PortRange[];
}

export interface RouteResolver {
  readonly route: RouteNumber;
  readonly address: AddressWords;
}

/** What is not raced whatever its service says; may change while the engine lives. */
export interface RaceRules {
  /** Connections to one address that may be raced in a second; 0: without bound. */
  readonly perDestination: number;
  /** Destinations, as canonical prefixes. */
  readonly never: readonly string[];
  /** Destinations that are held on a route by command, whatever is measured; none when absent. */
  readonly held?: readonly HeldDestination[];
}

export interface HeldDestination {
  /** Canonical prefix. */
  readonly prefix: string;
  readonly route: RouteNumber;
}

export const NO_RULES: RaceRules = { perDestination: 0, never: [] };

/** How memory decides; may change while the engine lives. */
export interface MemorySettings {
  /** 0: no memory at all. */
  readonly trustMicros: Micros;
  readonly forgetMicros: Micros;
  /** Share of connections to remembered destinations that is raced again. */
  readonly refresh: number;
  readonly stagger: 'always' | 'remembered' | 'never';
}

/** Bounds and times, fixed while the engine lives. */
export interface EngineSettings {
  /** How many routes there can be: 2 to 16. */
  readonly routes: number;
  readonly races: number;
  readonly racesPerClient: number;
  /** Sets of four in the tables of clients, hosts and groups; a power of two. */
  readonly clientSets: number;
  readonly clientRate: ClientRate;
  readonly racePorts: { readonly from: number; readonly to: number };
  readonly portMemory: number;
  readonly raceTimeoutMicros: Micros;
  readonly decisions: number;
  /** Destinations that are remembered, and the prefix lengths that make one destination. */
  readonly memorySize: number;
  readonly aggregate: { readonly 4: number; readonly 6: number };
  /** Two random words, different in every run: nobody outside can aim at hash chains or guess ports. */
  readonly secret: readonly [number, number];
}

/** What later connections share with the first of their group. */
export interface AffinityGroup {
  family: Family;
  readonly client: AddressWords;
  /** `address`: the destination, or its prefix, in `destination`. `number`: a site, in `number`. `none`: the client alone. */
  kind: 'address' | 'number' | 'none';
  readonly destination: AddressWords;
  number: number;
}

/** A decided flow, as the connection table has it. */
export interface LivingFlow {
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
  /** Its translated source port. */
  readonly port: number;
}

/** Counters since start; a front end reads them, nobody else writes. */
export interface EngineCounters {
  /** Inputs whose handling broke a promise of ours: a bug. */
  broken: number;
  started: number;
  decided: number;
  failed: number;
  /** Indexed by route number. */
  readonly attempts: Float64Array;
  readonly wins: Float64Array;
  readonly losses: Float64Array;
  /** Answers whose time is known, and the sum of their times in microseconds; indexed by route number. */
  readonly timed: Float64Array;
  readonly timedMicros: Float64Array;
  /** Indexed as SINGLE_REASONS and IGNORED_REASONS. */
  readonly single: Float64Array;
  readonly ignored: Float64Array;
  /** Connections that a route left unanswered and another one saved; indexed by route number. */
  readonly rescues: Float64Array;
}
