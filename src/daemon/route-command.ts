/** An operator's command on a route: one change after the other, and on the disk before it is answered. */
import { unknownName } from '../config/vocabulary.js';
import { monotonicMs } from '../kernel/clock.js';
import type { GatewayConfig, RouteConfig } from '../model/config.js';
import type { Alignment } from './alignment.js';
import type { Admin } from './engine-routes.js';
import type { GatewayState } from './gateway-state.js';

/** What fails of it is done again a second later: it is commanded all the same, and kept. Throws E_ARGUMENT. */
export async function commandRoute(
  gateway: Pick<GatewayState, 'config' | 'commands' | 'books'>,
  alignment: Pick<Alignment, 'enqueue' | 'followCommand'>,
  name: string,
  admin: Admin,
): Promise<void> {
  let refused: unknown = null;
  const work = async (): Promise<void> => {
    try {
      // Only now: a reload before it may have taken the route away, or given it another name.
      routeNamed(gateway.config, name);
    } catch (error) {
      refused = error;
      return;
    }
    gateway.commands.set(name, admin, monotonicMs());
    await alignment.followCommand();
  };
  await alignment.enqueue(work).finally(() => gateway.books.keep());
  if (refused !== null) throw refused;
}

/** Throws E_ARGUMENT for a name that there is not. */
export function routeNamed({ routes }: Pick<GatewayConfig, 'routes'>, name: string): RouteConfig {
  const route = routes.find((one) => one.name === name);
  if (route !== undefined) return route;
  const names = routes.map((one) => one.name);
  throw unknownName('route', name, names);
}
