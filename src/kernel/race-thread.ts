/**
 * The race loop's own thread: engine, queues, raw sockets, the kernel's memory and the sign of life. It talks with the main
 * thread in messages, so that nothing an operator does delays a packet.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type MemoryRows, restore } from '../core/memory/rows.js';
import { PathraceError } from '../model/errors.js';
import { SINGLE_REASONS } from '../model/reasons.js';
import { Boundary, describeError } from './boundary.js';
import { CallFollower } from './call-follower.js';
import { originMs } from './clock.js';
import { callQueue } from './constants.js';
import { DnsLearner } from './dns-learner.js';
import { noteHoldings, type Watch, watchReadable } from './ffi.js';
import { FrontEnd } from './front-end.js';
import { Heartbeat } from './heartbeat.js';
import { LoopDelay } from './loop-delay.js';
import { marksOf } from './marks.js';
import { readQueueState } from './queue-state.js';
import type {
  KernelPart,
  RaceReply,
  RaceRequest,
  RaceSnapshot,
  RaceThreadData,
  RaceThreadOptions,
  Rehearsed,
  ServicesMessage,
} from './race-messages.js';
import { foresee, forgetPart, memoryOf } from './race-questions.js';
import { healthOf, memoryPart, rowsOf, takeSnapshot } from './race-report.js';
import { rehearse } from './rehearsal/rehearsal.js';
import { SessionCounter } from './session-counter.js';
import { WordsLog } from './words-log.js';

/** The engine's deadlines are kept to within this; those of waiting copies to a millisecond. */
const TICK_MS = 20;
/** Renewals within the life of the sign. */
const BEATS = 4;
/** After an overload the kernel has new connections for itself for this long. */
const OVERLOAD_PAUSE_MICROS = 1_000_000;
/** Losers are waited for no longer (commit/decided.ts); then a decision is complete. */
const SETTLED_MICROS = 5_000_000;
/** Memory is looked through a part at a time. */
const UPKEEP_MS = 100;

class RaceThread {
  private readonly frontEnd: FrontEnd;
  private readonly heartbeat: Heartbeat;
  private readonly dns: DnsLearner;
  private readonly calls: CallFollower;
  private readonly sessions: SessionCounter;
  private readonly words: WordsLog | null;
  private readonly watches: Watch[] = [];
  private readonly timers: NodeJS.Timeout[] = [];
  private startTimer: NodeJS.Timeout | null = null;
  private refilling = false;
  private overloads = 0;
  private readonly delay = new LoopDelay(TICK_MS);
  /** Set-ups without a copy that the main thread has been told of. */
  private refused = 0;
  private pausedUntil = 0;
  private readonly boundary = new Boundary({
    clock: () => performance.now(),
    onBroken: (broken) => send({ id: 0, kind: 'broken', broken }),
    onMany: (error) => this.fail(error),
  });
  private failed = false;
  /** Routes that were open when their health changed last. */
  private open = 0;

  constructor(private readonly options: RaceThreadOptions) {
    this.words = WordsLog.open(options.queue);
    const stateLost = (): void => send({ id: 0, kind: 'state-lost' });
    this.frontEnd = new FrontEnd({
      settings: options.settings,
      mark: options.mark,
      queue: options.queue,
      queueLength: options.queueLength,
      hasIpv6: options.hasIpv6,
      tellsPayloads: this.words !== null,
      staleAfterMicros: options.heartbeatMs * 1000,
      clock,
      boundary: this.boundary,
      onHealth: () => this.healthChanged(),
      onAsk: (route, family) => send({ id: 0, kind: 'ask-route', route, family }),
      onStateLost: stateLost,
    });
    this.heartbeat = new Heartbeat(options.heartbeatMs, stateLost);
    this.dns = new DnsLearner(options.queue + 2, this.frontEnd, this.boundary, clock);
    this.calls = new CallFollower(callQueue(options.queue), this.frontEnd, {
      marks: marksOf(options.mark),
      boundary: this.boundary,
      clock,
    });
    this.sessions = new SessionCounter(this.frontEnd.engine, marksOf(options.mark), this.boundary);
  }

  start(rehearsed: Rehearsed | null): void {
    const { frontEnd, options } = this;
    this.setServices(options.services);
    frontEnd.setRoutes(options.routes);
    frontEnd.adopt();
    if (options.memory !== null) {
      const { rows, newNumber, elapsedMs } = options.memory;
      restore(frontEnd.engine.memory, rows, newNumber, clock(), elapsedMs);
    }
    this.empty(options.empty);
    const run = this.boundary.around('the queues', () => {
      frontEnd.run();
      this.planStart();
    });
    // So many errors already that it ends.
    if (this.failed) return;
    this.watches.push(watchReadable(frontEnd.wan.fd, run), watchReadable(frontEnd.lan.fd, run));
    const { words } = this;
    if (words !== null) {
      const hear = this.boundary.around('first words', () => words.read(frontEnd));
      this.watches.push(watchReadable(words.fd, hear));
    }
    const every = (ms: number, work: () => void): number =>
      this.timers.push(setInterval(this.boundary.around('a timer', work), ms));
    every(TICK_MS, () => {
      this.delay.tick(performance.now());
      frontEnd.tick();
    });
    every(options.heartbeatMs / BEATS, () => this.beat());
    every(UPKEEP_MS, () => {
      frontEnd.upkeep.step();
      this.tellRefused();
    });
    this.heartbeat.first();
    this.refill();
    send({ id: 0, kind: 'ready', seesEntries: frontEnd.seesEntries, rehearsed });
    send({ id: 0, kind: 'health', health: healthOf(frontEnd.engine) });
  }

