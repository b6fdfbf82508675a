/** An operator's pins: one change after the other, and in the kernel before it is answered. */
import { monotonicMs } from '../kernel/clock.js';
import type { Alignment } from './alignment.js';
import type { GatewayState } from './gateway-state.js';

/** Everything goes by the pins as `change` leaves them. `renew`: works out what follows from them. Throws what `change` throws. */
export async function commandPins(
  alignment: Pick<Alignment, 'enqueue' | 'applyRules'>,
  renew: () => void,
  change: () => void,
): Promise<void> {
  let refused: unknown = null;
  await alignment.enqueue(async () => {
    try {
      // Only now: a reload before it may have taken the route away.
      change();
    } catch (error) {
      refused = error;
      return;
    }
    renew();
    await alignment.applyRules();
  });
  if (refused !== null) throw refused;
}

/** Lets go of what is held no longer. */
export async function letGo(gateway: Pick<GatewayState, 'config' | 'pins' | 'setPins'>): Promise<void> {
  const names = gateway.config.routes.map(({ name }) => name);
  if (!gateway.pins.isDue(monotonicMs(), names)) return;
  await gateway.setPins(() => gateway.pins.expire(monotonicMs(), names));
}
