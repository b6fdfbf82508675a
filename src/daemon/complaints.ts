/** What does not work at the moment and is tried again: said once when it begins, once when it is over, and an alarm meanwhile. */
import type { Log } from '../observe/log.js';

/** What is tried again and again, by what the log calls it. */
const WHAT = {
  change: 'the kernel’s state could not be brought up to date',
  measure: 'measurements did not reach the race thread',
  settings: 'kernel settings could not be looked at',
  operator: 'the rules of other tables could not be read',
  paths: 'the paths of routes could not be looked at',
  ports: 'the use of ports could not be looked at',
  cut: 'connections could not be cut',
  guard: 'the counters of the guard could not be looked at',
  api: 'the API over TCP could not be brought up to date',
  events: 'the stream of events could not be told',
} as const;

export type Tried = keyof typeof WHAT;

export class Complaints {
  private readonly open = new Map<Tried, string>();

  constructor(private readonly log: Log) {}

  failed(what: Tried, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.open.get(what) === message) return;
    this.open.set(what, message);
    this.log.error({ event: `${what}-failed` }, `${WHAT[what]}, it is tried again: ${message}`);
  }

  worked(what: Tried): void {
    if (this.open.delete(what)) this.log.info({ event: `${what}-works` }, `no longer true: ${WHAT[what]}`);
  }

  /** The same of one thing, for whoever tries it. */
  about(what: Tried): { failed(error: unknown): void; worked(): void } {
    return { failed: (error) => this.failed(what, error), worked: () => this.worked(what) };
  }

  alarms(): string[] {
    return [...this.open].map(([what, message]) => `${WHAT[what]}: ${message}`);
  }
}
