/**
 * What the guard has dropped (render-guard.ts) should never have come to it: somebody else changes marks, rules or translations, or
 * we have a bug. Said in the log, at most once a minute for each provider, and an alarm for some minutes.
 */
import { dateText, monotonicMs } from '../kernel/clock.js';
import { readCounters } from '../kernel/nft-read.js';
import { GUARD_COUNTERS, type GuardReason, guardCounter } from '../kernel/render-guard.js';
import type { Log } from '../observe/log.js';

/** How long it is an alarm after the last one. */
export const GUARD_ALARM_MS = 5 * 60_000;
const LOG_EVERY_MS = 60_000;

const WHAT: Record<GuardReason, string> = {
  way: 'whose mark says another route',
  source: 'with an address that is not of that route',
};
const REASONS = Object.keys(GUARD_COUNTERS) as GuardReason[];
const REMEDY = 'somebody else changes marks, ip rules or addresses';

interface Drops {
  readonly reason: GuardReason;
  readonly route: number;
  counted: number;
  /** Since the alarm began. */
  packets: number;
  lastMs: number;
  untold: number;
  toldMs: number;
}

/** What of a route is told of. */
export interface GuardedRoute {
  readonly number: number;
  readonly config: { readonly interface: string };
}

export class GuardWatch {
  // BOUNDED: by reasons and routes.
  private readonly drops = new Map<string, Drops>();
  private begun = false;

  /** `routes`: as they are now. */
  constructor(
    private readonly log: Log,
    private readonly routes: () => readonly GuardedRoute[],
  ) {}

  /** Looks at the kernel's counters now. */
  look(): void {
    this.note(readCounters(), monotonicMs());
  }

  /** Takes the counters as they are now. What they begin with is from before. */
  note(counters: ReadonlyMap<string, number>, nowMs: number): void {
    for (const reason of REASONS)
      for (const { number: route } of this.routes()) {
        const name = guardCounter(reason, route);
        const count = counters.get(name) ?? 0;
        const known = this.drops.get(name);
        if (known === undefined) {
          const counted = this.begun ? 0 : count;
          this.drops.set(name, { reason, route, counted, ...NEVER });
        }
        this.take(this.drops.get(name)!, count, nowMs);
      }
    this.begun = true;
  }

  alarms(nowMs: number): string[] {
    return [...this.drops.values()]
      .filter(({ lastMs }) => nowMs - lastMs < GUARD_ALARM_MS)
      .map((drops) => `${this.words(drops, drops.packets)} (last at ${dateText(drops.lastMs)}): ${REMEDY}`);
  }

  private take(drops: Drops, count: number, nowMs: number): void {
    // A table that somebody has removed counts anew.
    const more = count < drops.counted ? count : count - drops.counted;
    drops.counted = count;
    if (more > 0) {
      drops.packets = nowMs - drops.lastMs < GUARD_ALARM_MS ? drops.packets + more : more;
      drops.lastMs = nowMs;
      drops.untold += more;
    }
    if (drops.untold === 0 || nowMs - drops.toldMs < LOG_EVERY_MS) return;
    const { reason, untold } = drops;
    const fields = { event: 'guarded', reason, interface: this.interfaceOf(drops.route), packets: untold };
    this.log.warn(fields, `${this.words(drops, untold)}: ${REMEDY}`);
    drops.untold = 0;
    drops.toldMs = nowMs;
  }

  private interfaceOf(route: number): string {
    const found = this.routes().find(({ number }) => number === route);
    return found?.config.interface ?? `route ${route}`;
  }

  private words({ reason, route }: Drops, packets: number): string {
    return `${packets} packets ${WHAT[reason]} were kept from leaving by ${this.interfaceOf(route)}`;
  }
}

const NEVER = {
  packets: 0,
  lastMs: Number.NEGATIVE_INFINITY,
  untold: 0,
  toldMs: Number.NEGATIVE_INFINITY,
} as const;
