/** The virtual clock: events in the order of their times, and of their planning where times are equal. */
import type { Micros } from '../core/engine-types.js';
import { assert } from '../model/errors.js';

interface Event {
  readonly at: Micros;
  readonly order: number;
  readonly action: () => void;
}

/** More waiting events than any run needs: a run that gets there plans without end. */
const MOST_EVENTS = 1_000_000;

export class Schedule {
  /** Microseconds since the start of the run. */
  now: Micros = 0;

  // BOUNDED: MOST_EVENTS; more is a bug of the run.
  private readonly heap: Event[] = [];
  private planned = 0;

  /** Plans an action; one in the past happens next. */
  at(time: Micros, action: () => void): void {
    assert(this.heap.length < MOST_EVENTS, 'the simulation plans events without end');
    const event = { at: Math.max(time, this.now), order: this.planned++, action };
    const { heap } = this;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!precedes(event, heap[parent])) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = event;
  }

  after(micros: Micros, action: () => void): void {
    this.at(this.now + micros, action);
  }

  /** Lets time pass until `end`; everything that is planned up to and including then happens. */
  runUntil(end: Micros): void {
    while (this.heap.length > 0 && this.heap[0].at <= end) {
      const event = this.take();
      this.now = event.at;
      event.action();
    }
    this.now = Math.max(this.now, end);
  }

  private take(): Event {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1], heap[child])) child++;
      if (!precedes(heap[child], last)) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function precedes(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
