/** What the main thread and the race thread say to each other. */

import type { CallWeights } from '../core/calls/load.js';
import type { RouteFacts } from '../core/choose/criterion.js';
import type { DecisionRecord } from '../core/decision-columns.js';
import type { DecidedFlow, DecisionFilter, DecisionPart, RecentDecisions } from '../core/decisions.js';
import type {
  EngineCounters,
  EngineRoute,
  EngineService,
  EngineSettings,
  MemorySettings,
  Micros,
  RaceRules,
  RouteNumber,
  ServiceNumber,
} from '../core/engine-types.js';
import type { HealthState } from '../core/health/health.js';
import type { MemoryChunk, MemoryRows } from '../core/memory/rows.js';
import type { Foreseen } from '../core/what-if.js';
import type { AddressWords, Family } from '../model/address.js';
import type { CallCounts, CallKind, Followed, ReadPort } from '../model/calls.js';
import type { Spoken } from '../model/config.js';
import type { ErrorCounts } from '../model/errors.js';
import type { HealthReason } from '../model/reasons.js';
import type { FirstProtocol } from '../wire/first-packets.js';
import type { Broken } from './boundary.js';

/**
 * What the kernel decides by, in parts that are emptied as one: the routes that are open; the memories; the groups, with the
 * sites that they go by; the addresses of domains. The parts that are not named keep what they have.
 */
export type KernelPart = 'open' | 'memory' | 'groups' | 'domains';

/** What the thread is started with. */
export interface RaceThreadOptions {
  readonly settings: EngineSettings;
  readonly routes: readonly EngineRoute[];
  readonly services: ServicesMessage;
  /** The bits of marks that are ours. */
  readonly mark: number;
  readonly queue: number;
  readonly queueLength: number;
  readonly hasIpv6: boolean;
  readonly heartbeatMs: number;
  /** Memory of an earlier run; null: none. */
  readonly memory: StoredMemory | null;
  /** Parts that hold what somebody before this thread has written, and it cannot go on with. */
  readonly empty: readonly KernelPart[];
}

/** What the thread is made with. The first message that it gets are its options: it begins when it has them. */
export interface RaceThreadData {
  /** Where it notes what has to be given back when it is gone (ffi.ts). */
  readonly holdings: SharedArrayBuffer;
  /** It rehearses first. */
  readonly rehearses: boolean;
}

/** What a rehearsal came to. `error`: why it could not be finished, which nothing depends on; null: it was. */
export interface Rehearsed {
  readonly races: number;
  readonly micros: number;
  readonly error: string | null;
}

export interface StoredMemory {
  readonly rows: MemoryRows;
  /** Number now of each route number then; 0: gone. */
  readonly newNumber: readonly number[];
  readonly elapsedMs: number;
}

export interface ServicesMessage {
  readonly services: readonly EngineService[];
  readonly memory: MemorySettings;
  readonly rules: RaceRules;
  /** The sets of routes that the kernel has a memory for. */
  readonly masks: readonly number[];
  /** Names of the sets and maps that the kernel has for the thread to write to; it leaves all others. */
  readonly maps: readonly string[];
  /** Domains by service, for what is learnt from answers of name servers. */
  readonly domains: readonly { readonly service: ServiceNumber; readonly names: readonly string[] }[];
  readonly readsDns: boolean;
  /** Whose signalling is read. */
  readonly followed: readonly Followed[];
  readonly signalPorts: readonly ReadPort[];
  readonly callWeights: CallWeights;
  /** Prefixes of name servers whose answers count for all. */
  readonly resolvers: readonly string[];
}

/** From the main thread. `id` comes back in the answer. */
export type RaceRequest = { readonly id: number } & (
  | { readonly kind: 'routes'; readonly routes: readonly EngineRoute[] }
  | { readonly kind: 'facts'; readonly facts: Partial<RouteFacts>; readonly historyPeriod: Micros | null }
  | {
      readonly kind: 'checked';
      readonly route: RouteNumber;
      readonly family: Family;
      readonly answered: boolean;
    }
  /** The next hop of a route that nobody uses has answered. */
  | { readonly kind: 'probed'; readonly route: RouteNumber; readonly family: Family }
  /** A route that was to be asked itself (`ask-route`) was. */
  | {
      readonly kind: 'asked';
      readonly route: RouteNumber;
      readonly family: Family;
      readonly alive: boolean | null;
    }
  /** Answered when nothing is on its way to sets and maps that are no longer named. */
  | { readonly kind: 'services'; readonly services: ServicesMessage }
  /** They are emptied, and filled again by what is known here. */
  | { readonly kind: 'empty'; readonly parts: readonly KernelPart[] }
  | { readonly kind: 'memory'; readonly from: number; readonly count: number; readonly choices: boolean }
  | { readonly kind: 'snapshot' | 'settle' | 'stop' }
  | {
      readonly kind: 'decisions';
      readonly filter: DecisionFilter;
      readonly limit: number;
      /** Those with smaller numbers alone; null: any. */
      readonly before: number | null;
    }
  /** Those from a number on, the newest of them. */
  | { readonly kind: 'recent'; readonly since: number; readonly most: number }
  | { readonly kind: 'decisions-of'; readonly flows: readonly DecidedFlow[] }
  | { readonly kind: 'what-if'; readonly set: ImaginedSetup }
  /** What is remembered of one destination: answered by a part of memory that has it alone, or nothing. */
  | { readonly kind: 'memory-of'; readonly destination: AddressWords }
  /** Destinations of a part of memory are forgotten: those within a prefix; null: all. */
  | {
      readonly kind: 'forget';
      readonly from: number;
      readonly count: number;
      readonly prefix: MemoryPrefix | null;
    }
  /** Those from a number on that nothing is added to any more; where it is the last time, all. */
  | {
      readonly kind: 'decision-part';
      readonly from: number;
      readonly limit: number;
      readonly isLast: boolean;
    }
);

