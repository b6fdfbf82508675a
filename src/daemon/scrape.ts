/**
 * `GET /metrics`: figures of one moment, put into the shape that src/observe/metrics shows. What shows them is loaded with the first scrape; who asks
 * while one is under way gets that one.
 */
import { DROPPED, type DroppedReason, IGNORED, type IgnoredWord } from '../api/counters.js';
import { cellOf } from '../core/durations.js';
import { monotonicMs } from '../kernel/clock.js';
import { kernelCounter, rememberedCounter, serviceCounter } from '../kernel/constants.js';
import { LoopDelay } from '../kernel/loop-delay.js';
import { readCounters } from '../kernel/nft-read.js';
import { readQueueState } from '../kernel/queue-state.js';
import type { LaneHealth, RaceSnapshot } from '../kernel/race-messages.js';
import { type ErrorCode, errorCounts } from '../model/errors.js';
import { OUTCOME_REASONS, SINGLE_REASONS, type SingleReason } from '../model/reasons.js';
import type { Exposition } from '../observe/metrics/exposition.js';
import { NO_SERVICE } from '../observe/metrics/metric.js';
import type {
  MetricsSnapshot,
  QueueFigures,
  RouteFigures,
  ServiceFigures,
  Times,
} from '../observe/metrics/snapshot.js';
import { version } from '../observe/version.js';
import type { RaceClient } from './race-client.js';
import { allAlarms, packetStatus, routeStatus } from './report.js';
import type { InForce } from './take-over.js';

export class Scrape {
  private readonly delay = new LoopDelay(DELAY_MS);
  private timer: NodeJS.Timeout | null = null;
  private taking: Promise<MetricsSnapshot> | null = null;

  constructor(private readonly inForce: () => InForce) {}

  /** `accept`: the header of the request. */
  async text(race: RaceClient, accept: string | undefined): Promise<Exposition> {
    this.timer ??= setInterval(() => this.delay.tick(performance.now()), DELAY_MS).unref();
    const { renderMetrics } = await import('../observe/metrics/exposition.js');
    this.taking ??= this.take(race).finally(() => {
      this.taking = null;
    });
    return renderMetrics(await this.taking, accept);
  }

  private async take(race: RaceClient): Promise<MetricsSnapshot> {
    return figures(this.inForce(), await race.snapshot(), this.delay.cells);
  }
}

const DELAY_MS = 100;

function figures(gateway: InForce, race: RaceSnapshot, delay: Float64Array): MetricsSnapshot {
  const { config } = gateway;
  const counters = readCounters();
  const routes = routeStatus(gateway, race);
  const { dropped, ignored } = packetStatus(race, config.kernel.queue, counters);
  const single = words(SINGLE_REASONS, race.engine.single);
  const services = serviceFigures(gateway, race, counters);
  const byKernel = services.reduce((sum, service) => sum + service.byKernel, 0);
  const { user, system } = process.cpuUsage();
  const { started, decided, failed, alone } = race.engine;
  const { refused: _, ...memory } = race.memory;
  return {
    version: version(),
    uptimeSeconds: (monotonicMs() - gateway.startedAt) / 1000,
    cpuSeconds: { user: user / 1e6, system: system / 1e6 },
    residentBytes: process.memoryUsage.rss(),
    loops: { main: delay, race: race.delay },
    errors: bothThreads(race),
    caught: race.broken + gateway.boundary.count,
    alarms: allAlarms(gateway, routes, race).length,
    fastPath: gateway.fastPath.state === 'on',
    linesLost: { unread: gateway.output.dropped, limited: gateway.output.limited },
    decisionLog: gateway.decisionLog.counts,
    routes: routes.map((status): RouteFigures => {
      const number = gateway.numbers.routes.of(status.name);
      return {
        ...status,
        families: familiesOf(gateway, number),
        negatives: race.engine.negatives[number],
        used: status.quota.used,
        quota: status.quota.bytes,
        isSpent: status.quota.spent === true,
        check: status.check ?? null,
      };
    }),
    services,
    times: timesOf(gateway, race),
    races: {
      active: started - decided - failed,
      slots: race.slots,
      outcomes: words(OUTCOME_REASONS, race.engine.outcomes),
      single,
    },
    tiers: { kernel: byKernel, daemon: chosenByDaemon(single), race: started - alone },
    memory: {
      ...memory,
      hits: {
        kernel: services.reduce((sum, { remembered }) => sum + remembered, 0),
        daemon: single.remembered,
      },
    },
    dropped: { ...zeros(DROPPED), ...dropped } satisfies Record<DroppedReason, number>,
    ignored: { ...zeros(IGNORED), ...ignored } satisfies Record<IgnoredWord, number>,
    queues: {
      lan: queueFigures(config.kernel.queue, race.received.lan),
      wan: queueFigures(config.kernel.queue + 1, race.received.wan),
    },
    queueSize: config.limits.queue,
    overloadPauses: race.overloads,
    entries: race.written.entries,
    elements: race.written.elements,
    cutting: { cut: gateway.flows?.cutter.count ?? 0, left: gateway.flows?.cutter.left ?? 0 },
    calls: {
      kinds: race.calls.counts,
      packets: race.calls.received,
      flows: { entered: race.calls.entered, refused: race.calls.refused },
    },
  };
}

