/** The main thread's handle on the race thread. */
import type { Worker } from 'node:worker_threads';
import type { RouteFacts } from '../core/choose/criterion.js';
import type { DecisionRecord } from '../core/decision-columns.js';
import type { DecidedFlow, DecisionFilter, DecisionPart, RecentDecisions } from '../core/decisions.js';
import type { EngineRoute, Micros, RouteNumber } from '../core/engine-types.js';
import type { MemoryRows } from '../core/memory/rows.js';
import type { Foreseen } from '../core/what-if.js';
import type { Broken } from '../kernel/boundary.js';
import { releaseHoldings } from '../kernel/ffi.js';
import type {
  ImaginedSetup,
  KernelPart,
  MemoryPart,
  MemoryPrefix,
  RaceReply,
  RaceRequest,
  RaceSnapshot,
  RaceThreadOptions,
  Rehearsed,
  RouteHealth,
  ServicesMessage,
} from '../kernel/race-messages.js';
import type { AddressWords, Family } from '../model/address.js';
import { ERRORS, type ErrorCode, PathraceError } from '../model/errors.js';
import type { Thread } from './prepared-thread.js';

/** A request without its number. */
type Question<T = RaceRequest> = T extends RaceRequest ? Omit<T, 'id'> : never;

/** What the thread tells unasked. */
export interface RaceEvents {
  /** It has ended although nobody had asked for it, and holds nothing any more. `memory`: what it remembered, if it could tell. */
  ended(error: PathraceError, memory: MemoryRows | null): void;
  /** It has rehearsed, before it began. */
  rehearsed(what: Rehearsed): void;
  /** The kernel's table is gone. */
  stateLost(): void;
  /** So many set-ups more have gone on by one route, since no copy could leave. */
  copiesRefused(count: number): void;
  /** A promise of ours was broken; the thread goes on. */
  broken(broken: Broken): void;
  /** A route shall be asked itself whether it is down. */
  askRoute(route: RouteNumber, family: Family): void;
  /** The health of some route has changed. */
  health(health: readonly RouteHealth[]): void;
}

const ANSWER_LIMIT_MS = 5000;
/** A thread that has said its last words is given this long to end. */
const LAST_BREATH_MS = 2000;

export class RaceClient {
  /** The thread hears what rules have put on a connection's entry. */
  seesEntries = false;

  private ended = false;
  private started = false;
  private stopping = false;
  private lastWords: PathraceError | null = null;
  private memoryLeft: MemoryRows | null = null;
  private nextId = 1;
  // BOUNDED: by the requests of one control connection each; every one ends after ANSWER_LIMIT_MS.
  private readonly waiting = new Map<number, (reply: RaceReply) => void>();

  private constructor(
    private readonly worker: Worker,
    private readonly events: RaceEvents,
  ) {}

