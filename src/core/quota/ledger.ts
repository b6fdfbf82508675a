/**
 * What a route has carried, by day, so that the sum of a billing period can be told at any moment. What was carried a while ago is
 * kept by the monotonic clock, and gets another date when the clock is set: a clock that is wrong for a while changes nothing for good,
 * and no byte is lost or counted twice. Pure (docs/decisions/0031-a-store-for-money-and-commands.md).
 */
import { type Day, type LocalTime, type Period, periodOf } from './calendar.js';
import type { KnownClock } from './clock.js';

/** What is kept of a route over a restart. */
export interface LedgerRecord {
  /** Bytes by day. */
  readonly days: Readonly<Record<Day, number>>;
  /** Bytes whose day is not known: they count as of the present period. */
  readonly undated: number;
  /** The day when this was written, and the latest that a clock has shown; null: none was known. */
  readonly today: Day | null;
  readonly latest: Day | null;
  /** The last day of an earlier period, which a clock has left that was set lately: perhaps it is that one still; null: it is not. */
  readonly left: Day | null;
}

export const EMPTY_RECORD: LedgerRecord = { days: {}, undated: 0, today: null, latest: null, left: null };

/** Days that are kept: three periods. */
export const MAX_DAYS = 100;
/** Bytes of so long have one time. */
const SLICE_MS = 60_000;
/** What is older has its day for good, if the clock has not been set for so long either. */
const DATED_AFTER_MS = 48 * 3_600_000;
const MAX_SLICES = 5000;
/** A clock that was not set for so long is right: days beyond its period were never there. */
const STEADY_MS = 7 * 86_400_000;
/** One that was not set for so long has left a period for good. */
const LEFT_AFTER_MS = 24 * 3_600_000;

interface Slice {
  /** Monotonic time of its first byte. */
  readonly at: number;
  bytes: number;
}

export class Ledger {
  // BOUNDED: by MAX_DAYS, the oldest go.
  private readonly days: Map<Day, number>;
  private undated: number;
  private today: Day | null;
  private latest: Day | null;
  private left: Day | null;
  private billingDay = 1;
  /** A date was known since the start. */
  private isDated = false;
  // BOUNDED: by MAX_SLICES, the oldest get their day.
  private slices: Slice[] = [];
  private period: Period | null = null;
  /** The sum of the period, for these settings of clock and bill. */
  private sum = 0;
  private sumFor = '';

  constructor(
    record: LedgerRecord,
    private readonly clock: KnownClock,
    private readonly local: LocalTime,
  ) {
    this.days = new Map(Object.entries(record.days));
    this.undated = record.undated;
    this.today = record.today;
    this.latest = record.latest;
    this.left = record.left;
  }

  /** Takes what was carried up to now. `billingDay`: 1 to 31. The clock has been read. */
  add(bytes: number, monotonicMs: number, billingDay: number): void {
    const today = this.dayNow(monotonicMs);
    this.turn(today, billingDay);
    const last = this.slices.at(-1);
    const goesOn = last !== undefined && monotonicMs - last.at < SLICE_MS && today === this.today;
    this.today = today;
    if (goesOn) last.bytes += bytes;
    else if (bytes > 0) this.slices.push({ at: monotonicMs, bytes });
    const isStale = this.sumFor !== this.keyOf();
    if (!isStale) this.sum += bytes;
    this.dateOld(monotonicMs);
    if (isStale) this.count();
  }

  /** Bytes of the present period. */
  get used(): number {
    return this.sum;
  }

  /** null: no date is known. */
  get present(): Period | null {
    return this.period;
  }

  /** All that it knows, to be kept. */
  record(): LedgerRecord {
    const { today, latest, left } = this;
    const days = Object.fromEntries(this.days);
    const kept = new Ledger({ days, undated: this.undated, today, latest, left }, this.clock, this.local);
    // The next run knows nothing of this one's clock, and cannot give it another date.
    const isSure = this.clock.offsetMs !== null && !this.isBehind;
    for (const slice of this.slices) {
      if (isSure) kept.date(slice);
      else kept.undated += slice.bytes;
    }
    return { days: Object.fromEntries(kept.days), undated: kept.undated, today, latest, left };
  }

