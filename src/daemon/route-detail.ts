/** A route in all that is known of it: its state and what that follows from, and its counters over time. */
import type { RouteDetail, RouteLane, RouteStatus } from '../api/contract.js';
import { dateText } from '../kernel/clock.js';
import type { RaceSnapshot } from '../kernel/race-messages.js';
import { isFresh } from '../kernel/routes.js';
import { PathraceError } from '../model/errors.js';
import type { GatewayState } from './gateway-state.js';
import { routeStatus } from './report.js';
import type { Samples } from './samples.js';

/** Throws E_NOT_FOUND. */
export function routeDetail(
  gateway: GatewayState,
  snapshot: RaceSnapshot,
  samples: Samples,
  name: string,
): RouteDetail {
  const status = routeStatus(gateway, snapshot).find((route) => route.name === name);
  const config = gateway.config.routes.find((route) => route.name === name);
  if (status === undefined || config === undefined) {
    const names = gateway.config.routes.map((route) => route.name);
    throw new PathraceError('E_NOT_FOUND', 'There is no route of this name.', {
      found: JSON.stringify(name),
      expected: names.join(', ').slice(0, 600),
    });
  }
  return {
    ...status,
    lastResort: config.lastResort || gateway.isSpent(name),
    weight: config.weight,
    cost: config.cost,
    capacity: config.capacity,
    evidence: evidenceOf(gateway, status),
    ...samples.of(name),
    services: gateway.config.services
      .filter(({ select }) => select.routes.includes(name))
      .map((service) => service.name),
    pins: gateway.pins.on(name),
  };
}

function evidenceOf({ routes, health }: GatewayState, { name }: RouteStatus): RouteLane[] {
  const route = routes.find(({ config }) => config.name === name);
  if (route === undefined) return [];
  const own = health.find((one) => one.route === route.number);
  return ([4, 6] as const).flatMap((family): RouteLane[] => {
    const lane = own?.[family];
    const addressed = family === 4 ? route.ipv4 : route.ipv6;
    if (lane === undefined || (addressed === null && !isCarried(route.config.addresses, family))) return [];
    return [
      {
        family: `ipv${family}`,
        carries: isFresh(addressed),
        addresses: [...(addressed?.addresses ?? [])],
        gateway: addressed?.gateway ?? null,
        state: lane.state,
        reason: lane.reason,
        since: dateText(lane.sinceMs),
      },
    ];
  });
}

/** The configuration names addresses of the family. */
function isCarried(addresses: { readonly ipv4: unknown; readonly ipv6: unknown }, family: 4 | 6): boolean {
  const named = addresses[`ipv${family}`];
  return Array.isArray(named) && named.length > 0;
}
