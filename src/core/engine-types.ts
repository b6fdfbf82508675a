/** The engine's contract with its front ends: what goes in, what comes out, and in which order. */

import type { AddressWords } from '../model/address.js';
import type { SingleReason } from '../model/reasons.js';
import type { Packet } from '../wire/packet.js';

/** Monotonic time in microseconds; any origin, the same for all calls. */
export type Micros = number;

/** A race: its slot in the race table. Valid from `attempt` until the engine has freed it. */
export type RaceId = number;

/** Number of a route: its place in the configuration, 1 for the first. 0 is none. */
export type RouteNumber = number;

/** What the engine knows of a route; replaced as a whole when something changes. */
export interface EngineRoute {
  readonly number: RouteNumber;
  /** Index of its interface in the kernel, 0 when it does not exist. */
  readonly interfaceIndex: number;
  /** Whether new connections of a family may use it now. */
  readonly usable: { readonly 4: boolean; readonly 6: boolean };
  readonly translate: boolean;
  /** Largest packet it carries, bytes. */
  readonly mtu: number;
  /** Source addresses: four words each. */
  readonly addresses: { readonly 4: Int32Array; readonly 6: Int32Array };
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
  /** Two random words, different in every run: nobody outside can aim at hash chains or guess ports. */
  readonly secret: readonly [number, number];
}

/** Everything that can happen. `packet` is a reused view, valid during the call. */
export type Input =
  /** A packet of a new connection from the LAN. */
  | { kind: 'setup'; packet: Packet }
  /**
   * A TCP packet or an ICMP error from a provider. `known`: the connection table may still know it (it has not been
   * asked yet); otherwise it has been asked and does not.
   */
  | { kind: 'answer'; packet: Packet; interfaceIndex: number; known: boolean }
  /** What became of `commit`: the flow is bound, or its tuple belongs to a living flow. */
  | { kind: 'committed'; race: RaceId; ok: boolean }
  /** A copy could not be sent: no route in the kernel, interface down. */
  | { kind: 'not-sent'; race: RaceId; route: RouteNumber }
  /** Time has come to `nextDeadline()`. */
  | { kind: 'tick' };

/**
 * What shall be done. For each `setup` and `answer` exactly one of `release`, `accept`, `drop` or `commit` is called;
 * the others any number of times. A loser's `cancel` comes before the `commit` that beats it.
 */
export interface EffectSink {
  /** The packet in hand goes on by the kernel alone, over `route` (0: the rest route). */
  release(route: RouteNumber, reason: SingleReason): void;
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
}
