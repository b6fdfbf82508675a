/**
 * The race loop's own thread: engine, queues, raw sockets and the sign of life. It talks with the main thread in
 * messages, so that nothing an operator does delays a packet.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { DecisionRecord } from '../core/decisions.js';
import type { EngineCounters, EngineRoute, EngineSettings } from '../core/engine-types.js';
import { PathraceError } from '../model/errors.js';
import { type Watch, watchReadable } from './ffi.js';
import { FrontEnd } from './front-end.js';
import { Heartbeat } from './heartbeat.js';
import { readQueueState } from './queue-state.js';

/** What the thread is started with. */
export interface RaceThreadOptions {
  readonly settings: EngineSettings;
  readonly routes: readonly EngineRoute[];
  readonly queue: number;
  readonly queueLength: number;
  readonly hasIpv6: boolean;
  readonly heartbeatMs: number;
}

/** From the main thread. `id` comes back in the answer. */
export type RaceRequest =
  | { readonly id: number; readonly kind: 'routes'; readonly routes: readonly EngineRoute[] }
  | { readonly id: number; readonly kind: 'snapshot' }
  | {
      readonly id: number;
      readonly kind: 'decisions';
      readonly address: Int32Array | null;
      readonly port: number | null;
      readonly limit: number;
    }
  | { readonly id: number; readonly kind: 'stop' };

/** To the main thread. `id` 0: unasked, at the start. */
export type RaceReply =
  /** `state-lost`: somebody has removed our table from the kernel. */
  | { readonly id: number; readonly kind: 'ready' | 'done' | 'state-lost' }
  | { readonly id: number; readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly id: number; readonly kind: 'snapshot'; readonly snapshot: RaceSnapshot }
  | {
      readonly id: number;
      readonly kind: 'decisions';
      readonly decisions: readonly DecisionRecord[];
      /** Wall time, milliseconds, of the origin of the engine's clock. */
      readonly originMs: number;
    };

/** Counters of the thread. */
export interface RaceSnapshot {
  readonly engine: EngineCounters;
  readonly dropped: Float64Array;
  readonly stale: number;
  readonly undecodable: number;
  /** How often new connections were left to the kernel because more packets came than could be handled. */
  readonly overloads: number;
  readonly received: { readonly lan: number; readonly wan: number };
}

/** The engine's deadlines are kept to within this. */
const TICK_MS = 20;
/** Renewals within the life of the sign. */
const BEATS = 4;
/** After an overload the kernel has new connections for itself for this long. */
const OVERLOAD_PAUSE_MICROS = 1_000_000;

function start(options: RaceThreadOptions): void {
  const clock = (): number => performance.now() * 1000;
  const frontEnd = new FrontEnd({
    settings: options.settings,
    queue: options.queue,
    queueLength: options.queueLength,
    hasIpv6: options.hasIpv6,
    staleAfterMicros: options.heartbeatMs * 1000,
    clock,
  });
  frontEnd.setRoutes(options.routes);
  frontEnd.adopt();
  const heartbeat = new Heartbeat(options.heartbeatMs, () => {
    parentPort!.postMessage({ id: 0, kind: 'state-lost' } satisfies RaceReply);
  });
  let overloads = 0;
  let pausedUntil = 0;
  const beat = (): void => {
    if (isOverloaded(options)) {
      // A full queue would cost answers of races: better no races for a while than lost ones.
      heartbeat.pause();
      pausedUntil = clock() + OVERLOAD_PAUSE_MICROS;
      overloads++;
    } else if (clock() >= pausedUntil) {
      heartbeat.beat();
    }
  };
  const watches: Watch[] = [];
  const timers: NodeJS.Timeout[] = [];
  const close = (): void => {
    for (const watch of watches.splice(0)) watch.close();
    frontEnd.close();
  };
  // A bug must not leave the loop half alive: the thread ends, the sign of life runs out, the kernel goes on. The queues are
  // closed here, since descriptors of ours do not end with the thread; and the thread ends outside of the callback,
  // which is called from native code.
  let failed = false;
  const guarded = (work: () => void) => (): void => {
    if (failed) return;
    try {
      work();
    } catch (error) {
      failed = true;
      for (const timer of timers) clearInterval(timer);
      reportFailure(error);
      close();
      setImmediate(() => process.exit(1));
    }
  };
  const run = guarded(() => frontEnd.run());
  watches.push(watchReadable(frontEnd.wan.fd, run), watchReadable(frontEnd.lan.fd, run));
  const tick = guarded(() => frontEnd.tick());
  timers.push(setInterval(tick, TICK_MS), setInterval(guarded(beat), options.heartbeatMs / BEATS));
  heartbeat.first();

  const stop = async (): Promise<void> => {
    for (const timer of timers) clearInterval(timer);
    await heartbeat.stop();
    run();
    if (!failed) close();
  };

  parentPort!.on('message', (request: RaceRequest) => {
    const reply = (message: RaceReply): void => parentPort!.postMessage(message);
    const { id } = request;
    switch (request.kind) {
      case 'routes':
        frontEnd.setRoutes(request.routes);
        return reply({ id, kind: 'done' });
      case 'snapshot':
        return reply({ id, kind: 'snapshot', snapshot: { ...takeSnapshot(frontEnd), overloads } });
      case 'decisions': {
        const { address, port, limit } = request;
        const { engine } = frontEnd;
        const decisions =
          address === null ? engine.latestDecisions(limit) : engine.decisionsFor(address, port, limit);
        return reply({ id, kind: 'decisions', decisions, originMs: performance.timeOrigin });
      }
      case 'stop':
        void stop().then(() => {
          reply({ id, kind: 'done' });
          parentPort!.close();
        });
        return;
    }
  });
  parentPort!.postMessage({ id: 0, kind: 'ready' } satisfies RaceReply);
}

/** Either queue more than half full: packets come faster than they are handled, and the next will be let by unseen. */
function isOverloaded({ queue, queueLength }: RaceThreadOptions): boolean {
  const limit = queueLength / 2;
  return readQueueState(queue).waiting > limit || readQueueState(queue + 1).waiting > limit;
}

function takeSnapshot(frontEnd: FrontEnd): Omit<RaceSnapshot, 'overloads'> {
  return {
    engine: frontEnd.engine.counters,
    dropped: frontEnd.dropped,
    stale: frontEnd.stale,
    undecodable: frontEnd.lan.undecodable + frontEnd.wan.undecodable,
    received: { lan: frontEnd.lan.received, wan: frontEnd.wan.received },
  };
}

function reportFailure(error: unknown): void {
  const known = error instanceof PathraceError;
  const message = known
    ? `${error.message}${error.found === undefined ? '' : ` Found: ${error.found}.`}`
    : String((error as Error).stack ?? error);
  parentPort!.postMessage({
    id: 0,
    kind: 'failed',
    code: known ? error.code : 'E_INTERNAL',
    message,
  } satisfies RaceReply);
}

try {
  start(workerData as RaceThreadOptions);
} catch (error) {
  reportFailure(error);
  parentPort!.close();
}
