/** What is measured outside the race loop: traffic, the use of quotas, the routes' own checks. */
import { createFacts, type RouteFacts } from '../core/choose/criterion.js';
import type { Rate, Traffic, TrafficMeter } from '../kernel/traffic.js';
import type { RouteConfig } from '../model/config.js';
import type { Numbers } from './numbers.js';

/** Traffic is averaged over about this long before a criterion sees it: one burst must not move a site. */
const SMOOTHING_MICROS = 5_000_000;

/** Bytes of a calendar month. */
export interface QuotaUse {
  readonly month: string;
  readonly bytes: number;
}

/** The counters of all interfaces at one moment. */
export interface Reading {
  readonly traffic: ReadonlyMap<string, Traffic>;
  /** Of the monotonic clock. */
  readonly micros: number;
  readonly date: Date;
}

export class Meters {
  readonly facts: RouteFacts;

  private readonly quotas = new Map<string, QuotaUse>();
  private last = new Map<string, Traffic>();
  private lastAt = 0;
  private rates: ReadonlyMap<string, Rate> = new Map();
  /** Round-trip times of checks within the period, by route. */
  private readonly probes = new Map<string, { at: number; rtt: number }[]>();

  constructor(
    capacity: number,
    private readonly meter: TrafficMeter,
  ) {
    this.facts = createFacts(capacity);
  }

  /** What the store remembers. */
  restore(name: string, use: QuotaUse): void {
    this.quotas.set(name, use);
  }

  /** Takes a reading. `probePeriodMs`: how long a check's time counts. */
  update(
    routes: readonly RouteConfig[],
    numbers: Numbers,
    { traffic, micros, date }: Reading,
    probePeriodMs: number,
  ): void {
    const { facts } = this;
    this.rates = this.meter.update(traffic, micros);
    const share = this.lastAt === 0 ? 1 : 1 - Math.exp((this.lastAt - micros) / SMOOTHING_MICROS);
    this.lastAt = micros;
    for (const route of routes) {
      const number = numbers.of(route.name);
      const rate = this.rates.get(route.interface) ?? { in: 0, out: 0 };
      facts.weight[number] = route.weight;
      facts.cost[number] = route.cost;
      facts.capacity[number] = route.capacity ?? 0;
      facts.quota[number] = route.quota?.bytes ?? 0;
      facts.traffic[number] += (Math.max(rate.in, rate.out) - facts.traffic[number]) * share;
      facts.used[number] = this.count(route, traffic, monthOf(date)).bytes;
      const intervalMs = route.check?.intervalMs ?? 0;
      facts.probe[number] = this.medianProbe(
        route.name,
        date.getTime() - Math.max(probePeriodMs, 2 * intervalMs),
      );
    }
    this.last = new Map(traffic);
  }

  rateOf(route: RouteConfig): Rate {
    return this.rates.get(route.interface) ?? { in: 0, out: 0 };
  }

  quotaOf(name: string): QuotaUse {
    return this.quotas.get(name) ?? { month: monthOf(new Date()), bytes: 0 };
  }

  /** A check of a route was answered. */
  noteProbe(name: string, rttMicros: number, nowMs: number): void {
    const list = this.probes.get(name) ?? [];
    list.push({ at: nowMs, rtt: rttMicros });
    // BOUNDED: a median needs no more.
    if (list.length > MAX_PROBES) list.shift();
    this.probes.set(name, list);
  }

  private count(route: RouteConfig, traffic: ReadonlyMap<string, Traffic>, month: string): QuotaUse {
    const before = this.last.get(route.interface);
    const now = traffic.get(route.interface);
    const total = (t: Traffic): number => t.received + t.sent;
    // A counter that went back began anew with its interface.
    let added = 0;
    if (before !== undefined && now !== undefined)
      added = total(now) >= total(before) ? total(now) - total(before) : total(now);
    const old = this.quotas.get(route.name);
    const use = { month, bytes: (old?.month === month ? old.bytes : 0) + added };
    this.quotas.set(route.name, use);
    return use;
  }

  private medianProbe(name: string, since: number): number {
    const times = (this.probes.get(name) ?? []).filter(({ at }) => at >= since).map(({ rtt }) => rtt);
    if (times.length === 0) return 0;
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  }
}

const MAX_PROBES = 301;

/** `2026-07`, local time: what an operator's bill goes by. */
function monthOf(date: Date): string {
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}`;
}
