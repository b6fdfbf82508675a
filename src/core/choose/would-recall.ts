/**
 * What memory would say of a destination to a connection that began now, whichever service it is of: for people who ask. It decides for
 * the routes that a service races over, as `rememberedRoute` and `tellKernel` have it: one that nobody asks, a last resort beside others or another
 * service's own, leaves nothing open.
 */
import type { Family } from '../../model/address.js';
import type { Micros, RouteNumber } from '../engine-types.js';
import { TIMES } from '../memory/times.js';
import type { Shard } from '../shard.js';
import type { Site } from '../site.js';
import { lastingRoutes, openRoutes } from './candidates.js';
import { OF_PAYLOADS } from './services.js';

/** As the routes are now: made once, and then asked about many destinations. */
export interface Recalling {
  readonly sets: readonly RacedSet[];
  /** Bits of the routes that later connections may be bound to, and of those that may be used at all without asking. */
  readonly lasting: ByFamily;
  readonly open: ByFamily;
}

/** Routes that some service races over. */
interface RacedSet {
  /** Its memory in the kernel; -1: there is none. */
  readonly view: number;
  readonly isOfPayloads: boolean;
  readonly lasting: ByFamily;
}

type ByFamily = { readonly [family in Family]: number };

export function recalling(site: Site): Recalling {
  const masks = new Map<number, number>();
  for (const service of site.services)
    if (service?.criterion === 'race' && service.routes.length > 1) masks.set(service.view, service.mask);
  const lasting = (mask: number): ByFamily => ({
    4: lastingRoutes(site, mask, 4),
    6: lastingRoutes(site, mask, 6),
  });
  const sets = [...masks].map(([view, mask]) => ({
    view: site.masks.indexOf(view),
    isOfPayloads: (view & OF_PAYLOADS) !== 0,
    lasting: lasting(mask),
  }));
  return { sets, lasting: lasting(-1), open: { 4: openRoutes(site, -1, 4), 6: openRoutes(site, -1, 6) } };
}

/** The route that it would go by, by memory alone; 0: it would be raced. */
export function recalledRoute(
  { memorySettings }: Site,
  { memory, kernelCopy }: Shard,
  { sets }: Recalling,
  slot: number,
  now: Micros,
): RouteNumber {
  const { trustMicros } = memorySettings;
  const family = memory.familyOf(slot);
  const times = memory.times[slot];
  for (const { view, isOfPayloads, lasting } of sets) {
    const isTheirs = isOfPayloads ? times !== TIMES.CONNECT : times !== TIMES.PAYLOAD;
    if (!isTheirs || memory.expiry(slot, lasting[family], now, trustMicros) <= now) continue;
    // One that is as good stays in the kernel.
    const told = view < 0 ? 0 : kernelCopy.routeOf(slot, view, now);
    return told || memory.best(slot, lasting[family], now, trustMicros);
  }
  return 0;
}

/** The best of what is known, also where that is too little to decide. */
export function bestKnown(
  { memorySettings: { forgetMicros } }: Site,
  { memory }: Shard,
  { lasting, open }: Recalling,
  slot: number,
  now: Micros,
): RouteNumber {
  const family = memory.familyOf(slot);
  return (
    memory.best(slot, lasting[family], now, forgetMicros) ||
    memory.best(slot, open[family], now, forgetMicros)
  );
}
