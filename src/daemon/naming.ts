/** Names and numbers of routes and services when a configuration follows another: what is kept by a name goes on under the new one. */
import { renamed, type Succession } from '../config/succession.js';
import type { GatewayConfig } from '../model/config.js';
import type { Books } from './books.js';
import type { Commands } from './commands.js';
import type { Failover } from './failover.js';
import type { Numbers } from './numbers.js';
import type { PathWatch } from './path-watch.js';
import type { Pins } from './pins.js';

export interface Named {
  readonly numbers: { readonly routes: Numbers; readonly services: Numbers };
  readonly commands: Commands;
  readonly pins: Pins;
  readonly books: Books;
  readonly paths: PathWatch;
  readonly failover: Failover | null;
}

/** Everything that must be undone with a configuration that cannot be applied. */
export function followNames(
  { numbers, commands, pins }: Named,
  live: GatewayConfig,
  { routes, services }: Succession,
): () => void {
  const undo = [numbers.routes.keep(), numbers.services.keep(), commands.keep(), pins.keep()];
  numbers.routes.follow(renamed(routes));
  numbers.services.follow(renamed(services));
  for (const [name, old] of replaced(live, routes)) {
    commands.follow(name, old);
    pins.follow(name, old);
  }
  return () => {
    for (const one of undo) one();
  };
}

/** The rest, once the configuration is in force. */
export function settleNames(
  { books, paths, failover }: Named,
  live: GatewayConfig,
  { routes }: Succession,
): void {
  const moved = renamed(routes);
  // All are read before one is written: two may have changed places.
  const found = [...moved].map(([name, old]) => [name, paths.found(old)] as const);
  for (const [name, sizes] of found) if (sizes !== null) paths.recall(name, sizes);
  for (const [name, old] of replaced(live, routes)) books.accounts.follow(name, old);
  failover?.rename(moved);
}

/** Names that are new for others that are gone: what an operator says by a name stays with it where both are there still. */
function replaced(live: GatewayConfig, routes: ReadonlyMap<string, string>): [string, string][] {
  return [...renamed(routes)].filter(([, old]) => !live.routes.some(({ name }) => name === old));
}
