/** What the control socket answers: the one contract of CLI, other tools and the page. */
import type { CallCounts, CallKind } from '../model/calls.js';
import type { QuotaConfig } from '../model/config.js';
import type { ConfigChange, ConnectionEffect } from '../model/config-change.js';
import type { Exposition } from '../observe/metrics/exposition.js';

export type { ConfigChange, ConnectionEffect };

/**
 * `up`: new connections use it. `suspect`: it did not answer lately, or has just come back; races may use it, memory and
 * criteria do not. `down`: not used. `draining`: keeps what it has, takes nothing new. `disabled`: not used by command.
 */
export type RouteState = 'up' | 'suspect' | 'down' | 'draining' | 'disabled';

export interface QuotaStatus {
  /** Bytes, both directions. */
  readonly used: number;
  /** null: without a quota. */
  readonly bytes: number | null;
  /** What happens when it is used up, and the day of the month on which a period begins. */
  readonly action?: QuotaConfig['action'];
  readonly day?: number;
  /** When the period has begun, and when the next one does; not there while no date is known (the clock has not been set). */
  readonly since?: string;
  readonly until?: string;
  /** Of the midnight at which periods begin, such as `Europe/Berlin`. */
  readonly zone?: string;
  readonly spent?: boolean;
}

export interface RouteStatus {
  readonly name: string;
  readonly state: RouteState;
  /** Machine-readable, for example `no-carrier`, `no-address`, `silent`, `checks-failed`, `returned`, `by-command`, `quota`. */
  readonly reasons: readonly string[];
  /** ISO 8601, UTC: since when it is in this state. */
  readonly since: string;
  readonly interface: string;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  /** Copies sent since start. */
  readonly attempts: number;
  readonly wins: number;
  /** Answers that came after another route had won, and negative answers. */
  readonly losses: number;
  /** Live connections in the kernel's table that this route carries now. */
  readonly connections: number;
  /** Traffic of the last second, bits per second. */
  readonly traffic: { readonly in: number; readonly out: number };
  /** What is used of the billing period, and the quota. */
  readonly quota: QuotaStatus;
  /** Connections that this route left unanswered and another one saved, since start. */
  readonly rescues: number;
  /** The route's own checks: absent without any. */
  readonly check?: {
    readonly ok: boolean;
    readonly rttMicros: number | null;
    readonly lastOk: string | null;
  };
  /** Bytes of the largest packet that passes, by family: absent where nothing smaller than the interface's MTU was found (`mtu: auto`). */
  readonly pathMtu?: { readonly ipv4?: number | undefined; readonly ipv6?: number | undefined };
  /** Busiest pair of source address and server, as a share of its ports; 1 is exhausted. */
  readonly portUse: number;
}

/** What is remembered of one destination. */
export interface MemoryEntry {
  /** Address, or prefix where several addresses make one destination. */
  readonly destination: string;
  readonly routes: Readonly<Record<string, MemoryRoute>>;
  /** The route that memory would choose; null when none has answered. */
  readonly best: string | null;
  /** Recent enough to decide alone. */
  readonly trusted: boolean;
}

export interface MemoryRoute {
  /** Time from sending to the answer, of `slow` at most; null when there was none or it cannot be told. */
  readonly rttMicros: number | null;
  readonly ageSeconds: number;
  /** What was remembered: `answered`, `retransmitted`, `slow`, `intercepted`, `failed`, `silent`. */
  readonly answer: string;
}

/** What a reload would do. */
export interface ReloadPreview {
  readonly changes: readonly ConfigChange[];
  /** What becomes of the connections that are there; nothing is said of those that notice nothing. */
  readonly effects: readonly ConnectionEffect[];
}

/** What a reload did. */
export interface ReloadReport extends ReloadPreview {
  readonly applied: boolean;
  /** Flows that are still to be cut; absent when there are none. */
  readonly left?: number;
}

/** A command on one route. */
export type RouteCommand = 'drain' | 'undrain' | 'kill' | 'disable' | 'enable';

