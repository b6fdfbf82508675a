/** What the control socket answers: the one contract of CLI, other tools and the page. */

/** Why a route may or may not be used. */
export type RouteState = 'up' | 'down';

export interface RouteStatus {
  readonly name: string;
  readonly state: RouteState;
  /** Machine-readable, for example `no-carrier`, `no-address`, `no-gateway`, `interface-missing`. */
  readonly reasons: readonly string[];
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
}

export interface Status {
  readonly version: string;
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
  /** Packets dropped and ignored, by reason, plus what the queues carried. */
  readonly packets: {
    readonly dropped: Readonly<Record<string, number>>;
    readonly ignored: Readonly<Record<string, number>>;
    /** Packets that reached the daemon, per queue, and what the kernel could not hand over. */
    readonly queue: Readonly<Record<string, number>>;
  };
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
}

/** What the daemon offers to the control socket. */
export interface ControlBackend {
  status(): Promise<Status>;
  /** The recent decisions for an address, or an address and port; newest first. */
  why(address: string, port: number | null): Promise<readonly Decision[]>;
}
