/** Who stands between clients and providers, with what an operator has besides: plain kernel NAT, or the gateway in a way to choose. */
import type { ConfigOverrides, Scenario } from '../../../lab/index.js';

export const BESIDE: Scenario = {
  lan: { clients: 2 },
  providers: [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 10 } },
    { name: 'c', link: { delayMs: 15 } },
  ],
  servers: [{ name: 'near' }, { name: 'far' }],
};

export const WAYS: Readonly<Record<string, ConfigOverrides>> = {
  race: selecting('race', { trust: '0s' }),
  'race, with memory': selecting('race', { trust: '10m' }),
  turns: selecting('round-robin'),
  loads: selecting('least-connections'),
};

function selecting(select: string, memory: object = {}): ConfigOverrides {
  return { services: [{ name: 'all', match: { tcp: 'any' }, select }], memory };
}
