/** The last two minutes of each route, a point each second: what the charts draw. */
import { signal } from '@preact/signals';
import type { CountersEvent, RouteDetail } from '../../../src/api/contract.js';

export const HISTORY_SECONDS = 120;

/** Columns as charts take them: times in seconds since 1970, the rest with `null` where there is nothing. */
export interface History {
  readonly times: number[];
  readonly micros: (number | null)[];
  readonly in: (number | null)[];
  readonly out: (number | null)[];
}

// BOUNDED: routes that are configured.
const histories = new Map<string, History>();

/** Counts points; who draws reads it to be told. */
export const historyVersion = signal(0);

export function historyOf(name: string): History {
  return histories.get(name) ?? EMPTY;
}

const EMPTY: History = { times: [], micros: [], in: [], out: [] };

/** What the gateway remembers, in place of what was known. */
export function beginHistory({ name, seconds }: Pick<RouteDetail, 'name' | 'seconds'>): void {
  const history: History = { times: [], micros: [], in: [], out: [] };
  for (const sample of seconds) add(history, Date.parse(sample.time) / 1000, sample);
  histories.set(name, history);
  historyVersion.value++;
}

export function extendHistories({ time, routes }: CountersEvent): void {
  const at = Date.parse(time) / 1000;
  for (const route of routes) {
    const history = histories.get(route.name) ?? { times: [], micros: [], in: [], out: [] };
    histories.set(route.name, history);
    add(history, at, route);
  }
  for (const name of histories.keys())
    if (!routes.some((route) => route.name === name)) histories.delete(name);
  historyVersion.value++;
}

/** A time of which nothing is known is a gap of the line. */
function add(
  history: History,
  at: number,
  values: { readonly rttMicros: number | null; readonly in: number; readonly out: number },
): void {
  const last = history.times.at(-1);
  if (last !== undefined && at <= last + 0.2) return;
  if (last !== undefined && at > last + GAP_SECONDS) push(history, last + 1, [null, null, null]);
  push(history, at, [values.rttMicros, values.in, values.out]);
  while ((history.times[0] ?? at) < at - HISTORY_SECONDS) {
    for (const column of [history.times, history.micros, history.in, history.out]) column.shift();
  }
}

const GAP_SECONDS = 4;

function push(history: History, at: number, [micros, into, out]: readonly (number | null)[]): void {
  history.times.push(at);
  history.micros.push(micros ?? null);
  history.in.push(into ?? null);
  history.out.push(out ?? null);
}
