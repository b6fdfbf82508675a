/** Counters of the routes over time: a sample each second and each minute, as many as somebody looks at. */
import type { RouteSample, RouteState } from '../api/contract.js';
import type { EngineCounters } from '../core/engine-types.js';
import { dateText } from '../kernel/clock.js';

/** Two minutes and two hours. */
const SECONDS = 120;
const MINUTES = 120;
const PER_MINUTE = 60;

/** What is known of a route at one moment; counters since start. */
export interface RouteReading {
  readonly name: string;
  readonly number: number;
  readonly state: RouteState;
  readonly connections: number;
  /** Bits per second. */
  readonly in: number;
  readonly out: number;
}

interface Counted {
  readonly attempts: number;
  readonly wins: number;
  readonly losses: number;
  readonly rescues: number;
  readonly timed: number;
  readonly timedMicros: number;
}

interface Sample extends Counted {
  readonly atMs: number;
  readonly state: RouteState;
  readonly connections: number;
  readonly in: number;
  readonly out: number;
}

interface Series {
  last: Counted;
  // BOUNDED: SECONDS and MINUTES.
  readonly seconds: Sample[];
  readonly minutes: Sample[];
}

export class Samples {
  // BOUNDED: by the routes of the configuration.
  private readonly series = new Map<string, Series>();
  private taken = 0;

  /** Once a second. */
  take(routes: readonly RouteReading[], counters: EngineCounters, nowMs: number): void {
    const names = new Set(routes.map(({ name }) => name));
    for (const name of [...this.series.keys()]) if (!names.has(name)) this.series.delete(name);
    this.taken++;
    for (const route of routes) {
      const total = countedOf(counters, route.number);
      const { state, connections } = route;
      const series = this.series.get(route.name) ?? { last: total, seconds: [], minutes: [] };
      const sample = {
        atMs: nowMs,
        state,
        connections,
        in: route.in,
        out: route.out,
        ...less(total, series.last),
      };
      series.last = total;
      keep(series.seconds, sample, SECONDS);
      if (this.taken % PER_MINUTE === 0)
        keep(series.minutes, summed(series.seconds.slice(-PER_MINUTE)), MINUTES);
      this.series.set(route.name, series);
    }
  }

  /** The oldest first. */
  of(name: string): { readonly seconds: readonly RouteSample[]; readonly minutes: readonly RouteSample[] } {
    const { seconds, minutes } = this.series.get(name) ?? { seconds: [], minutes: [] };
    return { seconds: seconds.map(toReport), minutes: minutes.map(toReport) };
  }

  /** Mean time of an answer in the last second, microseconds; null: there was none. */
  rttOf(name: string): number | null {
    const last = this.series.get(name)?.seconds.at(-1);
    return last === undefined ? null : meanOf(last);
  }
}

function countedOf(counters: EngineCounters, route: number): Counted {
  return {
    attempts: counters.attempts[route],
    wins: counters.wins[route],
    losses: counters.losses[route],
    rescues: counters.rescues[route],
    timed: counters.timed[route],
    timedMicros: counters.timedMicros[route],
  };
}

/** A race thread that has been started again counts anew. */
function less(now: Counted, before: Counted): Counted {
  const isAnew = now.attempts < before.attempts;
  const since = (key: keyof Counted): number => Math.max(0, isAnew ? now[key] : now[key] - before[key]);
  return {
    attempts: since('attempts'),
    wins: since('wins'),
    losses: since('losses'),
    rescues: since('rescues'),
    timed: since('timed'),
    timedMicros: since('timedMicros'),
  };
}

function summed(samples: readonly Sample[]): Sample {
  const sum = (key: keyof Counted | 'in' | 'out'): number =>
    samples.reduce((all, sample) => all + sample[key], 0);
  return {
    ...samples[samples.length - 1],
    attempts: sum('attempts'),
    wins: sum('wins'),
    losses: sum('losses'),
    rescues: sum('rescues'),
    timed: sum('timed'),
    timedMicros: sum('timedMicros'),
    in: Math.round(sum('in') / samples.length),
    out: Math.round(sum('out') / samples.length),
  };
}

function keep(list: Sample[], sample: Sample, most: number): void {
  list.push(sample);
  if (list.length > most) list.shift();
}

function toReport({ atMs, timed, timedMicros, ...sample }: Sample): RouteSample {
  return { time: dateText(atMs), ...sample, rttMicros: meanOf({ timed, timedMicros }) };
}

function meanOf({ timed, timedMicros }: Pick<Counted, 'timed' | 'timedMicros'>): number | null {
  return timed === 0 ? null : Math.round(timedMicros / timed);
}
