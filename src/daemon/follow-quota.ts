/** What is measured, and what follows when a quota is used up or renewed by it. */
import type { GatewayState } from './gateway-state.js';
import { measure, tellFacts } from './measuring.js';

/** True: a quota is used up, or renewed. */
export function takeMeasures({ config, numbers, meters, books }: GatewayState): boolean {
  measure(config, numbers.routes, meters);
  return books.follow();
}

/**
 * Once a second: what was measured goes to whoever chooses by it. `chooseAnew`: tells engine and kernel what routes may be used for.
 */
export async function measured(gateway: GatewayState, chooseAnew: () => Promise<void>): Promise<void> {
  if (takeMeasures(gateway)) await chooseAnew();
  cutFallen(gateway);
  const { config, meters, race } = gateway;
  if (race !== null && !race.hasEnded) await tellFacts(config, meters, race);
}

/** Connections of a route that is down since then are cut as its configuration says, also when a reload has made it so. */
function cutFallen({ config, books, failover }: GatewayState): void {
  for (const route of config.routes) {
    if (books.spent.takeFallen(route.name) && route.onDown === 'reset') failover?.cutReplaceable(route);
  }
}