export interface RouteCommandReport extends CutReport {
  readonly route: string;
  readonly state: RouteState;
}

/** Flows that a command cuts. It goes on in the background: `status` tells how far it has come. */
export interface CutReport {
  /** Those that were cut by now. */
  readonly cut: number;
  /** Those that are still to be cut; absent when there are none. */
  readonly left?: number;
}

/** A service, and what has come of it. */
export interface ServiceStatus {
  readonly name: string;
  /** What it matches, how it chooses, which connections stay together: as the file says it, defaults left out. */
  readonly match: string;
  readonly select: string;
  readonly affinity: string;
  /** Its time is now: at others it takes no new connections. */
  readonly active: boolean;
  /** What the kernel does with a new connection of each family by itself, at this moment. */
  readonly plan: { readonly ipv4: ServicePlan; readonly ipv6: ServicePlan };
  /** First packets of new connections that it took, since the gateway first started here. */
  readonly hits: number;
}

/**
 * `race`: copies decide. `memory`: what is remembered does, else copies. `turns`, `hash`, `one`: the kernel, among `routes`.
 * `daemon`: the daemon chooses each. `rest`: as what no service takes. `none`: no route of it carries the family.
 */
export interface ServicePlan {
  readonly kind: 'race' | 'memory' | 'turns' | 'hash' | 'one' | 'daemon' | 'rest' | 'none';
  /** Share of each route, 0 to 1; empty unless the kernel chooses. */
  readonly routes: Readonly<Record<string, number>>;
}

/** The configuration file, and whether what it says is what runs. */
export interface ConfigurationStatus {
  readonly file: string;
  /** ISO 8601, UTC: when it was read last. */
  readonly readAt: string;
  /**
   * `same`: what it says runs. `changed`: it has changed since it was read. `waiting`: it was read, and some of it is not in use
   * before a restart. `gone`: it cannot be read now. `applying`: it was read and is being applied; what this answer shows is what is in
   * force until then. `failed`: it was read and could not be applied; it is tried again.
   */
  readonly state: 'same' | 'changed' | 'waiting' | 'gone' | 'applying' | 'failed';
  /** Keys by which what was read differs from what runs. */
  readonly differences: number;
}

/** By the words of counters.ts; those that are 0 may be left out. */
export type Counts = Readonly<Record<string, number>>;

export interface Status {
  readonly version: string;
  /** Absent: a gateway of an older version. */
  readonly configuration?: ConfigurationStatus;
  /** What an operator should look at, in words; empty when all is well. */
  readonly alarms: readonly string[];
  /** What is right in some networks and a mistake in others: addresses that are not on their interface, a next hop off its subnet. */
  readonly notes: readonly string[];
  readonly memory: {
    readonly destinations: number;
    readonly trusted: number;
    /** Entries that the kernel decides by. */
    readonly inKernel: number;
    readonly size: number;
    readonly evicted: number;
    readonly rescues: number;
  };
  readonly uptimeSeconds: number;
  readonly routes: readonly RouteStatus[];
  readonly races: {
    readonly started: number;
    readonly decided: number;
    readonly failed: number;
    readonly active: number;
    /** New connections that went by one route without a race, by reason. */
    readonly single: Counts;
  };
  /** Calls and streams whose signalling was read, by protocol, since start. Absent: a gateway of an older version. */
  readonly calls?: Readonly<Record<CallKind, CallCounts>>;
  readonly fastPath: FastPathStatus;
  /** Flows cut since start, and those that are being cut: by commands, and since their route is gone. */
  readonly cutting: { readonly cut: number; readonly left: number };
  /** Packets dropped and ignored, by reason, plus what the queues carried. */
  readonly packets: {
    readonly dropped: Counts;
    readonly ignored: Counts;
    /** Packets that reached the daemon, per queue, and what the kernel could not hand over. */
    readonly queue: Counts;
  };
}

