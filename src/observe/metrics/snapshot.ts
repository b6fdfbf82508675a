/** What a scrape shows: figures of one moment, made by the daemon. Records have a field for every word that there can be. */

export interface MetricsSnapshot {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly cpuSeconds: { readonly user: number; readonly system: number };
  readonly residentBytes: number;
  /** Cells of one histogram each: how late the event loops of the threads were. */
  readonly loops: Readonly<Record<'main' | 'race', Float64Array>>;
  /** By code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Bugs that were caught at a boundary. */
  readonly caught: number;
  readonly alarms: number;
  readonly fastPath: boolean;
  /** Lines of the log: without a reader, and left out since there were too many of their kind. */
  readonly linesLost: { readonly unread: number; readonly limited: number };
  readonly decisionLog: { readonly written: number; readonly missed: number };
  readonly routes: readonly RouteFigures[];
  readonly services: readonly ServiceFigures[];
  readonly times: Times;
  readonly races: {
    readonly active: number;
    readonly slots: { readonly taken: number; readonly all: number };
    /** By the words of OUTCOME_REASONS and SINGLE_REASONS. */
    readonly outcomes: Readonly<Record<string, number>>;
    readonly single: Readonly<Record<string, number>>;
  };
  /** New connections by who has chosen their routes. */
  readonly tiers: Readonly<Record<'kernel' | 'daemon' | 'race', number>>;
  readonly memory: {
    readonly destinations: number;
    readonly trusted: number;
    readonly inKernel: number;
    readonly size: number;
    readonly evicted: number;
    readonly hits: Readonly<Record<'kernel' | 'daemon', number>>;
  };
  /** Packets by the words of `status`. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly ignored: Readonly<Record<string, number>>;
  readonly queues: Readonly<Record<'lan' | 'wan', QueueFigures>>;
  readonly queueSize: number;
  readonly overloadPauses: number;
  readonly entries: Readonly<Record<'written' | 'taken', number>>;
  readonly elements: Readonly<Record<'written' | 'refused' | 'overflowed' | 'waiting', number>>;
  readonly cutting: { readonly cut: number; readonly left: number };
  readonly calls: {
    /** By the words of CALL_KINDS. */
    readonly kinds: Readonly<
      Record<string, { readonly started: number; readonly ended: number; readonly active: number }>
    >;
    readonly packets: number;
    readonly flows: Readonly<Record<'entered' | 'refused', number>>;
  };
}

export interface QueueFigures {
  readonly received: number;
  readonly waiting: number;
  readonly overflow: number;
}

export interface RouteFigures {
  readonly name: string;
  /** A word of ROUTE_STATES. */
  readonly state: string;
  /** Of the families that it carries, whether they are up. */
  readonly families: Readonly<Partial<Record<'ipv4' | 'ipv6', boolean>>>;
  readonly attempts: number;
  readonly losses: number;
  readonly negatives: number;
  readonly rescues: number;
  readonly connections: number;
  /** Bits a second. */
  readonly traffic: { readonly in: number; readonly out: number };
  /** Share of the ports of its busiest pair of address and server. */
  readonly portUse: number;
  /** Bytes of the period; the quota, null: none. */
  readonly used: number;
  readonly quota: number | null;
  readonly isSpent: boolean;
  /** null: it has no checks, or none has ended. */
  readonly check: { readonly ok: boolean; readonly rttMicros: number | null } | null;
}

export const ROUTE_STATES = ['up', 'suspect', 'down', 'draining', 'disabled'] as const;

export interface ServiceFigures {
  readonly name: string;
  readonly races: number;
  /** First packets that it took, those that the kernel has given a route by itself, and those whose destination it remembered. */
  readonly hits: number;
  readonly byKernel: number;
  readonly remembered: number;
}

/** Histograms by route and service, and where each begins in the cells. */
export interface Times {
  readonly answers: Float64Array;
  readonly decisions: Float64Array;
  readonly rows: readonly { readonly route: string; readonly service: string; readonly at: number }[];
}
