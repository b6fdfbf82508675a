/** Ways to choose in which the gateway stands between clients and providers, with what an operator has besides. */
import type { ConfigOverrides } from '../../../lab/index.js';

export const WAYS: Readonly<Record<string, ConfigOverrides>> = {
  race: selecting('race', { trust: '0s' }),
  'race, with memory': selecting('race', { trust: '10m' }),
  turns: selecting('round-robin'),
  loads: selecting('least-connections'),
};

function selecting(select: string, memory: object = {}): ConfigOverrides {
  return { services: [{ name: 'all', match: { tcp: 'any' }, select }], memory };
}