  /** Has a thread begin; resolves when it listens to its queues. */
  static start(
    options: RaceThreadOptions,
    events: RaceEvents,
    { worker, holdings }: Thread,
  ): Promise<RaceClient> {
    const client = new RaceClient(worker, events);
    worker.postMessage(options);
    return new Promise((resolve, reject) => {
      worker.on('message', (reply: RaceReply) => {
        if (reply.id !== 0) return client.answered(reply);
        if (reply.kind === 'ready') {
          client.started = true;
          client.seesEntries = reply.seesEntries;
          if (reply.rehearsed !== null) events.rehearsed(reply.rehearsed);
          resolve(client);
        } else if (reply.kind === 'state-lost') {
          events.stateLost();
        } else if (reply.kind === 'copies-refused') {
          events.copiesRefused(reply.count);
        } else if (reply.kind === 'broken') {
          events.broken(reply.broken);
        } else if (reply.kind === 'ask-route') {
          events.askRoute(reply.route, reply.family);
        } else if (reply.kind === 'health') {
          events.health(reply.health);
        } else if (reply.kind === 'ending' || reply.kind === 'failed') {
          client.lastWords ??= toError(reply.code, reply.message);
          if (reply.kind === 'ending') client.memoryLeft = reply.memory;
          setTimeout(() => client.terminate(), LAST_BREATH_MS).unref();
        }
      });
      worker.on('error', (error) => {
        client.lastWords ??= toError('E_INTERNAL', String(error));
      });
      // Only now its queues are free for another.
      worker.on('exit', () => {
        releaseHoldings(holdings);
        const error = client.lastWords ?? toError('E_INTERNAL', 'The race thread ended.');
        // Once the thread has started this does nothing.
        reject(error);
        client.end(error);
      });
    });
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  async setRoutes(routes: readonly EngineRoute[]): Promise<void> {
    await this.ask({ kind: 'routes', routes });
  }

  /** Resolves when nothing is on its way to sets and maps of the kernel that are no longer named. */
  async setServices(services: ServicesMessage): Promise<void> {
    await this.ask({ kind: 'services', services });
  }

  async setFacts(facts: Partial<RouteFacts>, historyPeriod: Micros | null): Promise<void> {
    await this.ask({ kind: 'facts', facts, historyPeriod });
  }

  async checked(route: RouteNumber, family: Family, answered: boolean): Promise<void> {
    await this.ask({ kind: 'checked', route, family, answered });
  }

  async probed(route: RouteNumber, family: Family): Promise<void> {
    await this.ask({ kind: 'probed', route, family });
  }

  async asked(route: RouteNumber, family: Family, alive: boolean | null): Promise<void> {
    await this.ask({ kind: 'asked', route, family, alive });
  }

  /** Parts of what the kernel decides by are emptied, and filled again by what is known here. */
  async empty(parts: readonly KernelPart[]): Promise<void> {
    await this.ask({ kind: 'empty', parts });
  }

  /** Resolves when the kernel has all that it was told. */
  async settle(): Promise<void> {
    await this.ask({ kind: 'settle' });
  }

  /** A part of memory. */
  async memory(from: number, count: number, choices: boolean): Promise<MemoryPart> {
    const reply = await this.ask({ kind: 'memory', from, count, choices });
    if (reply.kind !== 'memory') throw unexpected(reply);
    return reply.part;
  }

  /** What is remembered of one destination: a part of one slot, or of none. */
  async memoryOf(destination: AddressWords): Promise<MemoryPart> {
    const reply = await this.ask({ kind: 'memory-of', destination });
    if (reply.kind !== 'memory') throw unexpected(reply);
    return reply.part;
  }

  async snapshot(): Promise<RaceSnapshot> {
    const reply = await this.ask({ kind: 'snapshot' });
    if (reply.kind !== 'snapshot') throw unexpected(reply);
    return reply.snapshot;
  }

  /** Decisions newest first; `originMs` is the wall time at which their clock was 0. */
  async decisions(
    filter: DecisionFilter,
    limit: number,
    before: number | null = null,
  ): Promise<FoundDecisions> {
    const reply = await this.ask({ kind: 'decisions', filter, limit, before });
    if (reply.kind !== 'decisions') throw unexpected(reply);
    return reply;
  }

  /** Of the decisions from number `since` on the newest, at most `most`. */
  async recent(
    since: number,
    most: number,
  ): Promise<{ readonly recent: RecentDecisions; readonly originMs: number }> {
    const reply = await this.ask({ kind: 'recent', since, most });
    if (reply.kind !== 'recent') throw unexpected(reply);
    return reply;
  }

  /** The newest decision about each of these flows; null: none is remembered. */
  async decisionsOf(flows: readonly DecidedFlow[]): Promise<{
    readonly decisions: readonly (DecisionRecord | null)[];
    readonly originMs: number;
  }> {
    const reply = await this.ask({ kind: 'decisions-of', flows });
    if (reply.kind !== 'decisions-of') throw unexpected(reply);
    return reply;
  }

  /** What would become of a first packet now. */
  async whatIf(set: ImaginedSetup): Promise<Foreseen> {
    const reply = await this.ask({ kind: 'what-if', set });
    if (reply.kind !== 'what-if') throw unexpected(reply);
    return reply.foreseen;
  }

  /** Forgets a part of memory; `next`: first slot of the next part, -1: there is none. */
  async forget(
    from: number,
    count: number,
    prefix: MemoryPrefix | null,
  ): Promise<{ readonly count: number; readonly next: number }> {
    const reply = await this.ask({ kind: 'forget', from, count, prefix });
    if (reply.kind !== 'forgotten') throw unexpected(reply);
    return reply;
  }

  /** The next decisions from number `from` on, below 0: those to come; only those that are complete, unless it is the last time. */
  async decisionPart(
    from: number,
    limit: number,
    isLast: boolean,
  ): Promise<{ part: DecisionPart; originMs: number }> {
    const reply = await this.ask({ kind: 'decision-part', from, limit, isLast });
    if (reply.kind !== 'decision-part') throw toError('E_INTERNAL', `Unexpected answer "${reply.kind}".`);
    return reply;
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    this.stopping = true;
    await this.ask({ kind: 'stop' }).catch(() => undefined);
    await this.worker.terminate();
  }

  private terminate(): void {
    this.worker.terminate().catch(() => undefined);
  }

  private ask(question: Question): Promise<RaceReply> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(toError('E_INTERNAL', 'The race thread has ended.'));
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(toError('E_INTERNAL', `The race thread did not answer "${question.kind}" in time.`));
      }, ANSWER_LIMIT_MS);
      this.waiting.set(id, (reply) => {
        clearTimeout(timer);
        if (reply.kind === 'failed') reject(toError(reply.code, reply.message));
        else resolve(reply);
      });
      this.worker.postMessage({ ...question, id });
    });
  }

  private answered(reply: RaceReply): void {
    const resolve = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    resolve?.(reply);
  }

  private end(error: PathraceError): void {
    if (this.ended) return;
    this.ended = true;
    for (const [id, resolve] of this.waiting)
      resolve({ id, kind: 'failed', code: error.code, message: error.message });
    this.waiting.clear();
    if (this.started && !this.stopping) this.events.ended(error, this.memoryLeft);
  }
}

export interface FoundDecisions {
  /** Newest first. */
  readonly decisions: readonly DecisionRecord[];
  /** When the oldest that is remembered was made; null: there is none. */
  readonly oldestAt: Micros | null;
  /** Monotonic time, milliseconds, at which their clock was 0. */
  readonly originMs: number;
}

function unexpected({ kind }: RaceReply): PathraceError {
  return toError('E_INTERNAL', `Unexpected answer "${kind}".`);
}

function toError(code: string, message: string): PathraceError {
  return new PathraceError(code in ERRORS ? (code as ErrorCode) : 'E_INTERNAL', message);
}
