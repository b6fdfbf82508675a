/** What is measured outside the race loop: traffic, the use of quotas, the routes' own checks. */
import { createFacts, type RouteFacts } from '../core/choose/criterion.js';
import type { Rate, TrafficMeter } from '../kernel/traffic.js';
import type { RouteConfig } from '../model/config.js';
import type { Accounts, Reading } from './accounts.js';
import type { Numbers } from './numbers.js';

/** Traffic is averaged over about this long before a criterion sees it: one burst must not move a site. */
const SMOOTHING_MICROS = 5_000_000;

export class Meters {
  readonly facts: RouteFacts;

  private lastAt = 0;
  private rates: ReadonlyMap<string, Rate> = new Map();
  /** Round-trip times of checks within the period, by route. */
  private readonly probes = new Map<string, { at: number; rtt: number }[]>();

  constructor(
    capacity: number,
    private readonly meter: TrafficMeter,
    private readonly accounts: Accounts,
  ) {
    this.facts = createFacts(capacity);
  }

  /** Takes a reading. `probePeriodMs`: how long a check's time counts. */
  update(routes: readonly RouteConfig[], numbers: Numbers, reading: Reading, probePeriodMs: number): void {
    const { facts, accounts } = this;
    const { monotonicMs } = reading;
    const micros = monotonicMs * 1000;
    accounts.charge(routes, numbers, reading);
    this.rates = this.meter.update(reading.traffic, micros);
    const share = this.lastAt === 0 ? 1 : 1 - Math.exp((this.lastAt - micros) / SMOOTHING_MICROS);
    this.lastAt = micros;
    for (const route of routes) {
      const number = numbers.of(route.name);
      const rate = this.rateOf(route);
      facts.weight[number] = route.weight;
      facts.cost[number] = route.cost;
      facts.capacity[number] = route.capacity ?? 0;
      // Where it is only said that the quota is used up nobody chooses by it.
      facts.quota[number] = route.quota === null || route.quota.action === 'alarm' ? 0 : route.quota.bytes;
      facts.traffic[number] += (Math.max(rate.in, rate.out) - facts.traffic[number]) * share;
      facts.used[number] = accounts.of(route.name).used;
      const intervalMs = route.check?.intervalMs ?? 0;
      facts.probe[number] = this.medianProbe(
        route.name,
        monotonicMs - Math.max(probePeriodMs, 2 * intervalMs),
      );
    }
  }

  rateOf(route: RouteConfig): Rate {
    const rate = this.rates.get(route.interface) ?? { in: 0, out: 0 };
    const share = this.accounts.shareOf(route.name);
    return { in: rate.in * share.in, out: rate.out * share.out };
  }

  /** A check of a route was answered; `nowMs` of the monotonic clock. */
  noteProbe(name: string, rttMicros: number, nowMs: number): void {
    const list = this.probes.get(name) ?? [];
    list.push({ at: nowMs, rtt: rttMicros });
    // BOUNDED: a median needs no more.
    if (list.length > MAX_PROBES) list.shift();
    this.probes.set(name, list);
  }

  private medianProbe(name: string, since: number): number {
    const times = (this.probes.get(name) ?? []).filter(({ at }) => at >= since).map(({ rtt }) => rtt);
    if (times.length === 0) return 0;
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  }
}

const MAX_PROBES = 301;
