/** Two routes with the same address, as with two boxes of the same kind: answers must be told apart by where they come in. */
import type { EngineRoute } from '../core/engine-types.js';
import { formatAddress } from '../model/address.js';

/** Whether two routes translate to an address in common. */
export function haveSharedAddress(routes: readonly EngineRoute[]): boolean {
  for (const family of [4, 6] as const) {
    const seen = new Set<string>();
    for (const { addresses, translate } of routes) {
      const pool = addresses[family];
      for (let at = 0; translate && at < pool.length; at += 4) {
        const address = formatAddress(pool, at);
        if (seen.has(address)) return true;
        seen.add(address);
      }
    }
  }
  return false;
}
