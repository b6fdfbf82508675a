/**
 * Taking turns: whose turn it is, is who has waited longest. So of two routes that are candidates all the time neither
 * gets two connections more than the other, whichever others come and go, and a route that returns gets one connection at
 * once, not all that it has missed. (A counter modulo the number of candidates does neither.)
 */
import type { RouteNumber } from '../../engine-types.js';
import { createColumn, keepColumns } from './columns.js';

export interface Turns {
  /** Whether `route` has waited longer than `other`. Routes that never had a turn have waited equally long. */
  isBefore(route: RouteNumber, other: RouteNumber): boolean;
  /** The route has had its turn. */
  take(route: RouteNumber): void;
  /** All turns as they are now; call it to have that back. */
  keep(): () => void;
}

export function createTurns(): Turns {
  // Entry 0, which is no route, counts the turns.
  const last = createColumn();
  return {
    isBefore: (route, other) => last[route] < last[other],
    take(route) {
      last[route] = ++last[0];
    },
    keep: () => keepColumns(last),
  };
}
