/** Brings the engine what can be found out about routes besides traffic: whether they are down, and whether those that nobody uses are back. */
import type { Marks } from '../kernel/marks.js';
import type { Family } from '../model/address.js';
import type { GatewayState } from './gateway-state.js';
import { RouteAsker } from './route-asker.js';

export const PROBE_MS = 5000;
/** Rounds between two questions to a route that stays silent, at most. */
const MOST_ROUNDS = 12;

export class Prober {
  private readonly asker: RouteAsker;
  /** BOUNDED: two per route that is suspect. */
  private readonly asked = new Map<number, { wait: number; left: number }>();

  constructor(
    private readonly gateway: GatewayState,
    marks: () => Marks,
  ) {
    this.asker = new RouteAsker({
      marks,
      routes: () => gateway.routes,
      health: () => gateway.health,
      talks: async (family) => (await gateway.flows?.talks(family)) ?? new Map(),
    });
  }

  /** The engine wants to know whether a route is down; what fails says nothing. */
  ask(route: number, family: Family): void {
    this.asker
      .ask(route, family)
      .catch(() => null)
      .then((alive) => this.gateway.race?.asked(route, family, alive))
      .catch(() => undefined);
  }

  /**
   * Asks routes that are suspect, where there is no traffic that proves them: their next hops, and those that were silent themselves, since
   * what was silent lies beyond.
   */
  async probe(): Promise<void> {
    const lanes = this.gateway.health.flatMap((lanes) =>
      ([4, 6] as const)
        .filter((family) => lanes[family].state === 'suspect')
        .map((family) => ({ route: lanes.route, family, reason: lanes[family].reason })),
    );
    this.forgetAllBut(lanes);
    await Promise.all(
      lanes.map(async ({ route, family, reason }) => {
        if (await this.asker.probe(route, family)) await this.gateway.race?.probed(route, family);
        const wasSilent = reason === 'silent' || reason === 'rescued';
        if (!wasSilent || !this.isDue(keyOf(route, family))) return;
        if (await this.asker.ask(route, family)) await this.gateway.race?.asked(route, family, true);
      }),
    );
  }

  /** After one round, two, four, ...: a route may be silent for long. */
  private isDue(key: number): boolean {
    const { wait, left } = this.asked.get(key) ?? { wait: 1, left: 0 };
    if (left > 0) this.asked.set(key, { wait, left: left - 1 });
    else this.asked.set(key, { wait: Math.min(2 * wait, MOST_ROUNDS), left: wait - 1 });
    return left === 0;
  }

  private forgetAllBut(lanes: readonly { route: number; family: Family }[]): void {
    const suspect = new Set(lanes.map(({ route, family }) => keyOf(route, family)));
    for (const key of this.asked.keys()) if (!suspect.has(key)) this.asked.delete(key);
  }
}

function keyOf(route: number, family: Family): number {
  return route * 8 + family;
}
