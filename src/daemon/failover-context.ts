/** What failover sees of the gateway. */
import type { Flows } from '../kernel/flows.js';
import { marksOf } from '../kernel/marks.js';
import { forgetTunnels } from '../kernel/tunnels.js';
import type { Log } from '../observe/log.js';
import type { FailoverContext } from './failover.js';
import type { GatewayState } from './gateway-state.js';
import { isUsable } from './route-changes.js';

export function failoverContext(
  gateway: GatewayState,
  flows: Flows,
  log: Log,
  enqueue: FailoverContext['enqueue'],
): FailoverContext {
  const { routes, services } = gateway.numbers;
  return {
    flows,
    log,
    enqueue,
    routes,
    services,
    config: () => gateway.config,
    isUsable: (route, family) => isUsable(gateway, route, family),
    resolved: () => gateway.routes,
    isEnabled: (name) => gateway.adminOf(name) === 'enabled' && !gateway.isSpent(name),
    isSpent: (name) => gateway.isSpent(name),
    forgetTunnels: (family, numbers) => forgetTunnels(marksOf(gateway.config.kernel.mark), family, numbers),
  };
}
