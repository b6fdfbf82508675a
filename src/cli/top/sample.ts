/** What changes from one look at the gateway to the next, per second. */
import type { Decision, RouteStatus, Status } from '../../api/contract.js';

/** One look. */
export interface Look {
  /** Milliseconds of a clock that only goes on. */
  readonly atMs: number;
  readonly status: Status;
  /** Newest first. */
  readonly decisions: readonly Decision[];
}

/** A route, with what it did since the look before; null: there was none, or the gateway has started anew. */
export interface RouteRates {
  readonly route: RouteStatus;
  readonly copiesPerSecond: number | null;
  readonly winsPerSecond: number | null;
  /** Of all wins since the look before, 0 to 1; null: there were none. */
  readonly share: number | null;
}

export interface Rates {
  readonly racesPerSecond: number | null;
  /** New connections that the daemon has sent by one route without a race. */
  readonly singlePerSecond: number | null;
  readonly routes: readonly RouteRates[];
}

/** `before`: the look before, if it is of the same run of the gateway. */
export function ratesOf(before: Look | null, now: Look): Rates {
  const seconds = before === null ? 0 : (now.atMs - before.atMs) / 1000;
  const isSame = before !== null && seconds > 0 && before.status.uptimeSeconds <= now.status.uptimeSeconds;
  const old = isSame ? before.status : null;
  const rate = (then: number | undefined, is: number): number | null =>
    then === undefined || is < then ? null : (is - then) / seconds;
  const routes = now.status.routes.map((route) => {
    const then = old?.routes.find(({ name }) => name === route.name);
    return {
      route,
      copiesPerSecond: rate(then?.attempts, route.attempts),
      winsPerSecond: rate(then?.wins, route.wins),
    };
  });
  const wins = routes.reduce((sum, { winsPerSecond }) => sum + (winsPerSecond ?? 0), 0);
  return {
    racesPerSecond: rate(old?.races.started, now.status.races.started),
    singlePerSecond: rate(old === null ? undefined : sumOf(old.races.single), sumOf(now.status.races.single)),
    routes: routes.map((one) => ({
      ...one,
      share: one.winsPerSecond === null || wins === 0 ? null : one.winsPerSecond / wins,
    })),
  };
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