/** Whether established flows pass by the rules (`kernel.fastPath`). */
export interface FastPathStatus {
  readonly wanted: 'off' | 'auto';
  readonly state: 'off' | 'on' | 'unavailable';
  /** What the kernel said; null unless it is unavailable. */
  readonly why: string | null;
}

/** One attempt of a decided race, as `why` shows it. */
export interface AttemptReport {
  readonly route: string;
  /** Time from sending to the answer in microseconds; absent when there was none. */
  readonly rttMicros?: number;
  /** What the route answered: `syn-ack`, `rst`, of datagrams `answer` and `no`, `icmp 3/13`, `silence`, `not-sent`, `waited`, ... */
  readonly answer: string;
  /**
   * When its copy left, microseconds from the begin of the race, or, of one that has `waited`, was to leave; negative: the kernel had given
   * the connection to it before. Absent: none left.
   */
  readonly sentMicros?: number;
  /** When its yes came, from the begin of the race; absent: none did. */
  readonly answeredMicros?: number;
  /** Copies that left, where there was more than one. */
  readonly copies?: number;
  /** It was down or in doubt, and asked only to measure it: it could not win. */
  readonly trial?: true;
  /** Its answer came from something on the way, not from the server. */
  readonly intercepted?: true;
}

/** One decision about one new connection. */
export interface Decision {
  /** ISO 8601, UTC: when it was decided; of an open connection that nobody has noted (`by: kernel`), when it was looked at. */
  readonly time: string;
  /** `race`: copies. `daemon`: chosen by the daemon without. `kernel`: by the kernel alone, or longer ago than is remembered. */
  readonly by?: 'race' | 'daemon' | 'kernel';
  /** `tcp`, `udp`, `icmp`, or the number. */
  readonly protocol?: string;
  /** The service that took it; null: none. */
  readonly service?: string | null;
  /** It is open now; absent: it is over, or that was not looked at. */
  readonly open?: true;
  readonly client: string;
  readonly destination: string;
  /** The route that carries it; null when none could. */
  readonly route: string | null;
  readonly criterion: string;
  readonly reasons: readonly string[];
  readonly routes: readonly AttemptReport[];
  /** Its packets pass by the rules at this moment, in a flowtable; absent when they do not. */
  readonly fastPath?: true;
}

/** Which connections `why` is asked about; what is absent may be anything. */
export interface WhyQuery {
  /** Canonical text. */
  readonly address?: string;
  readonly port?: number;
  readonly client?: string;
  /** Names. */
  readonly route?: string;
  readonly service?: string;
  /** Default WHY_LIMIT. */
  readonly limit?: number;
}

/** What the daemon offers to the control socket. */
export interface ControlBackend {
  /** Text of all metrics, in the form that a request's `Accept` prefers; absent: there are none to show. */
  metrics?(accept: string | undefined): Promise<Exposition>;
  status(): Promise<Status>;
  /** The same, of the routes alone. */
  routes(): Promise<readonly RouteStatus[]>;
  /** In the order in which they match. */
  services(): Promise<readonly ServiceStatus[]>;
  /** Recent decisions and open connections; newest first. Throws E_ARGUMENT for a route or service that there is not. */
  why(query: WhyQuery): Promise<readonly Decision[]>;
  /** Destinations in the order of their last use, newest first; at most `limit`, and only those within `prefix`. */
  memory(limit: number, prefix: string | null): Promise<readonly MemoryEntry[]>;
  /** Throws E_ARGUMENT when there is no such route. */
  route(name: string, command: RouteCommand): Promise<RouteCommandReport>;
  /** Reads the configuration file again. A bad one throws E_CONFIG_INVALID (a ConfigError) and changes nothing. */
  reload(): Promise<ReloadReport>;
  /** What a reload would do if this text were its file. A bad one throws E_CONFIG_INVALID. */
  preview(text: string): Promise<ReloadPreview>;
  /** The configuration now in use: a GatewayConfig, as plain JSON values. */
  config(): Promise<unknown>;
}
