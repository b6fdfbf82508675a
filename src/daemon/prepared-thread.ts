/** Race threads before they begin. */
import { Worker } from 'node:worker_threads';
import { createHoldings, releaseHoldings } from '../kernel/ffi.js';
import type { RaceThreadData } from '../kernel/race-messages.js';

/** A thread that loads its code and rehearses while the gateway does what it must before it can begin. */
export class PreparedThread {
  private thread: Thread | null = makeThread(process.env.PATHRACE_REHEARSAL !== 'no');

  constructor() {
    const { worker, holdings } = this.thread!;
    // What has gone wrong is told, or met again, by who begins.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (this.thread === null) return;
      this.thread = null;
      releaseHoldings(holdings);
    });
    worker.unref();
  }

  /** For the caller alone from now on; null: it has ended. */
  take(): Thread | null {
    const { thread } = this;
    this.thread = null;
    thread?.worker.ref();
    return thread;
  }

  /** Ends it, unless somebody has taken it. */
  async close(): Promise<void> {
    await this.thread?.worker.terminate();
  }
}

/** One that waits for its first message. */
export interface Thread {
  readonly worker: Worker;
  readonly holdings: SharedArrayBuffer;
}

export function makeThread(rehearses: boolean): Thread {
  const data: RaceThreadData = { holdings: createHoldings(), rehearses };
  const worker = new Worker(new URL('../kernel/race-thread.js', import.meta.url), { workerData: data });
  return { worker, holdings: data.holdings };
}