  /** Whoever asks gets an answer, also when it breaks. */
  answer(request: RaceRequest): void {
    try {
      this.act(request);
    } catch (error) {
      this.boundary.caught(`the message "${request.kind}"`, error);
      send({ id: request.id, kind: 'failed', ...failureOf(error) });
    }
  }

  private act(request: RaceRequest): void {
    const { frontEnd } = this;
    const { engine } = frontEnd;
    const { id } = request;
    switch (request.kind) {
      case 'routes':
        frontEnd.setRoutes(request.routes);
        return send({ id, kind: 'done' });
      case 'services':
        this.setServices(request.services);
        return this.afterwards(request, frontEnd.kernel.idle());
      case 'facts':
        engine.setFacts(request.facts, request.historyPeriod);
        engine.measureHistory(clock());
        return send({ id, kind: 'done' });
      case 'checked':
      case 'asked':
      case 'probed':
        frontEnd.note(request);
        return send({ id, kind: 'done' });
      case 'empty':
        this.empty(request.parts);
        return this.afterwards(request, this.dns.retell(request.parts));
      case 'settle':
        return this.afterwards(request, frontEnd.kernel.idle());
      case 'memory': {
        const { from, count, choices } = request;
        return send({ id, kind: 'memory', part: memoryPart(engine, from, count, choices, clock()) });
      }
      case 'snapshot':
        return send({
          id,
          kind: 'snapshot',
          snapshot: takeSnapshot(frontEnd, this.calls.snapshot(), this.troubles(), clock()),
        });
      case 'decisions': {
        const { filter, limit, before } = request;
        const decisions = engine.findDecisions(filter, limit, before ?? undefined);
        const oldestAt = engine.decisions.oldest()?.at ?? null;
        return send({ id, kind: 'decisions', decisions, oldestAt, originMs: originMs() });
      }
      case 'recent': {
        const recent = engine.decisions.since(request.since, request.most);
        return send({ id, kind: 'recent', recent, originMs: originMs() });
      }
      case 'decisions-of': {
        const decisions = engine.decisions.ofFlows(request.flows);
        return send({ id, kind: 'decisions-of', decisions, originMs: originMs() });
      }
      case 'what-if':
        return send({ id, kind: 'what-if', foreseen: foresee(engine, request.set, clock()) });
      case 'memory-of':
        return send({ id, kind: 'memory', part: memoryOf(engine, request.destination, clock()) });
      case 'forget': {
        const { from, count, prefix } = request;
        return send({ id, kind: 'forgotten', ...forgetPart(engine, from, count, prefix, clock()) });
      }
      case 'decision-part': {
        const { from, limit, isLast } = request;
        const before = isLast ? Number.POSITIVE_INFINITY : clock() - SETTLED_MICROS;
        const part = engine.shard.decisions.part(from, limit, before);
        return send({ id, kind: 'decision-part', part, originMs: originMs() });
      }
      case 'stop':
        return this.afterwards(
          request,
          this.stop().finally(() => setImmediate(() => parentPort!.close())),
        );
    }
  }

  /** Answers when the work is done, or has failed. */
  private afterwards({ id, kind }: RaceRequest, work: Promise<void>): void {
    work.then(
      () => send({ id, kind: 'done' }),
      (error: unknown) => {
        this.boundary.caught(`the message "${kind}"`, error);
        send({ id, kind: 'failed', ...failureOf(error) });
      },
    );
  }

  private healthChanged(): void {
    const { engine, upkeep } = this.frontEnd;
    const open = engine.openMask(4) | (engine.openMask(6) << 16);
    // What was learnt without a route that is back may no longer be the best: the kernel asks about it again.
    if ((open & ~this.open) !== 0) {
      upkeep.sayAgain();
      this.refill();
    }
    this.open = open;
    send({ id: 0, kind: 'health', health: healthOf(engine) });
  }

  private setServices(message: ServicesMessage): void {
    const { services, memory, domains, readsDns } = message;
    const { frontEnd } = this;
    const before = frontEnd.engine.memorySettings.trustMicros;
    frontEnd.setServices(message);
    // The kernel must not trust for longer than is said now.
    if (memory.trustMicros < before) frontEnd.empty(['memory']);
    this.dns.setDomains(
      domains,
      services.some((service) => service.affinity === 'client+site'),
    );
    this.dns.setResolvers(message.resolvers);
    this.dns.listen(readsDns);
    frontEnd.engine.setCallWeights(message.callWeights);
    this.calls.follow(message.followed, message.signalPorts);
    this.sessions.follow();
    // A new memory is empty, and others may be trusted for longer.
    frontEnd.upkeep.sayAgain();
    this.refill();
  }

