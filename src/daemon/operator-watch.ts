/**
 * The operator's own rules, read at the start and whenever another table changes: which connections they do something to that no copy
 * can have, and which chains may drop copies. The kernel's state follows.
 */
import type { Beside } from '../kernel/desired.js';
import type { Marks } from '../kernel/marks.js';
import { notRaced } from '../kernel/operator/not-raced.js';
import { acceptOurs } from '../kernel/operator/output.js';
import type { OperatorRules } from '../kernel/operator/read.js';
import { NO_RULES, readOperatorRules } from '../kernel/operator/read.js';
import { differing, type OperatorRule } from '../kernel/operator/translations.js';
import { watchTables } from '../kernel/operator/watch.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import type { Log } from '../observe/log.js';
import { repeated } from './repeated.js';

/** Changes come in bursts; and reading what is long must not become all that is done. */
const SETTLE_MS = 50;
const REST_TIMES = 3;
/** What the kernel does not tell of: the tables of iptables-legacy, and messages that were lost. */
const AGAIN_MS = 30_000;
/** Refused copies are told once in a minute, and are an alarm for ten. */
const TELL_MS = 60_000;
const ALARM_MS = 600_000;

export interface OperatorContext {
  readonly log: Log;
  readonly marks: Marks;
  lan(): readonly string[];
  routes(): readonly ResolvedRoute[];
  /** The race thread sees the entries of the connections it is asked about. */
  seesEntries(): boolean;
  /** What is not to be raced may be something else now. */
  changed(): void;
  failed(error: unknown): void;
  worked(): void;
}

export class OperatorWatch {
  private found: OperatorRules = NO_RULES;
  private known = '';
  private told = '';
  private timer: NodeJS.Timeout | null = null;
  private reading: Promise<void> | null = null;
  private due = false;
  private restUntil = 0;
  private refused = 0;
  private refusedAt = Number.NEGATIVE_INFINITY;
  private toldAt = Number.NEGATIVE_INFINITY;
  private closed = false;
  private readonly closers: (() => void)[] = [];

  constructor(private readonly context: OperatorContext) {}

  /** Reads them before anything depends on it, and follows them from now on. */
  async begin(): Promise<void> {
    // First: a change while they are read is not missed.
    const watch = watchTables(() => this.look());
    const again = setInterval(() => this.look(), AGAIN_MS);
    this.closers.push(
      () => watch.close(),
      () => clearInterval(again),
    );
    await repeated(() => this.read(true));
  }

  /** Connections that are not to be raced. */
  notRaced(): Beside['ownTranslation'] {
    const rules = this.differing();
    this.tell(rules);
    return notRaced(rules);
  }

  /** What comes from a provider, and the look-up of a client's way back, need more than usual. */
  get wayBackIsChecked(): boolean {
    return this.found.wayBackIsChecked;
  }

  /** So many set-ups more have gone on by one route, since no copy could leave. */
  copiesRefused(count: number): void {
    const now = performance.now();
    this.refused += count;
    this.refusedAt = now;
    if (now - this.toldAt < TELL_MS) return;
    this.toldAt = now;
    this.context.log.warn({ event: 'copies-refused', chains: this.found.blocking }, this.refusal());
  }

  /** What an operator should know of: a whole family that is not raced. */
  alarms(): string[] {
    const refused = performance.now() - this.refusedAt < ALARM_MS ? [this.refusal()] : [];
    const families = notRaced(this.differing())
      .filter(
        ({ sources, destinations, ports }) => sources === null && destinations === null && ports === null,
      )
      .map(({ family }) => {
        const [rule] = this.differing().filter(({ families }) => families.includes(family));
        return `no connection of IPv${family} is raced: the rule of yours in ${rule.place} may apply to each`;
      });
    return [...refused, ...families];
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const close of this.closers.splice(0)) close();
    if (this.timer !== null) clearTimeout(this.timer);
    await this.reading;
  }

  private refusal(): string {
    const { blocking } = this.found;
    const where = blocking.length === 0 ? 'a firewall rule for output' : `the chain ${blocking.join(', ')}`;
    return `${this.refused} connections were not raced, since no copy could leave: add "${acceptOurs(this.context.marks)}" to ${where}, before what drops`;
  }

  private differing(): OperatorRule[] {
    const { routes, seesEntries } = this.context;
    return differing(this.found.rules, routes(), seesEntries());
  }

  private look(): void {
    if (this.closed || this.timer !== null) return;
    if (this.reading !== null) {
      this.due = true;
      return;
    }
    const wait = Math.max(SETTLE_MS, this.restUntil - performance.now());
    this.timer = setTimeout(() => {
      this.timer = null;
      this.reading = this.read().finally(() => {
        this.reading = null;
        if (!this.due) return;
        this.due = false;
        this.look();
      });
    }, wait);
  }

  private async read(isFirst = false): Promise<void> {
    const { context } = this;
    const startedAt = performance.now();
    try {
      this.found = await readOperatorRules(context.lan(), context.marks);
      context.worked();
    } catch (error) {
      context.failed(error);
    }
    this.restUntil = performance.now() + REST_TIMES * (performance.now() - startedAt);
    const known = JSON.stringify(this.found, (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    if (known === this.known) return;
    this.known = known;
    if (!isFirst) context.changed();
  }

  /** Once for each time that it is another set of rules. */
  private tell(rules: readonly OperatorRule[]): void {
    const places = [...new Set(rules.map(({ place }) => place))];
    const told = places.join('; ');
    if (told === this.told) return;
    this.told = told;
    const { log } = this.context;
    if (told === '')
      log.info({ event: 'operator-rules' }, 'no rule of yours keeps connections from being raced any more');
    else
      log.info(
        { event: 'operator-rules', rules: places },
        `connections that these rules of yours may apply to are not raced, they go by one route: ${told}`,
      );
  }
}
