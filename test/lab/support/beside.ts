/** One lab after the other with the same question: plain kernel NAT, and gateways that choose in different ways. */
import { GROUND } from '../../../lab/beside/index.js';
import { type Lab, plainNat, startLab } from '../../../lab/index.js';
import { GatewayLab } from './gateway-lab.js';

export const RACE = { name: 'all', match: { tcp: 'any' }, select: 'race' };
export const TURNS = { name: 'all', match: { tcp: 'any' }, select: 'round-robin' };

/** Who stands between clients and providers. */
export interface Beside {
  readonly lab: Lab;
  /** null: plain NAT. */
  readonly gateway: GatewayLab | null;
  stop(): Promise<void>;
}

export async function besidePlainNat(): Promise<Beside> {
  const lab = await startLab(GROUND);
  await plainNat(lab, 'a');
  return { lab, gateway: null, stop: () => lab.stop() };
}

/** `more`: further keys of the configuration. */
export async function besideGateway(service: object, memory: object, more: object = {}): Promise<Beside> {
  const made = await GatewayLab.start(GROUND, { config: { services: [service], memory, ...more } });
  return { lab: made.lab, gateway: made, stop: () => made.stop() };
}

/** With rules of the operator, in a table that is removed again. */
export async function withRules<Value>(
  lab: Lab,
  rules: string,
  action: () => Promise<Value>,
): Promise<Value> {
  await lab.gateway.must(['nft', '-f', '-'], { input: `table inet operator {\n${rules}\n}\n` });
  try {
    return await action();
  } finally {
    await lab.gateway.must(['nft', 'delete', 'table', 'inet', 'operator']);
  }
}
