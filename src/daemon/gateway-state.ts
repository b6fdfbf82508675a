/** The parts of a running gateway that its commands and reports need. */
import type { FastPathReport } from '../kernel/fast-path.js';
import type { Flows } from '../kernel/flows.js';
import type { RouteHealth } from '../kernel/race-messages.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import type { GatewayConfig } from '../model/config.js';
import type { Books } from './books.js';
import type { Checker } from './checker.js';
import type { Commands } from './commands.js';
import type { Admin } from './engine-routes.js';
import type { Failover } from './failover.js';
import type { Meters } from './meters.js';
import type { Numbers } from './numbers.js';
import type { PathWatch } from './path-watch.js';
import type { Pins } from './pins.js';
import type { PortWatch } from './port-watch.js';
import type { RaceClient } from './race-client.js';
import type { Reloading } from './reloading.js';

export interface GatewayState {
  /** Monotonic time, as all times here. */
  readonly startedAt: number;
  readonly config: GatewayConfig;
  readonly routes: readonly ResolvedRoute[];
  readonly health: readonly RouteHealth[];
  readonly race: RaceClient | null;
  readonly flows: Flows | null;
  readonly fastPath: FastPathReport;
  readonly failover: Failover | null;
  readonly ports: PortWatch | null;
  readonly paths: PathWatch;
  readonly meters: Meters;
  readonly checker: Checker;
  readonly numbers: { readonly routes: Numbers; readonly services: Numbers };
  readonly commands: Commands;
  readonly pins: Pins;
  readonly books: Books;
  readonly upkeep: { alarms(): string[] };
  readonly guard: { look(): void; alarms(nowMs: number): string[] };
  /** Errors of ours that were caught in this thread, since start. */
  readonly boundary: { readonly count: number };
  /** What does not work at the moment, or has not for a while, in words. */
  troubles(): string[];
  /** Interfaces of the LAN that are missing, and such things, in words; they are among the troubles. */
  presenceAlarms(): string[];
  /** What is right in some networks and a mistake in others, in words. */
  notes(): string[];
  /** What keeps new connections from a route, or not: a command, or its quota. */
  adminOf(name: string): Admin;
  /** Whether a route is a last resort until its quota is renewed. */
  isSpent(name: string): boolean;
  /** Applies an operator's command on a route; connections that it has are the caller's business. Throws E_ARGUMENT. */
  setAdmin(name: string, admin: Admin): Promise<void>;
  /** Everything goes by the pins as `change` leaves them. Throws what that throws. */
  setPins(change: () => void): Promise<void>;
  readonly reloading: Reloading;
}
