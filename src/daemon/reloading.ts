/**
 * A changed configuration is taken over as a whole or not at all (docs/decisions/0029). What could not be applied is undone, said, kept,
 * and tried again; until then the configuration before is in force, and the file counts as not taken over.
 */
import type { ReloadPreview, ReloadReport } from '../api/contract.js';
import { planReload, type ReloadPlan } from '../config/plan.js';
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import type { Log } from '../observe/log.js';
import type { ConfigSource } from './config-source.js';
import type { Numbers } from './numbers.js';

export interface ReloadContext {
  readonly log: Log;
  readonly source: ConfigSource;
  /** Told while one runs: a manager may want to know. */
  around?<T>(work: () => Promise<T>): Promise<T>;
  /** How many routes there were at the start. */
  readonly atStart: number;
  /** With the configuration in force. */
  inForce(): {
    readonly config: GatewayConfig;
    readonly flows: { readonly counts: { perRoute(): ReadonlyMap<number, number> } } | null;
    readonly numbers: { readonly routes: Numbers };
  };
  /** One change after the other. */
  enqueue(work: () => Promise<void>): Promise<void>;
  /** All of it, or an error and nothing. */
  takeOver(plan: ReloadPlan): Promise<void>;
  /** It is in force: what must not be forgotten of it is kept. */
  isOver(): Promise<unknown>;
}

/** The first pause before it is tried again, and the longest. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export class Reloading {
  /** What was asked for and could not be applied. */
  private owed: Owed | null = null;
  private timer: NodeJS.Timeout | null = null;
  private closed = false;
  private asked = 0;
  private parsing: Promise<unknown> = Promise.resolve();

  constructor(private readonly context: ReloadContext) {}

  /** Reads the file again and takes over what can be changed now. Throws E_CONFIG_INVALID, E_RELOAD_FAILED. */
  reload(): Promise<ReloadReport> {
    const { around = (work) => work() } = this.context;
    return around(() => this.read());
  }

  private async read(): Promise<ReloadReport> {
    const wanted = await this.context.source.load((text) => this.parse(text));
    // What waited is out of date.
    this.forget();
    const turn = ++this.asked;
    return this.take(wanted).catch((error: unknown) => {
      if (turn === this.asked && isOwed(error))
        this.owe({ wanted, why: whyOf(error), pauseMs: FIRST_PAUSE_MS });
      throw error;
    });
  }

  /** What `reload` would do if this text were its file. */
  async preview(text: string): Promise<ReloadPreview> {
    const { changes, effects } = this.plan(await this.parse(text));
    return { changes, effects };
  }

  /** For a signal: nobody waits for the answer. */
  reloadOnSignal(): void {
    const { log } = this.context;
    if (this.closed) return;
    this.reload().then(
      ({ changes }) => log.info({ event: 'reload' }, `reloaded, ${changes.length} changes`),
      (error: unknown) => {
        if (!this.closed) log.error({ event: 'reload-failed' }, String(error));
      },
    );
  }

  /** What was asked for could not be applied and is tried again. */
  get isOwed(): boolean {
    return this.owed !== null;
  }

  /** What an operator should look at. */
  alarms(): string[] {
    if (this.owed === null) return [];
    return [`a changed configuration is not in force: ${this.owed.why} It is tried again`];
  }

  /** Begins nothing any more. */
  close(): void {
    this.closed = true;
    this.forget();
  }

  /** One after the other: each may need a thread. */
  private parse(text: string): Promise<GatewayConfig> {
    const parsed = this.parsing.then(() => this.context.source.parse(text));
    this.parsing = parsed.catch(() => undefined);
    return parsed;
  }

  private plan(wanted: GatewayConfig): ReloadPlan {
    const { inForce, atStart } = this.context;
    const gateway = inForce();
    const counts = gateway.flows?.counts.perRoute();
    const connections = (name: string): number => counts?.get(gateway.numbers.routes.of(name)) ?? 0;
    return planReload(gateway.config, wanted, atStart, connections);
  }

  private async take(wanted: GatewayConfig): Promise<ReloadReport> {
    const { log, enqueue, takeOver, isOver } = this.context;
    let report: ReloadReport = { applied: false, changes: [], effects: [] };
    let failure: PathraceError | null = null;
    await enqueue(async () => {
      // Only now: a change before this one may have been another configuration.
      const plan = this.plan(wanted);
      report = { applied: plan.isLive, changes: plan.changes, effects: plan.effects };
      if (!plan.isLive) return;
      // It is undone, so that nothing is left for whoever works on the queue.
      await takeOver(plan).catch((error: unknown) => {
        failure = failed(error);
      });
    });
    if (failure !== null) throw failure;
    if (!report.applied) return report;
    // Not on the queue: a disk that hangs keeps nobody but who waits for the answer.
    await isOver();
    for (const change of report.changes) log.info({ event: 'reload', ...change }, `reload: ${change.key}`);
    for (const { text, connections } of report.effects)
      log.info({ event: 'reload-effect', connections }, `reload: ${text}`);
    return report;
  }

  private owe(owed: Owed): void {
    this.forget();
    if (this.closed) return;
    this.owed = owed;
    this.timer = setTimeout(() => this.again(owed), owed.pauseMs);
  }

  private again(owed: Owed): void {
    const { log } = this.context;
    this.take(owed.wanted).then(
      () => {
        if (this.owed !== owed) return;
        this.owed = null;
        log.info({ event: 'reload' }, 'the changed configuration is in force');
      },
      (error: unknown) => {
        if (this.owed !== owed) return;
        log.error({ event: 'reload-failed' }, String(error));
        const pauseMs = Math.min(2 * owed.pauseMs, LONGEST_PAUSE_MS);
        this.owe({ ...owed, why: whyOf(error), pauseMs });
      },
    );
  }

  private forget(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.owed = null;
  }
}

interface Owed {
  readonly wanted: GatewayConfig;
  readonly why: string;
  readonly pauseMs: number;
}

function failed(error: unknown): PathraceError {
  const why = error instanceof Error ? error.message : String(error);
  const message = `The changed configuration could not be applied, the one before is in force: ${why}`;
  return new PathraceError('E_RELOAD_FAILED', message, { cause: error });
}

function isOwed(error: unknown): boolean {
  return error instanceof PathraceError && error.code === 'E_RELOAD_FAILED';
}

function whyOf(error: unknown): string {
  const { cause } = error as Error;
  return cause instanceof Error ? cause.message : String(cause ?? error);
}
