/** How fast one client may start races: one rule, which nft applies before the queue, and the engine to what reaches it. */
import type { LimitsConfig } from './config.js';

/** A token bucket: so many in a second, and so many at once. */
export interface ClientRate {
  readonly perSecond: number;
  readonly burst: number;
}

export function clientRate(limits: LimitsConfig): ClientRate {
  return { perSecond: limits.raceRatePerClient, burst: limits.raceBurstPerClient };
}
