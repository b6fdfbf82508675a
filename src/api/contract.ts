/** What the control socket answers: the one contract of CLI, other tools and the page. */
import type { ConfigChange, ConnectionEffect } from '../model/config-change.js';

export type { ConfigChange, ConnectionEffect };

/**
 * `up`: new connections use it. `suspect`: it did not answer lately, or has just come back; races may use it, memory and
 * criteria do not. `down`: not used. `draining`: keeps what it has, takes nothing new. `disabled`: not used by command.
 */
export type RouteState = 'up' | 'suspect' | 'down' | 'draining' | 'disabled';

export interface RouteStatus {
  readonly name: string;
  readonly state: RouteState;
  /** Machine-readable, for example `no-carrier`, `no-address`, `silent`, `checks-failed`, `returned`, `by-command`. */
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
  /** Bytes of this calendar month; `bytes` is null without a quota. */
  readonly quota: { readonly used: number; readonly bytes: number | null };
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
}

/** A command on one route. */
export type RouteCommand = 'drain' | 'undrain' | 'kill' | 'disable' | 'enable';

export interface RouteCommandReport {
  readonly route: string;
  readonly state: RouteState;
  /** Flows that were cut. */
  readonly cut: number;
}

export interface Status {
  readonly version: string;
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
    readonly single: Readonly<Record<string, number>>;
  };
  readonly fastPath: FastPathStatus;
  /** Packets dropped and ignored, by reason, plus what the queues carried. */
  readonly packets: {
    readonly dropped: Readonly<Record<string, number>>;
    readonly ignored: Readonly<Record<string, number>>;
    /** Packets that reached the daemon, per queue, and what the kernel could not hand over. */
    readonly queue: Readonly<Record<string, number>>;
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
  /** What the route answered: `syn-ack`, `rst`, `icmp 3/13`, `silence`, `not-sent`, ... */
  readonly answer: string;
}

/** One decision about one new connection. */
export interface Decision {
  /** ISO 8601, UTC. */
  readonly time: string;
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

/** What the daemon offers to the control socket. */
export interface ControlBackend {
  status(): Promise<Status>;
  /** The recent decisions for an address, or an address and port; newest first. */
  why(address: string, port: number | null): Promise<readonly Decision[]>;
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
