/** Services as the engine keeps them, with the state of their criteria. */
import type { EngineService, MemorySettings, RouteNumber } from '../engine-types.js';
import { MAX_VIEWS } from '../memory/kernel-copy.js';
import type { ActiveService } from '../site.js';
import { CRITERION_KINDS } from './criteria/index.js';

type Chosen = keyof typeof CRITERION_KINDS;

/** Makes a service ready; one that is as before keeps its turns. */
export function activate(
  service: EngineService,
  before: readonly (ActiveService | undefined)[] = [],
): ActiveService {
  const old = before[service.number];
  const kind = service.criterion in CRITERION_KINDS ? CRITERION_KINDS[service.criterion as Chosen] : null;
  const same =
    old !== undefined &&
    old.criterion === service.criterion &&
    old.threshold === service.threshold &&
    old.by === service.by;
  const chooser = same
    ? old.chooser
    : (kind?.create({ threshold: service.threshold, by: service.by }) ?? null);
  return { ...service, chooser, mask: bitsOf(service.routes), view: viewOf(service) };
}

/** A set of routes as bits: what names the kernel's memory of the services that race over just these. */
export function bitsOf(routes: readonly RouteNumber[]): number {
  return routes.reduce((bits, route) => bits | (1 << route), 0);
}

/** Beside a set of routes, in the name of the kernel's memory of them: it is of first payloads. No route has this bit. */
export const OF_PAYLOADS = 1;

/** What names the kernel's memory of a service. */
export function viewOf({ routes, win }: Pick<EngineService, 'routes' | 'win'>): number {
  return bitsOf(routes) | (win === 'first-payload' ? OF_PAYLOADS : 0);
}

/** The sets of routes that need a memory in the kernel: the most used ones first, no more than it has room for. */
export function masksOf(services: readonly EngineService[], memory: MemorySettings): number[] {
  if (memory.trustMicros === 0) return [];
  const uses = new Map<number, number>();
  for (const service of services) {
    if (service.criterion !== 'race' || service.routes.length < 2) continue;
    const mask = viewOf(service);
    uses.set(mask, (uses.get(mask) ?? 0) + 1);
  }
  return [...uses]
    .sort(([a, m], [b, n]) => n - m || a - b)
    .slice(0, MAX_VIEWS)
    .map(([mask]) => mask);
}
