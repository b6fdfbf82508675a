/** An operator's pins: one change after the other, in the kernel and on the disk before it is answered. */
import { monotonicMs } from '../kernel/clock.js';
import type { Alignment } from './alignment.js';
import type { GatewayState } from './gateway-state.js';

/**
 * Everything goes by the pins as `change` leaves them. `renew`: works out what follows from them. What fails of that is done again a second
 * later: it is commanded all the same, and kept. Throws what `change` throws.
 */
export async function commandPins(
  gateway: Pick<GatewayState, 'books'>,
  alignment: Pick<Alignment, 'enqueue' | 'applyRules'>,
  renew: () => void,
  change: () => void,
): Promise<void> {
  let refused: unknown = null;
  const work = async (): Promise<void> => {
    try {
      // Only now: a reload before it may have taken the route away.
      change();
    } catch (error) {
      refused = error;
      return;
    }
    renew();
    await alignment.applyRules();
  };
  await alignment.enqueue(work).finally(() => gateway.books.keep());
  if (refused !== null) throw refused;
}

/** Lets go of what is held no longer. */
export async function letGo(
  gateway: Pick<GatewayState, 'config' | 'pins' | 'setPins' | 'books'>,
): Promise<void> {
  const names = gateway.config.routes.map(({ name }) => name);
  const dateMs = gateway.books.accounts.dateAt(monotonicMs());
  if (dateMs !== null) gateway.pins.settle(monotonicMs(), dateMs);
  if (!gateway.pins.isDue(monotonicMs(), names)) return;
  await gateway.setPins(() => gateway.pins.expire(monotonicMs(), names));
}
