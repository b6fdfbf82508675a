/** What of a new configuration a running gateway can take over. */
import type { GatewayConfig } from '../model/config.js';
import { MAX_ROUTES } from './bounds.js';

/** How many routes a gateway that started with `atStart` can have before it must start again: its tables have this many places. */
export function routeCapacity(atStart: number): number {
  return Math.min(MAX_ROUTES, Math.max(4, atStart + 2));
}

/** Whether it has place for the routes of `config`. */
export function fits({ routes }: GatewayConfig, atStart: number): boolean {
  return routes.length <= routeCapacity(atStart);
}

/** Keys that name each other: when there are too many routes none of them can change alone. */
export const TOGETHER: readonly (string | number)[] = ['lan', 'routes', 'sets', 'services', 'rest'];

/** What a running gateway can take over now: `after`, with the keys that need a restart as in `before`. */
export function mergeLive(
  before: GatewayConfig,
  after: GatewayConfig,
  atStart: number = before.routes.length,
): GatewayConfig {
  const { control, limits, state } = before;
  const kernel = { ...before.kernel, fastPath: after.kernel.fastPath };
  const { size, aggregate, store } = before.memory;
  const memory = { ...after.memory, size, aggregate, store };
  const live = { ...after, control, state, limits, kernel, memory };
  if (fits(after, atStart)) return live;
  const { lan, local, routes, services, rest } = before;
  return { ...live, lan, local, routes, services, rest };
}
