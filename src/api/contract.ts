/** What the API answers: the one contract of CLI, other tools and the page. The table that says so is `endpoints/`; these are its types. */

import type { RouteCommand } from './paths.js';
import type * as config from './schemas/config.js';
import type * as decision from './schemas/decision.js';
import type * as events from './schemas/events.js';
import type * as flow from './schemas/flow.js';
import type * as memory from './schemas/memory.js';
import type { Problem } from './schemas/problem.js';
import type * as route from './schemas/route.js';
import type * as service from './schemas/service.js';
import type * as session from './schemas/session.js';
import type * as status from './schemas/status.js';
import type * as whatIf from './schemas/what-if.js';
import type { Told } from './told.js';

export type { RouteCommand };

export type RouteState = Told<typeof route.RouteState>;
export type QuotaStatus = Told<typeof route.QuotaStatus>;
export type RouteStatus = Told<typeof route.RouteStatus>;
export type RouteLane = Told<typeof route.RouteLane>;
export type RouteSample = Told<typeof route.RouteSample>;
export type RouteDetail = Told<typeof route.RouteDetail>;
export type RouteCommandReport = Told<typeof route.RouteCommandReport>;
/** Flows that a command cuts. It goes on in the background: `status` tells how far it has come. */
export type CutReport = Pick<RouteCommandReport, 'cut' | 'left'>;

export type ServicePlan = Told<typeof service.ServicePlan>;
export type ServiceStatus = Told<typeof service.ServiceStatus>;

export type AttemptReport = Told<typeof decision.AttemptReport>;
export type Decision = Told<typeof decision.Decision>;
export type DecisionPage = Told<typeof decision.DecisionPage>;
export type DecisionPin = Told<typeof decision.DecisionPin>;
export type PassedService = Told<typeof decision.PassedService>;
export type Outcome = (typeof decision.OUTCOMES)[number];

export type Flow = Told<typeof flow.Flow>;
export type FlowPage = Told<typeof flow.FlowPage>;

export type MemoryRoute = Told<typeof memory.MemoryRoute>;
export type MemoryEntry = Told<typeof memory.MemoryEntry>;
export type ForgetReport = Told<typeof memory.ForgetReport>;
export type Pin = Told<typeof memory.Pin>;
export type PinOrder = Told<typeof memory.PinOrder>;
export type UnpinReport = Told<typeof memory.UnpinReport>;

export type ConfigChange = Told<typeof config.ConfigChange>;
export type ConnectionEffect = Told<typeof config.ConnectionEffect>;
export type ReloadPreview = Told<typeof config.ReloadPreview>;
export type ReloadReport = Told<typeof config.ReloadReport>;
export type ApplyReport = Told<typeof config.ApplyReport>;
export type ValidationReport = Told<typeof config.ValidationReport>;
export type ConfigText = Told<typeof config.ConfigText>;

export type ConfigurationStatus = Told<typeof status.ConfigurationStatus>;
export type FastPathStatus = Told<typeof status.FastPathStatus>;
export type Status = Told<typeof status.Status>;
export type Health = Told<typeof status.Health>;
export type Version = Told<typeof status.Version>;
/** By the words of counters.ts; those that are 0 may be left out. */
export type Counts = Readonly<Record<string, number>>;

export type WhatIf = Told<typeof whatIf.WhatIf>;
export type WhatIfOutcome = Told<typeof whatIf.WhatIfOutcome>;
export type WhatIfRoute = Told<typeof whatIf.WhatIfRoute>;

export type EventName = (typeof events.EVENT_NAMES)[number];
export type DecisionEvent = Told<typeof events.DecisionEvent>;
export type RouteEvent = Told<typeof events.RouteEvent>;
export type AlarmEvent = Told<typeof events.AlarmEvent>;
export type CountersEvent = Told<typeof events.CountersEvent>;
/** By name. */
export interface Events {
  readonly decision: DecisionEvent;
  readonly route: RouteEvent;
  readonly alarm: AlarmEvent;
  readonly counters: CountersEvent;
}

export type Session = Told<typeof session.Session>;
export type SessionOrder = Told<typeof session.SessionOrder>;
/** The body of every answer that says no (RFC 9457). */
export type ProblemAnswer = Told<typeof Problem>;