  private empty(parts: readonly KernelPart[]): void {
    this.frontEnd.empty(parts);
    if (parts.includes('memory')) this.refill();
  }

  /** The kernel hears of all that memory trusts, a little at a time. */
  private refill(): void {
    if (this.refilling) return;
    this.refilling = true;
    const step = this.boundary.around('the kernel’s memory', () => {
      this.refilling = this.frontEnd.upkeep.refill();
      if (this.refilling) setTimeout(step, 2);
    });
    step();
  }

  /** A copy that waits for its turn leaves to the millisecond; everything else can wait for the next tick. */
  private planStart(): void {
    const wait = (this.frontEnd.engine.nextDeadline() - clock()) / 1000;
    if (wait >= TICK_MS || this.startTimer !== null) return;
    this.startTimer = setTimeout(
      this.boundary.around('a timer', () => {
        this.startTimer = null;
        this.frontEnd.tick();
        this.planStart();
      }),
      Math.max(1, Math.ceil(wait)),
    );
  }

  private troubles(): Pick<RaceSnapshot, 'overloads' | 'broken' | 'delay'> {
    return { overloads: this.overloads, broken: this.boundary.count, delay: this.delay.cells };
  }

  private tellRefused(): void {
    const all = this.frontEnd.engine.counters.single[SINGLE_REASONS.indexOf('copies-refused')];
    if (all > this.refused) send({ id: 0, kind: 'copies-refused', count: all - this.refused });
    this.refused = all;
  }

  private beat(): void {
    if (isOverloaded(this.options)) {
      // A full queue would cost answers of races: better no races for a while than lost ones.
      this.heartbeat.pause();
      this.pausedUntil = clock() + OVERLOAD_PAUSE_MICROS;
      this.overloads++;
    } else if (clock() >= this.pausedUntil) {
      this.heartbeat.beat();
    }
  }

  private async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    if (this.startTimer !== null) clearTimeout(this.startTimer);
    await this.heartbeat.stop();
    this.boundary.run('the queues', () => this.frontEnd.run());
    if (!this.failed) this.close();
  }

  private close(): void {
    for (const watch of this.watches.splice(0)) watch.close();
    this.sessions.close();
    this.dns.close();
    this.calls.close();
    this.words?.close();
    this.frontEnd.close();
  }

  /**
   * A bug must not leave the loop half alive: the thread ends, the sign of life runs out, the kernel goes on. The queues are
   * closed here, for the kernel to go on at once; all else is given back when the thread is gone, since the kernel may still be
   * busy with it. The thread ends outside of the callback, which is called from native code.
   */
  private fail(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    for (const timer of this.timers) clearInterval(timer);
    send({ id: 0, kind: 'ending', ...failureOf(error), memory: this.lastMemory() });
    setImmediate(() => process.exit(1));
    this.close();
  }

  private lastMemory(): MemoryRows | null {
    try {
      return rowsOf(this.frontEnd.engine, clock());
    } catch {
      return null;
    }
  }

  /** What is thrown where no boundary is, or by work that nobody waits for, is an error like any other. */
  guard(): void {
    process.on('uncaughtException', (error) => this.boundary.caught('an event', error));
    process.on('unhandledRejection', (error) => this.boundary.caught('work in the background', error));
  }
}

function clock(): number {
  return performance.now() * 1000;
}

function send(reply: RaceReply): void {
  parentPort!.postMessage(reply);
}

/** Either queue more than half full: packets come faster than they are handled, and the next will be let by unseen. */
function isOverloaded({ queue, queueLength }: RaceThreadOptions): boolean {
  const limit = queueLength / 2;
  return readQueueState(queue).waiting > limit || readQueueState(queue + 1).waiting > limit;
}

function failureOf(error: unknown): { code: string; message: string } {
  return { code: error instanceof PathraceError ? error.code : 'E_INTERNAL', message: describeError(error) };
}

/** As it is told to. */
async function begin(options: RaceThreadOptions, rehearsal: Promise<Rehearsed> | null): Promise<void> {
  try {
    const rehearsed = await rehearsal;
    const thread = new RaceThread(options);
    thread.guard();
    parentPort!.on('message', (request: RaceRequest) => thread.answer(request));
    thread.start(rehearsed);
  } catch (error) {
    send({ id: 0, kind: 'failed', ...failureOf(error) });
    setImmediate(() => process.exit(1));
  }
}

const { holdings, rehearses } = workerData as RaceThreadData;
noteHoldings(holdings);
const rehearsal = rehearses ? rehearse(clock) : null;
parentPort!.once('message', (options: RaceThreadOptions) => begin(options, rehearsal));
