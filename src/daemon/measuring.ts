/** Takes the measurements that criteria go by, and hands them to the race loop. */
import { readTraffic } from '../kernel/traffic.js';
import type { GatewayConfig } from '../model/config.js';
import type { Meters } from './meters.js';
import type { Numbers } from './numbers.js';
import type { RaceClient } from './race-client.js';

/** Times of checks count for so long where no service says. */
const PERIOD_MS = 60_000;

export function measure(config: GatewayConfig, numbers: Numbers, meters: Meters): void {
  const periods = config.services.filter(({ select }) => select.criterion === 'fastest-probe');
  // There is one time of a route: the service that wants to follow most quickly decides for all.
  const period = periods.length === 0 ? PERIOD_MS : Math.min(...periods.map(({ select }) => select.periodMs));
  const reading = { traffic: readTraffic(), micros: performance.now() * 1000, date: new Date() };
  meters.update(config.routes, numbers, reading, period);
}

/** Both ways: what is measured here goes there, the history of races comes back. */
export async function tellFacts(config: GatewayConfig, { facts }: Meters, race: RaceClient): Promise<void> {
  const { weight, cost, capacity, traffic, used, quota, probe } = facts;
  const period = historyPeriod(config);
  await race.setFacts({ weight, cost, capacity, traffic, used, quota, probe }, period);
  if (period === null) return;
  const { history } = await race.snapshot();
  facts.history.set(history.subarray(0, facts.history.length));
}

/** Microseconds; null: no service goes by history. */
function historyPeriod(config: GatewayConfig): number | null {
  const uses = config.services.filter(({ select }) => select.criterion === 'fastest-history');
  return uses.length === 0 ? null : Math.max(...uses.map(({ select }) => select.periodMs)) * 1000;
}
