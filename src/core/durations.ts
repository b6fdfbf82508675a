/** How long answers and decisions have taken, by service and route: counted where they become known, for whoever shows it. */
import { countTime, createHistograms, HISTOGRAM_CELLS } from '../model/histogram.js';
import type { Micros, RouteNumber, ServiceNumber } from './engine-types.js';

/** Numbers of services are smaller. */
export const SERVICE_NUMBERS = 128;

/** BOUNDED: a histogram for each service and route that there can be; the memory of those that nobody uses is never touched. */
export class Durations {
  /** Of service s and route r from `cellOf(s, r)` on. Read by other threads. */
  readonly cells: Float64Array;

  constructor(private readonly routes: number) {
    this.cells = createHistograms(SERVICE_NUMBERS * (routes + 1));
  }

  note(service: ServiceNumber, route: RouteNumber, micros: Micros): void {
    countTime(this.cells, cellOf(service, route, this.routes), micros);
  }
}

/** First cell of a histogram. `routes`: how many there can be. */
export function cellOf(service: ServiceNumber, route: RouteNumber, routes: number): number {
  return (service * (routes + 1) + route) * HISTOGRAM_CELLS;
}
