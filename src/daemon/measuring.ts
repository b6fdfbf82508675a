/** Takes the measurements that criteria go by, and hands them to the race loop. */
import { monotonicMs } from '../kernel/clock.js';
import { readCounters } from '../kernel/nft-read.js';
import { sharing } from '../kernel/render-usage.js';
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
  const isShared = sharing(config.routes).length > 0;
  const reading = {
    traffic: readTraffic(),
    usage: isShared ? readCounters('bytes') : new Map<string, number>(),
    ...bothClocks(),
  };
  meters.update(config.routes, numbers, reading, period);
}

/** At one moment: what came between is not a step of a clock. */
function bothClocks(): { monotonicMs: number; wallMs: number } {
  for (let attempt = 1; ; attempt++) {
    const before = monotonicMs();
    const wallMs = Date.now();
    if (monotonicMs() - before < 20 || attempt === 5) return { monotonicMs: before, wallMs };
  }
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