/** Which connections `why` is asked about; what is absent may be anything. */
export interface WhyQuery {
  /** Canonical text. */
  readonly address?: string;
  readonly port?: number;
  readonly client?: string;
  readonly clientPort?: number;
  readonly protocol?: 'tcp' | 'udp' | 'icmp' | 'icmpv6';
  /** Names. */
  readonly route?: string;
  readonly service?: string;
  /** Default WHY_LIMIT. */
  readonly limit?: number;
}

export interface DecisionQuery {
  readonly destination?: string;
  readonly port?: number;
  readonly client?: string;
  readonly route?: string;
  readonly service?: string;
  readonly outcome?: Outcome;
  readonly cursor?: string;
  /** Default WHY_LIMIT. */
  readonly limit?: number;
}

export interface FlowQuery extends Omit<DecisionQuery, 'outcome' | 'limit'> {
  readonly protocol?: 'tcp' | 'udp' | 'icmp' | 'icmpv6';
  readonly limit: number;
}

export interface WhatIfQuery {
  readonly client: string;
  /** An address, or a name. */
  readonly destination: string;
  readonly port?: number;
  readonly protocol: WhatIf['protocol'];
  readonly dscp?: number;
}

/** Which destinations of memory; what is absent may be anything. */
export interface MemoryFilter {
  readonly best?: string;
  readonly trusted?: boolean;
}

/** What the daemon offers to the API. Addresses and prefixes are canonical text. */
export interface ControlBackend {
  /** Text of all metrics, in the form that a request's `Accept` prefers. */
  metrics(accept: string | undefined): Promise<{ readonly contentType: string; readonly body: Uint8Array }>;
  status(): Promise<Status>;
  /** The same, of the routes alone. */
  routes(): Promise<readonly RouteStatus[]>;
  /** Throws E_NOT_FOUND. */
  routeDetail(name: string): Promise<RouteDetail>;
  health(): Promise<Health>;
  version(): Promise<Pick<Version, 'version' | 'uptimeSeconds'>>;
  /** Throws E_ARGUMENT for names that there are not, and for cursors of something else. */
  decisions(query: DecisionQuery): Promise<DecisionPage>;
  flows(query: FlowQuery): Promise<FlowPage>;
  whatIf(query: WhatIfQuery): Promise<WhatIf>;
  /** In the order in which they match. */
  services(): Promise<readonly ServiceStatus[]>;
  /** Recent decisions and open connections; newest first. Throws E_ARGUMENT for a route or service that there is not. */
  why(query: WhyQuery): Promise<readonly Decision[]>;
  /** Destinations in the order of their last use, newest first; at most `limit`, and only those within `prefix`. */
  memory(limit: number, prefix: string | null, filter?: MemoryFilter): Promise<readonly MemoryEntry[]>;
  /** Forgets what is within a prefix, or the destination that it is within; null: everything. */
  forget(prefix: string | null): Promise<ForgetReport>;
  pins(): Promise<readonly Pin[]>;
  /** Throws E_ARGUMENT when there is no such route, or no room. */
  pin(order: PinOrder): Promise<Pin>;
  /** null: all. */
  unpin(destination: string | null): Promise<UnpinReport>;
  /** Throws E_ARGUMENT when there is no such route. */
  route(name: string, command: RouteCommand): Promise<RouteCommandReport>;
  /** Reads the configuration file again. A bad one throws E_CONFIG_INVALID (a ConfigError) and changes nothing. */
  reload(): Promise<ReloadReport>;
  /** What a reload would do if this text were its file. A bad one throws E_CONFIG_INVALID. */
  preview(text: string): Promise<ReloadPreview>;
  configText(): Promise<ConfigText>;
  /** Says what is wrong, and throws only where nobody could look. */
  validate(text: string): Promise<ValidationReport>;
  /** Writes the file and reloads. `digest`: what the file must be; null: whatever it is. Throws as `reload`, and E_CONFIG_CHANGED. */
  apply(text: string, digest: string | null): Promise<ApplyReport>;
  /** The configuration now in use: a GatewayConfig, as plain JSON values. */
  config(): Promise<unknown>;
}
