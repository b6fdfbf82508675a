/** What the last run has left: memory, quotas, commands, numbers, path MTUs. */
import { readServiceNames } from '../kernel/service-names.js';
import type { Books } from './books.js';
import type { Numbers } from './numbers.js';
import type { PathWatch } from './path-watch.js';
import type { Persistence } from './persistence.js';
import { repeated } from './repeated.js';

export interface Recalled {
  readonly books: Books;
  readonly persistence: Persistence;
  readonly paths: PathWatch;
  readonly numbers: { readonly routes: Numbers; readonly services: Numbers };
}

/** True: the kernel says whose the numbers of services are. `late`: what was read after all has to be followed. */
export async function recall(
  { books, persistence, paths, numbers }: Recalled,
  late: () => Promise<void>,
): Promise<boolean> {
  await books.load(() => persistence.oldRoutes(), late);
  await persistence.load();
  for (const [name, found] of persistence.pathMtus()) paths.recall(name, found);
  numbers.routes.recall(persistence.routeNames);
  const services = await repeated(readServiceNames);
  numbers.services.recall(services?.length ? services : persistence.serviceNames);
  return services !== null;
}
