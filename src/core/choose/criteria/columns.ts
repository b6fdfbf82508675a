/** What a criterion keeps per route: a column of numbers, indexed by route number as the facts are. */
import type { RouteNumber } from '../../engine-types.js';
import type { Candidates } from '../criterion.js';

/** `Candidates` holds route numbers in bytes. */
const ROUTE_NUMBERS = 256;

export function createColumn(): Float64Array {
  return new Float64Array(ROUTE_NUMBERS);
}

/** Columns as they are now; call it to have that back. */
export function keepColumns(...columns: readonly Float64Array[]): () => void {
  const kept = columns.map((column) => column.slice());
  return () => {
    for (const [i, column] of columns.entries()) column.set(kept[i]);
  };
}

/** A set of candidates that a criterion fills itself. Empty until then. */
export function createSubset(): Candidates {
  return { routes: new Uint8Array(ROUTE_NUMBERS), count: 0 };
}

/** A copy, for a plan. */
export function listOf({ routes, count }: Candidates): RouteNumber[] {
  return Array.from(routes.subarray(0, count));
}

/** A weight as the configuration allows it, a whole number from 1 to 1000, whatever the facts say. */
export function weightOf(weights: Float64Array, route: RouteNumber): number {
  const weight = Math.round(weights[route]);
  return weight >= 1 ? Math.min(weight, 1000) : 1;
}
