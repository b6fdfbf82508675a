/** The engine's contract with its front ends: what goes in, what comes out, and in which order. */

import type { AddressWords, Family } from '../model/address.js';
import type { Affinity, CriterionName } from '../model/config.js';
import type { HealthReason, SingleReason } from '../model/reasons.js';
import type { Packet } from '../wire/packet.js';
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
  readonly translate: boolean;
  /** Largest packet it carries, bytes. */
  readonly mtu: number;
  /** IPv6 by prefix, for the clients that one of these has; the others get an address of the pool. */
  readonly prefixes?: readonly RoutePrefix[];
  /** Source addresses: four words each. */
  readonly addresses: { readonly 4: Int32Array; readonly 6: Int32Array };
}

/** A service, as the engine needs it; all are replaced at once. */
export interface EngineService {
  readonly number: ServiceNumber;
  /** `fixed` has one route in `routes`; `rest` is left to the kernel. */
  readonly criterion: CriterionName | 'fixed' | 'rest';
  /** The routes it chooses among, in order of preference. Never empty. */
  readonly routes: readonly RouteNumber[];
  readonly affinity: Affinity;
  readonly affinityMicros: Micros;
  /** null: as each route says. */
  readonly translate: boolean | null;
  readonly sessionWeight: number;
  readonly threshold: number;
  readonly by: 'client' | 'destination' | 'client+destination';
  /** Head start per unit of cost. */
  readonly costDelayMicros: Micros;
}

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
  readonly raceRatePerClient: number;
  readonly raceBurstPerClient: number;
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

/** Everything that can happen. `packet` is a reused view, valid during the call. */
export type Input =
  /**
   * A packet of a new connection from the LAN, and the service that the kernel has put it into (0: none, raced over all
   * routes). `tried`: it repeats the SYN of a flow that this route was given and has not answered; 0: it does not. `pinned`:
   * the route that the kernel knows its group to have; 0 or absent: none.
   */
  | { kind: 'setup'; packet: Packet; service: ServiceNumber; tried: RouteNumber; pinned?: RouteNumber }
  /**
   * A TCP packet or an ICMP error from a provider. `known`: the connection table may still know it (it has not been
   * asked yet); otherwise it has been asked and does not.
   */
  | { kind: 'answer'; packet: Packet; interfaceIndex: number; known: boolean }
  /** What became of `commit`: the flow is bound, or its tuple belongs to a living flow. */
  | { kind: 'committed'; race: RaceId; ok: boolean }
  /** A copy could not be sent: no route in the kernel, interface down. */
  | { kind: 'not-sent'; race: RaceId; route: RouteNumber }
  /** A round of a route's own checks has ended. */
  | { kind: 'checked'; route: RouteNumber; family: Family; answered: boolean }
  /** A session has begun or ended in the connection table; `counted`: the engine has counted it when it chose. */
  | { kind: 'session'; begins: boolean; route: RouteNumber; service: ServiceNumber; counted: boolean }
  /** Time has come to `nextDeadline()`. */
  | { kind: 'tick' };

/**
 * What shall be done. For each `setup` and `answer` exactly one of `release`, `accept`, `drop` or `commit` is called;
 * the others any number of times. A loser's `cancel` comes before the `commit` that beats it.
 */
export interface EffectSink {
  /**
   * The packet in hand goes on by the kernel alone, over `route` (0: the rest route). `service` is kept with the flow;
   * `counted`: so is that its session has been counted already.
   */
  release(route: RouteNumber, reason: SingleReason, service: ServiceNumber, counted: boolean): void;
  /** The packet in hand goes on as it came: over the route that its flow has. */
  resume(): void;
  /** Takes the flow of the packet in hand out of the connection table; its route has not answered. */
  unbind(): void;
  /** The packet in hand goes on unchanged. */
  accept(): void;
  /** The packet in hand ends here. */
  drop(): void;
  /** Sends one copy of the race's set-up packet over a route. */
  attempt(race: RaceId, route: RouteNumber): void;
  /** Sends the exact reset for an attempt: SEQ, no ACK. */
  cancel(race: RaceId, route: RouteNumber, sequence: number): void;
  /** Resets the sender of the packet in hand, which belongs to no race. */
  refuse(): void;
  /**
   * Binds the flow to the route, and only then lets the packet in hand, the winning reply, through. Answered by exactly
   * one `committed` input; other packets of the same batch may come before it.
   */
  commit(race: RaceId, route: RouteNumber): void;
  /**
   * Whether the tuple of an attempt belongs to another, living flow of the front end's connection table: its server takes
   * the copy for a stray packet of that flow and never answers. A question, asked only when a client repeats its SYN.
   */
  isTaken(race: RaceId, route: RouteNumber): boolean;
  /** Sends the client the error that a route answered, translated to the client's own tuple. */
  reject(race: RaceId, route: RouteNumber): void;
  /**
   * From now on the kernel decides by itself: new connections of the services that choose among the routes of `mask`, to the
   * destination (an address or prefix at `words[at]`), go by `route` for `ttl`. Replaces what was said before.
   */
  remember(
    mask: number,
    family: Family,
    words: AddressWords,
    at: number,
    route: RouteNumber,
    ttl: Micros,
  ): void;
  /** Takes it back. */
  unremember(mask: number, family: Family, words: AddressWords, at: number): void;
  /** From now on the kernel sends a group's new connections by `route`, until `ttl` after the last of them. */
  pin(service: ServiceNumber, group: AffinityGroup, route: RouteNumber, ttl: Micros): void;
  /** The health of a route has changed; what the kernel may do by itself with it is in `Engine.openMark`. */
  routeChanged(route: RouteNumber, reason: HealthReason): void;
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
  started: number;
  decided: number;
  failed: number;
  /** Indexed by route number. */
  readonly attempts: Float64Array;
  readonly wins: Float64Array;
  readonly losses: Float64Array;
  /** Indexed as SINGLE_REASONS and IGNORED_REASONS. */
  readonly single: Float64Array;
  readonly ignored: Float64Array;
  /** Connections that a route left unanswered and another one saved; indexed by route number. */
  readonly rescues: Float64Array;
}
