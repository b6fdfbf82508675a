/**
 * What the stream of events is told: decisions a few at a time, and only while somebody listens; changes of routes and alarms; counters each
 * second. The race thread is asked for no more than a bounded copy of what it has anyway.
 */
import type { CountersEvent, RouteEvent, RouteStatus } from '../api/contract.js';
import type { EventHub } from '../api/events.js';
import { dateText, monotonicMs } from '../kernel/clock.js';
import type { RaceSnapshot } from '../kernel/race-messages.js';
import { routeStatus, stateOf } from './report.js';
import type { Samples } from './samples.js';
import type { InForce } from './take-over.js';
import { toDecision } from './why-report.js';

export const QUICK_MS = 250;
/** Of the decisions between two looks: 48 a second. */
const MOST_SHOWN = 12;

export interface FeedContext {
  readonly hub: EventHub;
  readonly samples: Samples;
  inForce(): InForce;
  /** Of the status. */
  alarms(routes: readonly RouteStatus[], snapshot: RaceSnapshot): readonly string[];
}

interface SeenRoute {
  readonly state: RouteEvent['state'];
  readonly reasons: readonly string[];
}

export class EventFeed {
  // BOUNDED: by the routes of the configuration.
  private seen: Map<string, SeenRoute> | null = null;
  private raised: readonly string[] = [];
  /** Number of the next decision; -1: nobody has listened until now. */
  private next = -1;
  private shown = { made: 0, shown: 0 };
  private before = { atMs: 0, started: 0 };

  constructor(private readonly context: FeedContext) {}

  /** Four times a second. */
  async quick(): Promise<void> {
    const { hub } = this.context;
    const gateway = this.context.inForce();
    if (gateway.race === null) return;
    this.followRoutes(gateway);
    if (!hub.listening) {
      this.next = -1;
      return;
    }
    const isFirst = this.next < 0;
    const { recent, originMs } = await gateway.race.recent(Math.max(0, this.next), isFirst ? 0 : MOST_SHOWN);
    // A thread that was started again counts anew.
    const made = isFirst ? 0 : recent.next < this.next ? recent.next : recent.made;
    this.next = recent.next;
    if (made === 0) return;
    const decisions = recent.decisions.map((record) => toDecision(record, gateway, originMs));
    this.shown.made += made;
    this.shown.shown += decisions.length;
    hub.publish('decision', { decisions, made, shown: decisions.length });
  }

  /**
   * Once a second, also while nobody listens: who opens the page is shown the two hours before (`samples`), and who comes back to a stream
   * hears of the alarms that he has missed. What the race thread copies for it is its counters, whatever the memory holds.
   */
  async second(): Promise<void> {
    const { hub, samples } = this.context;
    const { race, flows } = this.context.inForce();
    if (race === null) return;
    const [snapshot] = await Promise.all([
      race.snapshot(),
      hub.listening ? flows?.counts.refresh() : undefined,
    ]);
    const gateway = this.context.inForce();
    const routes = routeStatus(gateway, snapshot);
    const now = monotonicMs();
    samples.take(
      routes.map(({ name, state, connections, traffic }) => ({
        name,
        number: gateway.numbers.routes.of(name),
        state,
        connections,
        ...traffic,
      })),
      snapshot.engine,
      now,
    );
    this.followAlarms(this.context.alarms(routes, snapshot));
    const counters = this.countersOf(routes, snapshot, now);
    this.before = { atMs: now, started: snapshot.engine.started };
    this.shown = { made: 0, shown: 0 };
    if (hub.listening) hub.publish('counters', counters);
  }

  private followRoutes(gateway: InForce): void {
    const { hub } = this.context;
    const seen = new Map<string, SeenRoute>();
    for (const { name } of gateway.config.routes) {
      const { state, reasons, since } = stateOf(gateway, name);
      const before = this.seen?.get(name);
      seen.set(name, { state, reasons });
      const isSame = before?.state === state && before.reasons.join() === reasons.join();
      if (this.seen === null || isSame) continue;
      hub.publish('route', { route: name, state, before: before?.state ?? null, reasons, since });
    }
    this.seen = seen;
  }

  private followAlarms(alarms: readonly string[]): void {
    const raised = alarms.filter((alarm) => !this.raised.includes(alarm));
    const cleared = this.raised.filter((alarm) => !alarms.includes(alarm));
    this.raised = alarms;
    if (raised.length + cleared.length > 0) this.context.hub.publish('alarm', { alarms, raised, cleared });
  }

  private countersOf(routes: readonly RouteStatus[], snapshot: RaceSnapshot, now: number): CountersEvent {
    const { engine, memory } = snapshot;
    const seconds = Math.max(0.001, (now - this.before.atMs) / 1000);
    const isAnew = engine.started < this.before.started;
    const started = isAnew ? engine.started : engine.started - this.before.started;
    return {
      time: dateText(now),
      seconds: Math.round(Math.min(seconds, 3600) * 1000) / 1000,
      races: {
        started: engine.started,
        decided: engine.decided,
        failed: engine.failed,
        active: engine.started - engine.decided - engine.failed,
        single: engine.single.reduce((sum, count) => sum + count, 0),
        perSecond: this.before.atMs === 0 ? 0 : Math.round((started / seconds) * 10) / 10,
      },
      decisions: { ...this.shown },
      memory: {
        destinations: memory.destinations,
        trusted: memory.trusted,
        inKernel: memory.inKernel,
      },
      routes: routes.map(({ name, state, attempts, wins, losses, rescues, connections, traffic }) => ({
        name,
        state,
        attempts,
        wins,
        losses,
        rescues,
        connections,
        ...traffic,
        rttMicros: this.context.samples.rttOf(name),
      })),
    };
  }
}
