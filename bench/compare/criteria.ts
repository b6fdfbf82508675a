/** The criteria that choose without a race, as the rate of each is measured: routes equal but for what the criterion looks at. */
import type { ConfigOverrides } from '../../lab/index.js';
import { selecting } from './subjects.js';

export interface NamedConfig {
  readonly name: string;
  readonly config: ConfigOverrides;
}

/** For three routes `a`, `b`, `c`; `probe` is an address beyond all next hops that answers a ping. */
export function criteriaConfigs(probe: string): NamedConfig[] {
  const each = (keys: Record<string, unknown>, b = {}, c = {}) => ({
    routes: { a: keys, b: { ...keys, ...b }, c: { ...keys, ...c } },
  });
  const equal = each({});
  const loads = each({ capacity: '10gbit' });
  const probes = each({ check: { targets: [`ping ${probe}`], interval: '1s' } });
  return [
    { name: 'round-robin', config: selecting('round-robin', equal) },
    { name: 'weighted', config: selecting('weighted', each({ weight: 5 }, { weight: 3 }, { weight: 2 })) },
    { name: 'least-connections', config: selecting('least-connections', equal) },
    { name: 'least-traffic', config: selecting('least-traffic', loads) },
    { name: 'least-weighted-load', config: selecting('least-weighted-load', loads) },
    { name: 'fastest-probe', config: selecting('fastest-probe', probes) },
    { name: 'fastest-history', config: selecting('fastest-history', equal) },
    { name: 'cheapest', config: selecting('cheapest', each({ cost: 1 }, { cost: 2 }, { cost: 3 })) },
    { name: 'priority', config: selecting('priority', equal) },
    { name: 'spillover', config: selecting('spillover', loads) },
    { name: 'hash', config: selecting('hash', equal) },
  ];
}
