/**
 * How many connections each route carries now, known without asking: the kernel's events are counted, and the table is read again only
 * now and then, for what events cannot tell (session-events.ts). Events cost every connection some microseconds in the kernel, so where many
 * begin nobody listens: then the table is read, again and again, for a hundredth of the time at most.
 */
import { performance } from 'node:perf_hooks';
import type { Boundary } from './boundary.js';
import { type Marks, routeOfMark } from './marks.js';
import { Census, countTable } from './session-census.js';
import { SessionEvents } from './session-events.js';

/** More connections in a second: nobody listens to events for a while, twice as long each time. */
const MOST_BEGINNINGS = 1000;
const MUTED_MS = { first: 10_000, longest: 160_000 } as const;
const TICK_MS = 1000;
/** Between two readings of the table: at least so long, and so many times as long as one takes. */
const RECOUNT = {
  listening: { ms: 60_000, times: 500 },
  muted: { ms: 2000, times: 100 },
  afterLoss: { ms: 1000, times: 50 },
} as const;
/** What is no older, or not read so quickly, is told as it is. */
const STALE_MS = 500;
const QUICK_MS = 20;
/** Who asks right after the start waits for the first count so long. */
const FIRST_MS = 1000;

export class FlowCounts {
  /** Connections of routes that have begun since start, as far as anybody has listened. */
  begun = 0;

  private events: SessionEvents | null = null;
  /** The events know all that lives, since they have read the table once. */
  private isReady = false;
  /** What is told while they do not, or nobody listens: as it was when it was last known. */
  private census = new Census(true);
  private readonly timer: NodeJS.Timeout;
  private reading: Promise<void> | null = null;
  private hasRead = false;
  private readMs = 0;
  private readAt = Number.NEGATIVE_INFINITY;
  private dueAt = 0;
  private muted: { until: number; forMs: number } | null = null;
  private inTick = 0;
  private closed = false;

  constructor(
    private readonly marks: Marks,
    private readonly families: readonly (4 | 6)[],
    private readonly boundary: Pick<Boundary, 'caught'>,
    private readonly mostBeginnings = MOST_BEGINNINGS,
  ) {
    this.listen();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.readSoon();
  }

  /** Whether every beginning and end is heard of. */
  get listens(): boolean {
    return this.events !== null;
  }

  /** Connections by the numbers of routes, as they are known now. */
  perRoute(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const [mark, count] of this.known().byMark) {
      const route = routeOfMark(this.marks, mark);
      counts.set(route, (counts.get(route) ?? 0) + count);
    }
    return counts;
  }

  /** Connections of the source address and server that have most of them. */
  busiestPair(): number {
    return this.known().busiestPair();
  }

  /** Brings the counts to this moment, as far as that is soon done. */
  async refresh(): Promise<void> {
    if (!this.hasRead) await Promise.race([this.reading, later(FIRST_MS)]);
    if (this.events !== null) this.events.catchUp();
    else if (this.readMs < QUICK_MS && performance.now() - this.readAt > STALE_MS) await this.read();
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    this.events?.close();
    this.events = null;
  }

  private known(): Census {
    return this.events !== null && this.isReady ? this.events.census : this.census;
  }

  private listen(): void {
    this.isReady = false;
    try {
      const sinks = {
        begin: () => this.noteBeginning(),
        end() {},
        lost: () => this.haveLost(),
        broken: (error: unknown) => this.boundary.caught('an event of a connection', error),
      };
      this.events = new SessionEvents(this.marks, sinks, true);
    } catch (error) {
      this.boundary.caught('events of connections', error);
      this.events = null;
      this.muted = { until: performance.now() + MUTED_MS.longest, forMs: MUTED_MS.longest };
    }
  }

  private noteBeginning(): void {
    this.begun++;
    // At once, but not from within.
    if (++this.inTick === this.mostBeginnings + 1) setImmediate(() => this.mute());
  }

  private mute(): void {
    if (this.closed || this.events === null) return;
    const forMs = Math.min(MUTED_MS.longest, 2 * (this.muted?.forMs ?? MUTED_MS.first / 2));
    this.muted = { until: performance.now() + forMs, forMs };
    this.census = this.known();
    this.events.close();
    this.events = null;
    this.dueAt = 0;
  }

  private haveLost(): void {
    const { ms, times } = RECOUNT.afterLoss;
    this.dueAt = Math.min(this.dueAt, this.readAt + Math.max(ms, times * this.readMs));
  }

  private tick(): void {
    const now = performance.now();
    const quiet = this.inTick < this.mostBeginnings / 2;
    this.inTick = 0;
    if (this.events === null && this.muted !== null && now >= this.muted.until) {
      this.listen();
      this.dueAt = 0;
    } else if (
      this.events !== null &&
      this.muted !== null &&
      quiet &&
      now >= this.muted.until + this.muted.forMs
    ) {
      this.muted = null;
    }
    if (now >= this.dueAt) this.readSoon();
  }

  private readSoon(): void {
    this.read().catch((error: unknown) => this.boundary.caught('a count of connections', error));
  }

  /** Reads the table, unless that is under way. */
  private read(): Promise<void> {
    this.reading ??= this.readNow().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  private async readNow(): Promise<void> {
    const startedAt = performance.now();
    this.dueAt = Number.POSITIVE_INFINITY;
    let isWhole = false;
    try {
      isWhole = this.events === null ? await this.readMuted() : await this.readListening(this.events);
    } catch (error) {
      this.boundary.caught('a count of connections', error);
    }
    const now = performance.now();
    this.readMs = now - startedAt;
    if (isWhole) this.readAt = now;
    this.hasRead ||= isWhole;
    const { ms, times } = this.events === null ? RECOUNT.muted : RECOUNT.listening;
    const restMs = isWhole ? Math.max(ms, times * this.readMs) : TICK_MS;
    // Unless events were lost meanwhile.
    this.dueAt = Math.min(this.dueAt, now + restMs);
  }

  private readListening(events: SessionEvents): Promise<boolean> {
    return events.recount(() => {
      this.isReady = true;
    }, this.families);
  }

  private async readMuted(): Promise<boolean> {
    const census = new Census(true);
    const isWhole = await countTable(census, NOBODY, this.marks, this.families, () => this.closed);
    if (isWhole) this.census = census;
    return isWhole;
  }
}

const NOBODY: ReadonlySet<number> = new Set();

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
