/**
 * The boundary around one piece of work of the race thread: a packet, an event, a message, a timer. An error in it, a broken promise of
 * ours, ends that piece alone: it is counted and told, and the loop goes on. Only many in a short time end the thread, since then
 * nothing works any more and the kernel does better by itself.
 */
import { countBug, PathraceError } from '../model/errors.js';

const MANY = { errors: 1000, withinMs: 10_000 } as const;
/** Between two words about it: one hostile host must not fill the log. */
const TELL_EVERY_MS = 10_000;

export interface BoundaryOptions {
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Of the first error, and of the latest one when it has been silent for a while. `count`: since start. */
  readonly onBroken: (broken: Broken) => void;
  /** Nothing is called after this. */
  readonly onMany: (error: unknown) => void;
}

export interface Broken {
  readonly what: string;
  readonly message: string;
  readonly count: number;
}

export class Boundary {
  /** Errors caught since start. */
  count = 0;

  private ended = false;
  private toldAt = Number.NEGATIVE_INFINITY;
  private windowAt = Number.NEGATIVE_INFINITY;
  private inWindow = 0;

  constructor(private readonly options: BoundaryOptions) {}

  /** The same work inside the boundary. */
  around(what: string, work: () => void): () => void {
    return () => this.run(what, work);
  }

  run(what: string, work: () => void): void {
    if (this.ended) return;
    try {
      work();
    } catch (error) {
      this.caught(what, error);
    }
  }

  /** For whoever catches by itself, since it has more to do then. */
  caught(what: string, error: unknown): void {
    this.count++;
    if (!(error instanceof PathraceError)) countBug();
    const now = this.options.clock();
    if (now - this.windowAt >= MANY.withinMs) {
      this.windowAt = now;
      this.inWindow = 0;
    }
    this.inWindow++;
    if (now - this.toldAt >= TELL_EVERY_MS) {
      this.toldAt = now;
      this.options.onBroken({ what, message: describeError(error), count: this.count });
    }
    if (this.inWindow < MANY.errors || this.ended) return;
    this.ended = true;
    this.options.onMany(error);
  }
}

/** What is no error of ours with a code is a bug. */
export function asPathraceError(error: unknown): PathraceError {
  return error instanceof PathraceError ? error : new PathraceError('E_INTERNAL', describeError(error));
}

/** A known error in its own words, another one with its stack. */
export function describeError(error: unknown): string {
  if (error instanceof PathraceError)
    return `${error.message}${error.found === undefined ? '' : ` Found: ${error.found}.`}`;
  return String((error as Error | null)?.stack ?? error);
}