function familiesOf(gateway: InForce, number: number): RouteFigures['families'] {
  const route = gateway.routes.find((one) => one.number === number);
  const lanes = gateway.health.find((one) => one.route === number);
  const isUp = (lane: LaneHealth | undefined): boolean => route?.state === 'up' && lane?.state === 'up';
  const { gateway: hops } = route?.config ?? { gateway: { ipv4: null, ipv6: null } };
  return {
    ...(hops.ipv4 === null ? {} : { ipv4: route?.ipv4 != null && isUp(lanes?.[4]) }),
    ...(hops.ipv6 === null ? {} : { ipv6: route?.ipv6 != null && isUp(lanes?.[6]) }),
  };
}

/** What no service takes has races of its own, and nothing of the kernel's. */
function serviceFigures(
  { config, numbers }: InForce,
  { engine }: RaceSnapshot,
  counters: ReadonlyMap<string, number>,
): ServiceFigures[] {
  const own = config.services.map(({ name }): ServiceFigures => {
    const number = numbers.services.of(name);
    return {
      name,
      races: engine.startedBy[number],
      hits: counters.get(serviceCounter(number)) ?? 0,
      byKernel: counters.get(kernelCounter(number)) ?? 0,
      remembered: counters.get(rememberedCounter(number)) ?? 0,
    };
  });
  return [...own, { name: NO_SERVICE, races: engine.startedBy[0], hits: 0, byKernel: 0, remembered: 0 }];
}

function timesOf({ config, numbers }: InForce, { engine }: RaceSnapshot): Times {
  const most = engine.attempts.length - 1;
  const services = [...config.services.map(({ name }) => name), NO_SERVICE];
  return {
    answers: engine.answerTimes,
    decisions: engine.decisionTimes,
    rows: config.routes.flatMap(({ name: route }) =>
      services.map((service) => ({
        route,
        service,
        at: cellOf(numbers.services.of(service), numbers.routes.of(route), most),
      })),
    ),
  };
}

function bothThreads({ errors }: RaceSnapshot): Record<ErrorCode, number> {
  const sum = { ...errorCounts() };
  for (const [code, count] of Object.entries(errors)) sum[code as ErrorCode] += count;
  return sum;
}

/** Packets of flows that have a route are nobody's choice. */
function chosenByDaemon(single: Readonly<Record<SingleReason, number>>): number {
  let sum = 0;
  for (const reason of SINGLE_REASONS)
    if (reason !== 'not-a-set-up' && reason !== 'same-flow') sum += single[reason];
  return sum;
}

function queueFigures(queue: number, received: number): QueueFigures {
  const { waiting, overflow } = readQueueState(queue);
  return { received, waiting, overflow };
}

function words<Name extends string>(names: readonly Name[], values: ArrayLike<number>): Record<Name, number> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<Name, number>;
}

function zeros<Name extends string>(names: Readonly<Record<Name, string>>): Record<Name, number> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, 0])) as Record<Name, number>;
}