/** A first packet that nobody has sent. */
export interface ImaginedSetup {
  readonly service: ServiceNumber;
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  readonly port: number;
  readonly protocol: FirstProtocol;
  /** What it says, of UDP. */
  readonly speaks: Spoken | null;
  readonly mayCopy: boolean;
  readonly isLocal: boolean;
}

export interface MemoryPrefix {
  readonly words: AddressWords;
  readonly family: Family;
  readonly length: number;
}

/** To the main thread. `id` 0: unasked. */
export type RaceReply = {
  readonly id: number;
} /** `state-lost`: somebody has removed our table from the kernel. */ /** `seesEntries`: connections that rules have put something on can be raced (front-end.ts). */ & (
  | { readonly kind: 'ready'; readonly seesEntries: boolean; readonly rehearsed: Rehearsed | null }
  | { readonly kind: 'done' | 'state-lost' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** The thread gives up; what it remembers is handed on, unless that is broken, too. */
  | {
      readonly kind: 'ending';
      readonly code: string;
      readonly message: string;
      readonly memory: MemoryRows | null;
    }
  /** Since the last time so many set-ups have gone on by one route, since no copy could leave. */
  | { readonly kind: 'copies-refused'; readonly count: number }
  /** Something was caught at the boundary of the race thread. */
  | { readonly kind: 'broken'; readonly broken: Broken }
  /** A route shall be asked itself whether it is down; answered by `asked`. */
  | { readonly kind: 'ask-route'; readonly route: RouteNumber; readonly family: Family }
  | { readonly kind: 'health'; readonly health: readonly RouteHealth[] }
  | { readonly kind: 'snapshot'; readonly snapshot: RaceSnapshot }
  | { readonly kind: 'memory'; readonly part: MemoryPart }
  | { readonly kind: 'decision-part'; readonly part: DecisionPart; readonly originMs: number }
  | {
      readonly kind: 'decisions';
      readonly decisions: readonly DecisionRecord[];
      /** When the oldest that is remembered was made; null: there is none. */
      readonly oldestAt: Micros | null;
      /** Monotonic time, milliseconds, of the origin of the engine's clock. */
      readonly originMs: number;
    }
  | { readonly kind: 'recent'; readonly recent: RecentDecisions; readonly originMs: number }
  | { readonly kind: 'what-if'; readonly foreseen: Foreseen }
  | {
      readonly kind: 'decisions-of';
      readonly decisions: readonly (DecisionRecord | null)[];
      readonly originMs: number;
    }
  /** `next`: first slot of the next part; -1: there is none. */
  | { readonly kind: 'forgotten'; readonly count: number; readonly next: number }
);

/** Health of one family of a route. */
export interface LaneHealth {
  readonly state: HealthState;
  readonly reason: HealthReason;
  /** Monotonic time, milliseconds. */
  readonly sinceMs: number;
  readonly generation: number;
  /** Generation of what holds only until a route that is away is back. */
  readonly interim: number;
  /** It is away, and what has moved away from it will come back. */
  readonly missed: boolean;
}

export interface RouteHealth {
  readonly route: RouteNumber;
  readonly 4: LaneHealth;
  readonly 6: LaneHealth;
}

/** A part of memory, slot by slot; free slots are among them. */
export interface MemoryPart {
  readonly chunk: MemoryChunk;
  /** Older entries are as good as gone. */
  readonly forgetMicros: Micros;
  /** By slot of the chunk; empty unless they were asked for. */
  readonly best: Uint8Array;
  readonly trusted: Uint8Array;
  /** First slot of the next part; -1: there is none. */
  readonly next: number;
}

/** Calls that were followed. */
export interface CallSnapshot {
  readonly counts: Readonly<Record<CallKind, CallCounts>>;
  /** Packets of signalling that were read; flows that were entered since it named them, and those that could not be. */
  readonly received: number;
  readonly entered: number;
  readonly refused: number;
}

/** Counters of the thread. Those of times are shared memory: they go on counting. */
export interface RaceSnapshot {
  readonly engine: EngineCounters;
  readonly dropped: Float64Array;
  readonly stale: number;
  readonly undecodable: number;
  /** How often new connections were left to the kernel because more packets came than could be handled. */
  readonly overloads: number;
  /** Errors caught at the boundary around a packet, an event, a message. */
  readonly broken: number;
  readonly received: { readonly lan: number; readonly wan: number };
  readonly calls: CallSnapshot;
  readonly health: readonly RouteHealth[];
  /** Means for `fastest-history`, by route number. */
  readonly history: Float64Array;
  readonly sessions: Float64Array;
  readonly memory: {
    readonly destinations: number;
    readonly trusted: number;
    readonly inKernel: number;
    readonly size: number;
    readonly evicted: number;
    /** Elements that the kernel has no room for. */
    readonly refused: number;
  };
  /** Entries of the connection table that races have won, and elements of sets and maps. */
  readonly written: {
    /** `taken`: another flow has their ends. */
    readonly entries: { readonly written: number; readonly taken: number };
    /** `refused`: by the kernel, whose sets are full; `overflowed`: more waited than may. */
    readonly elements: Readonly<Record<'written' | 'refused' | 'overflowed' | 'waiting', number>>;
  };
  /** Slots of the table of races: those that are taken, undecided or not, and all. */
  readonly slots: { readonly taken: number; readonly all: number };
  /** How late the thread's event loop was (loop-delay.ts); the memory is shared. */
  readonly delay: Float64Array;
  /** Errors of the registry that the thread has made. */
  readonly errors: ErrorCounts;
}
