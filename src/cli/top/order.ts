/** The keys of `pathrace top`: by what the routes are sorted. */
import type { RouteRates } from './sample.js';

/** One order, by the key that chooses it. */
interface Order {
  readonly name: string;
  /** Larger values first; null: the order of the configuration. */
  readonly value: ((one: RouteRates) => number) | null;
}

export const ORDERS: Readonly<Record<string, Order>> = {
  f: { name: 'file', value: null },
  c: { name: 'connections', value: ({ route }) => route.connections },
  w: { name: 'wins', value: ({ winsPerSecond }) => winsPerSecond ?? 0 },
  i: { name: 'in', value: ({ route }) => route.traffic.in },
  o: { name: 'out', value: ({ route }) => route.traffic.out },
};

/** The name of an order as a word of the command line; undefined: there is none. */
export function orderNamed(name: string): string | undefined {
  return Object.keys(ORDERS).find((key) => ORDERS[key].name === name);
}

export function inOrder(routes: readonly RouteRates[], key: string, reverse: boolean): readonly RouteRates[] {
  const value = ORDERS[key]?.value ?? null;
  const sorted = value === null ? [...routes] : [...routes].sort((a, b) => value(b) - value(a));
  return reverse ? sorted.reverse() : sorted;
}
