/**
 * Keeps a race thread running. When one has ended another follows, which goes on with what the first remembered; the kernel goes on
 * by itself meanwhile. A thread that keeps ending has a bug that no restart heals.
 */
import type { MemoryRows } from '../core/memory/rows.js';
import type { PathraceError } from '../model/errors.js';
import type { Log } from '../observe/log.js';
import { makeThread, PreparedThread, type Thread } from './prepared-thread.js';
import type { RaceEvents } from './race-client.js';
import { RestartLimit } from './restart-limit.js';
import { logRehearsal } from './route-log.js';

export interface RaceKeeperContext {
  readonly log: Log;
  /** Starts a thread. Never in the middle of a change: what it is told must be in the kernel. */
  start(): Promise<void>;
  /** What the thread that has ended remembered; null: it could not tell. */
  ended(memory: MemoryRows | null): void;
  giveUp(error: PathraceError): void;
}

const RESTART_DELAY_MS = 500;

export class RaceKeeper {
  /** Threads that have ended. */
  private ends = 0;

  private readonly limit = new RestartLimit();
  private timer: NodeJS.Timeout | null = null;
  private closed = false;
  private prepared: PreparedThread | null = null;

  constructor(private readonly context: RaceKeeperContext) {}

  alarms(): string[] {
    return this.ends === 0 ? [] : [`the race thread has ended ${this.ends} times and was started again`];
  }

  readonly events: Pick<RaceEvents, 'ended' | 'rehearsed'> = {
    ended: (error, memory) => {
      const { log } = this.context;
      this.ends++;
      log.error({ event: 'race-thread-ended', code: error.code }, error.message);
      this.context.ended(memory);
      this.startSoon(error);
    },
    rehearsed: (what) => logRehearsal(this.context.log, what),
  };

  /** The first thread gets ready while the gateway does what it must before it can begin. Those that follow begin at once. */
  async prepare(): Promise<void> {
    this.prepared = new PreparedThread();
  }

  /** One to begin with. */
  thread(): Thread {
    return this.prepared?.take() ?? makeThread(false);
  }

  close(): void {
    this.closed = true;
    this.prepared?.close().catch(() => undefined);
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private startSoon(error: PathraceError): void {
    if (this.closed) return;
    if (!this.limit.allows(performance.now())) return this.context.giveUp(error);
    this.timer = setTimeout(() => {
      this.context.start().catch((reason: PathraceError) => {
        this.context.log.error({ event: 'race-thread-failed', code: reason.code }, reason.message);
        this.startSoon(reason);
      });
    }, RESTART_DELAY_MS);
  }
}
