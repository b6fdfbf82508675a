/**
 * What each route has carried in its billing period. A route that has its interface for itself is charged with all that the interface
 * counts; routes that share one are charged with shares of that, by what has been counted for each (render-usage.ts): no byte is
 * charged twice, and none is left out.
 */
import type { LocalTime, Period } from '../core/quota/calendar.js';
import { KnownClock, type KnownDate } from '../core/quota/clock.js';
import { EMPTY_RECORD, Ledger, type LedgerRecord } from '../core/quota/ledger.js';
import { split } from '../core/quota/split.js';
import { usageCounter } from '../kernel/render-usage.js';
import type { Traffic } from '../kernel/traffic.js';
import type { RouteConfig } from '../model/config.js';
import type { Numbers } from './numbers.js';

/** All byte counters at one moment, and both clocks. */
export interface Reading {
  readonly traffic: ReadonlyMap<string, Traffic>;
  /** Bytes of the counters of our table; empty where no interface is shared. */
  readonly usage: ReadonlyMap<string, number>;
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** What is kept over a restart. */
export interface KeptAccounts {
  readonly clock: KnownDate;
  /** The kernel's name for the time since it was started. */
  readonly boot: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly ledgers: ReadonlyMap<string, LedgerRecord>;
}

/** How much of its interface's traffic a route has had lately, 0 to 1 in each direction. */
export interface Share {
  readonly in: number;
  readonly out: number;
}

const WHOLE: Share = { in: 1, out: 1 };
const FIRST_OF_MONTH = 1;

export class Accounts {
  private clock = new KnownClock({ lastMs: 0, steadyMs: 0 });
  // BOUNDED: by the names that the state file keeps, and those of configurations.
  private ledgers = new Map<string, Ledger>();
  /** Counters of the last reading; null: there was none. */
  private last: Map<string, number> | null = null;
  /** Those of the last run, where they go on. */
  private before: ReadonlyMap<string, number> = new Map();
  /** Bytes of shared interfaces that nobody's counter has heard of yet. BOUNDED: by interfaces. */
  private readonly pending = new Map<string, number>();
  private shares = new Map<string, Share>();

  /** `boot`: this one's name. */
  constructor(
    private readonly local: LocalTime & { readonly zone: string },
    private readonly boot: string,
  ) {}

  /** Goes on where the last run has ended; what has been charged before counts again, by the counters. */
  restore(kept: KeptAccounts): void {
    this.clock = new KnownClock(kept.clock);
    this.ledgers = new Map(
      [...kept.ledgers].map(([name, record]) => [name, new Ledger(record, this.clock, this.local)]),
    );
    // The counters of another boot have begun from zero since.
    const entries = Object.entries(kept.counters);
    this.before = new Map(kept.boot === this.boot ? entries : entries.map(([name]) => [name, 0]));
    this.last = null;
    this.pending.clear();
  }

  /** A route has a new name; what another route of that name has carried is forgotten. */
  follow(name: string, old: string): void {
    const ledger = this.ledgers.get(old);
    this.ledgers.delete(old);
    if (ledger === undefined) this.ledgers.delete(name);
    else this.ledgers.set(name, ledger);
  }

  /** The date at a monotonic time, as far as clocks are believed; null: none is known since the start. */
  dateAt(monotonicMs: number): number | null {
    return this.clock.offsetMs === null ? null : this.clock.wallAt(monotonicMs);
  }

  get zone(): string {
    return this.local.zone;
  }

  /** Charges what has been carried since the last reading. */
  charge(routes: readonly RouteConfig[], numbers: Numbers, reading: Reading): void {
    const { traffic, usage, monotonicMs, wallMs } = reading;
    this.clock.read(monotonicMs, wallMs);
    const now = new Map(usage);
    for (const [name, { received, sent }] of traffic) now.set(name, received + sent);
    const shares = new Map<string, Share>();
    for (const name of new Set(routes.map((route) => route.interface))) {
      const sharers = routes.filter((route) => route.interface === name);
      const total = (this.pending.get(name) ?? 0) + this.added(name, now);
      const ways = sharers.map((route) => ({
        in: this.added(usageCounter('in', numbers.of(route.name)), now),
        out: this.added(usageCounter('out', numbers.of(route.name)), now),
      }));
      const parts =
        sharers.length === 1
          ? [total]
          : split(
              total,
              ways.map((way) => way.in + way.out),
            );
      if (parts === null) this.pending.set(name, total);
      else this.pending.delete(name);
      for (const [i, route] of sharers.entries()) {
        this.ledgerOf(route.name).add(parts?.[i] ?? 0, monotonicMs, route.quota?.day ?? FIRST_OF_MONTH);
        if (sharers.length > 1) shares.set(route.name, shareOf(ways, i));
      }
    }
    this.shares = shares;
    this.last = now;
  }

  /** Bytes of the present period, and which that is; null: no date is known. */
  of(name: string): { readonly used: number; readonly period: Period | null } {
    const ledger = this.ledgers.get(name);
    return { used: ledger?.used ?? 0, period: ledger?.present ?? null };
  }

  shareOf(name: string): Share {
    return this.shares.get(name) ?? WHOLE;
  }

  /** Wall time of the first moment of a day. */
  startOf(day: string): number {
    return this.local.startOf(day);
  }

  /** For the state file. `interfaces`: those whose counters are wanted again. */
  kept(interfaces: readonly string[]): KeptAccounts {
    const wanted = [...(this.last ?? this.before)].filter(
      ([name]) => interfaces.includes(name) || name.startsWith('usage_'),
    );
    return {
      clock: this.clock.known(),
      boot: this.boot,
      counters: Object.fromEntries(wanted),
      ledgers: new Map([...this.ledgers].map(([name, ledger]) => [name, ledger.record()])),
    };
  }

  private ledgerOf(name: string): Ledger {
    let ledger = this.ledgers.get(name);
    if (ledger === undefined) {
      ledger = new Ledger(EMPTY_RECORD, this.clock, this.local);
      this.ledgers.set(name, ledger);
    }
    return ledger;
  }

  /** What a counter has counted since the last reading. One that went back began anew, with its interface or table. */
  private added(name: string, now: ReadonlyMap<string, number>): number {
    const count = now.get(name);
    if (count === undefined) return 0;
    // It was not there a moment ago; at the first reading of the first run it has counted what nobody asks for.
    const unknown = this.last === null ? count : 0;
    const before = (this.last ?? this.before).get(name) ?? unknown;
    return count >= before ? count - before : count;
  }
}

/** Whether one of the routes that share the interface of a route has a quota. */
export function sharesQuota(routes: readonly RouteConfig[], { name, interface: wan }: RouteConfig): boolean {
  const sharers = routes.filter((route) => route.interface === wan);
  return sharers.some((route) => route.name !== name) && sharers.some(({ quota }) => quota !== null);
}

function shareOf(ways: readonly Share[], i: number): Share {
  const sum = (way: 'in' | 'out'): number => ways.reduce((all, one) => all + one[way], 0);
  const of = (way: 'in' | 'out'): number => (sum(way) > 0 ? ways[i][way] / sum(way) : 0);
  return { in: of('in'), out: of('out') };
}
