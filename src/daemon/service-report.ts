/** The services in the words of the contract. */
import type { ServicePlan, ServiceStatus } from '../api/contract.js';
import { serviceTexts } from '../config/diff.js';
import { serviceCounter } from '../kernel/constants.js';
import type { DesiredService, DesiredState } from '../kernel/desired.js';
import { routeOfMark } from '../kernel/marks.js';
import { type GatewayConfig, makesCopies } from '../model/config.js';

/** In the order in which they match. `counters`: packets by the names of the kernel's counters. */
export function serviceStatus(
  config: GatewayConfig,
  desired: DesiredState,
  routeName: (route: number) => string | null,
  counters: ReadonlyMap<string, number>,
): ServiceStatus[] {
  const names = config.routes.map(({ name }) => name);
  return desired.services.map((service) => ({
    name: service.config.name,
    ...serviceTexts(service.config, names),
    active: service.isActive,
    plan: {
      ipv4: planOf(service, 'ipv4', desired, routeName),
      ipv6: planOf(service, 'ipv6', desired, routeName),
    },
    hits: counters.get(serviceCounter(service.number)) ?? 0,
  }));
}

function planOf(
  service: DesiredService,
  family: 'ipv4' | 'ipv6',
  { carried, marks }: DesiredState,
  routeName: (route: number) => string | null,
): ServicePlan {
  const { config, memory } = service;
  const plan = service.plan[family];
  const without = (kind: ServicePlan['kind']): ServicePlan => ({ kind, routes: {} });
  if (config.select.criterion === 'rest') return without('rest');
  if (!carried[family]) return without('none');
  if (plan === null && memory !== 0) return without('memory');
  if (plan === null) return without(makesCopies(config.select.criterion) ? 'race' : 'daemon');
  const shares = new Map<string, number>();
  for (const value of plan.values) {
    const route = routeOfMark(marks, value);
    const name = routeName(route) ?? String(route);
    shares.set(name, (shares.get(name) ?? 0) + 1 / plan.values.length);
  }
  const rounded = [...shares].map(([name, share]): [string, number] => [
    name,
    Math.round(share * 1000) / 1000,
  ]);
  return { kind: plan.kind, routes: Object.fromEntries(rounded) };
}
