/**
 * Who goes on as whom when a configuration follows another. A connection rides on an interface and an address, not on a name or a
 * place in a list: so a route of the new file is the one of the old file that had the same. Pure.
 */
import type { GatewayConfig, RouteConfig, ServiceConfig } from '../model/config.js';

/** New names to the old names that they go on for; who is new is in neither. */
export interface Succession {
  readonly routes: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
}

export function succession(before: GatewayConfig, after: GatewayConfig): Succession {
  const routes = pairUp(before.routes, after.routes, ROUTE_TIERS);
  // What a service is but for its name, with its routes under their old ones.
  const bodyOf = (service: ServiceConfig, names: (name: string) => string): string =>
    JSON.stringify({
      ...service,
      name: '',
      select: { ...service.select, routes: service.select.routes.map(names) },
    });
  const services = pairUp(before.services, after.services, [
    (old, now) => old.name === now.name,
    (old, now) => bodyOf(old, (name) => name) === bodyOf(now, (name) => routes.get(name) ?? name),
  ]);
  return { routes, services };
}

/** The pairs of which the names differ: new to old. */
export function renamed(pairs: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...pairs].filter(([now, old]) => now !== old));
}

type Alike<T> = (old: T, now: T) => boolean;

const sameLink: Alike<RouteConfig> = (old, now) => old.interface === now.interface;
const sameAddresses: Alike<RouteConfig> = (old, now) =>
  JSON.stringify(old.addresses) === JSON.stringify(now.addresses);

/** The best likeness first; who has found its pair is out of the question for the next. */
const ROUTE_TIERS: readonly Alike<RouteConfig>[] = [
  (old, now) => old.name === now.name && sameLink(old, now) && sameAddresses(old, now),
  (old, now) => sameLink(old, now) && sameAddresses(old, now),
  (old, now) => old.name === now.name && sameLink(old, now),
  sameLink,
  // On another interface: what has an address that comes along goes on.
  (old, now) => old.name === now.name,
];

function pairUp<T extends { readonly name: string }>(
  before: readonly T[],
  after: readonly T[],
  tiers: readonly Alike<T>[],
): Map<string, string> {
  const pairs = new Map<string, string>();
  const taken = new Set<string>();
  for (const isAlike of tiers) {
    for (const now of after) {
      if (pairs.has(now.name)) continue;
      const old = before.find((one) => !taken.has(one.name) && isAlike(one, now));
      if (old === undefined) continue;
      pairs.set(now.name, old.name);
      taken.add(old.name);
    }
  }
  return pairs;
}