  private dayNow(monotonicMs: number): Day | null {
    const wallMs = this.clock.wallAt(monotonicMs);
    return wallMs === 0 ? null : this.local.dayOf(wallMs);
  }

  private turn(today: Day | null, billingDay: number): void {
    if (today === null) return;
    const before = this.period ?? (this.today === null ? null : periodOf(this.today, billingDay));
    this.period = periodOf(today, billingDay);
    this.billingDay = billingDay;
    if (this.latest === null || today > this.latest) this.latest = today;
    const isFirst = !this.isDated && this.clock.offsetMs !== null;
    this.isDated ||= isFirst;
    if (isFirst && today === this.latest) this.giveUndated(today);
    const hasTurned = before !== null && this.period.from > before.from;
    if (hasTurned && this.today !== null) this.settle(this.period, this.today, today);
    if (hasTurned) this.left ??= this.today;
    const isBack = this.left !== null && this.period.from <= periodOf(this.left, billingDay).from;
    if (isBack || (this.clock.offsetMs !== null && this.clock.steadyMs >= LEFT_AFTER_MS)) this.left = null;
  }

  /** What has no day, or one that a wrong clock has made, was counted in the period that is over. */
  private settle({ until }: Period, lastDay: Day, today: Day): void {
    const { steadyMs } = this.clock;
    if (steadyMs >= DATED_AFTER_MS) this.giveUndated(lastDay);
    if (steadyMs < STEADY_MS) return;
    this.latest = today;
    for (const [day, bytes] of [...this.days]) {
      if (day < until) continue;
      this.days.delete(day);
      this.give(lastDay, bytes);
    }
  }

  private giveUndated(day: Day): void {
    if (this.undated > 0) this.give(day, this.undated);
    this.undated = 0;
  }

  /** The clock has been ahead: was it wrong then, or is it now? */
  private get isBehind(): boolean {
    return this.today !== null && this.latest !== null && this.latest > this.today;
  }

  private dateOld(monotonicMs: number): void {
    const isSteady = this.clock.offsetMs !== null && this.clock.steadyMs >= DATED_AFTER_MS;
    while (this.slices.length > 0) {
      const isOld = isSteady && monotonicMs - this.slices[0].at >= DATED_AFTER_MS;
      if (!isOld && this.slices.length <= MAX_SLICES) return;
      this.date(this.slices.shift()!);
    }
  }

  private date({ at, bytes }: Slice): void {
    const { offsetMs } = this.clock;
    if (offsetMs === null) this.undated += bytes;
    else this.give(this.local.dayOf(at + offsetMs), bytes);
  }

  private give(day: Day, bytes: number): void {
    this.days.set(day, (this.days.get(day) ?? 0) + bytes);
    if (this.days.size <= MAX_DAYS) return;
    const [oldest] = [...this.days.keys()].sort();
    this.days.delete(oldest);
  }

  private keyOf(): string {
    return `${this.countedFrom()} ${this.clock.changes}`;
  }

  /** The first day that counts. While no date is known it may be a period still that a wrong clock has left. */
  private countedFrom(): Day {
    if (this.clock.offsetMs === null && this.left !== null) return periodOf(this.left, this.billingDay).from;
    return this.period?.from ?? '';
  }

  /** Whatever is dated behind the present period counts in it: it was carried, and the clock has been ahead. */
  private count(): void {
    const { period, clock } = this;
    this.sumFor = this.keyOf();
    this.sum = this.undated;
    const from = this.countedFrom();
    for (const [day, bytes] of this.days) if (day >= from) this.sum += bytes;
    const startMs =
      period === null || clock.offsetMs === null ? 0 : this.local.startOf(period.from) - clock.offsetMs;
    const isDated = period !== null && clock.offsetMs !== null;
    for (const { at, bytes } of this.slices) if (!isDated || at >= startMs) this.sum += bytes;
  }
}
