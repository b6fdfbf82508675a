/** Brings the engine what can be found out about routes besides traffic: whether they are down, and whether those that nobody uses are back. */
import type { Marks } from '../kernel/marks.js';
import type { Family } from '../model/address.js';
import type { GatewayState } from './gateway-state.js';
import { RouteAsker } from './route-asker.js';

export const PROBE_MS = 5000;

export class Prober {
  private readonly asker: RouteAsker;

  constructor(
    private readonly gateway: GatewayState,
    marks: () => Marks,
  ) {
    this.asker = new RouteAsker({
      marks,
      routes: () => gateway.routes,
      health: () => gateway.health,
      talks: (family) => gateway.flows?.talks(family) ?? new Map(),
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

  /** Asks the next hops of routes that are suspect: where there is no traffic nothing else proves them. */
  async probe(): Promise<void> {
    const lanes = this.gateway.health.flatMap((lanes) =>
      ([4, 6] as const)
        .filter((family) => lanes[family].state === 'suspect')
        .map((family) => ({ route: lanes.route, family })),
    );
    const answers = await Promise.all(
      lanes.map(async (lane) => ({ ...lane, answered: await this.asker.probe(lane.route, lane.family) })),
    );
    for (const { route, family, answered } of answers)
      if (answered) await this.gateway.race?.probed(route, family);
  }
}
