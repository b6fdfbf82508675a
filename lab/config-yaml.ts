/** A gateway configuration that fits the lab's topology. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { FullProvider, FullScenario } from '../src/sim/scenario.js';
import { uplink } from './plan.js';

export interface ConfigOverrides {
  /**
   * Per provider name: keys that are added to its route or replace what the lab wrote; null leaves the route out. Another name is a route
   * more, with these keys alone.
   */
  routes?: Record<string, Record<string, unknown> | null>;
  /** Any other key of the file, replaced as a whole. */
  [key: string]: unknown;
}

/** Files of one lab get numbers, so that a test can write a second configuration and reload. */
let written = 0;

export function configYaml(
  scenario: FullScenario,
  directory: string,
  control: string,
  overrides: ConfigOverrides = {},
): string {
  const { routes: changes = {}, ...rest } = overrides;
  const routes = scenario.providers
    .filter(({ name }) => changes[name] !== null)
    .map((provider): [string, object] => [provider.name, { ...route(provider), ...changes[provider.name] }]);
  const own = new Set(scenario.providers.map(({ name }) => name));
  for (const [name, more] of Object.entries(changes))
    if (more !== null && !own.has(name)) routes.push([name, more]);
  const config = {
    control,
    lan: ['lan0'],
    routes: Object.fromEntries(routes),
    services: [{ name: 'everything', match: { tcp: 'any' }, select: 'race' }],
    rest: { route: routes[0]?.[0] },
    ...rest,
    // A lab begins with nothing remembered, and leaves nothing.
    memory: { store: 'none', ...((rest.memory as object | undefined) ?? { trust: '0s' }) },
  };
  const path = join(directory, `gateway-${++written}.yaml`);
  writeFileSync(path, stringify(config));
  return path;
}

function route(provider: FullProvider): object {
  const { ipv4, ipv6 } = uplink(provider);
  const gateway = [ipv4?.nextHop, ipv6?.nextHop].filter((hop) => hop !== undefined);
  const addresses = [...(ipv4?.addresses ?? []), ...(ipv6?.addresses ?? [])];
  const base = { interface: provider.interface, gateway };
  return provider.translate ? { ...base, addresses } : { ...base, translate: false };
}
