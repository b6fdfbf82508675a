/**
 * What a gateway must not forget, whatever becomes of its memory: commands, pins, and what of the quotas is used. Kept in a file of its own,
 * which is written before a command is answered (docs/decisions/0031-a-store-for-money-and-commands.md).
 */
import { readFileSync } from 'node:fs';
import { EMPTY_RECORD, type LedgerRecord } from '../core/quota/ledger.js';
import { monotonicAt, monotonicMs, wallAt } from '../kernel/clock.js';
import type { GatewayConfig } from '../model/config.js';
import type { Log } from '../observe/log.js';
import { Accounts } from './accounts.js';
import type { Commands } from './commands.js';
import type { Admin } from './engine-routes.js';
import { pinsKept, pinsToKeep } from './kept-pins.js';
import { localTime } from './local-time.js';
import { leaveBehind, within } from './patience.js';
import type { Pins } from './pins.js';
import { SpentRoutes } from './spent.js';
import type { State } from './state/content.js';
import { StateFile, type StateRead } from './state/file.js';
import { MAX_KEPT_ROUTES } from './state/schema.js';

/** What a store file of before has of a route. */
export interface OldRoute {
  readonly name: string;
  readonly admin: Admin;
  readonly ledger: LedgerRecord;
}

type Found =
  | Exclude<StateRead, { readonly kind: 'missing' }>
  | { readonly kind: 'old'; readonly routes: readonly OldRoute[] };

/** A disk that does not answer keeps no command waiting for longer. */
const PATIENCE_MS = 5000;
/** Nor a start. */
const READ_MS = 3000;
/** Without a quota nobody loses more by a loss of power; with one it is a thousandth of it that is written down at once. */
const EVERY_MS = 900_000;
const NOTICEABLE = 1000;

/** Between two looks whether anything has to be kept. */
export const KEEP_MS = 10_000;

export class Books {
  readonly accounts: Accounts;
  readonly spent = new SpentRoutes();
  private readonly file: StateFile;
  /** Why the last write has failed; null: it has not. */
  private trouble: string | null = null;
  /** What could not be read at the start: it is an alarm until the next. */
  private lost: string | null = null;
  /** Nothing is written over what nobody has read: a start may end before. */
  private mayWrite = false;
  /** The gateway ends: what is waited for is in the last write. */
  private readonly ending = new AbortController();
  private written = { atMs: 0, used: new Map<string, number>() };

  constructor(
    private readonly config: () => GatewayConfig,
    private readonly commands: Commands,
    private readonly pins: Pins,
    private readonly log: Log,
    private readonly boot: string = bootName(),
  ) {
    this.accounts = new Accounts(localTime(), boot);
    this.file = new StateFile(config().state);
  }

  /**
   * Reads what the last run left; where it left none, `old`: what a store file of before has. A disk that hangs keeps no start waiting:
   * what comes later is taken over then, and `late` is told.
   */
  async load(old: () => Promise<readonly OldRoute[]>, late: () => Promise<void>): Promise<void> {
    const reading = this.read(old);
    const found = await within(reading, READ_MS);
    if (found !== null) return this.take(found);
    leaveBehind();
    this.lost = `${this.file.path} does not get read, the disk hangs: commands and quotas begin anew, and nothing is kept until it is read`;
    this.log.warn({ event: 'state-stuck' }, this.lost);
    reading.then(
      (found) => {
        if (this.ending.signal.aborted) return;
        this.log.info({ event: 'state-read' }, `${this.file.path} has been read after all`);
        this.lost = null;
        this.take(found);
        // What fails of that is done again within a second.
        late().catch(() => undefined);
      },
      () => undefined,
    );
  }

  /** What there is now is on the disk when this resolves, or an alarm says why not. */
  async keep(): Promise<void> {
    if (!this.mayWrite || this.ending.signal.aborted) return;
    await this.write((write) => within(write, PATIENCE_MS, this.ending.signal));
  }

  /** The gateway ends: nobody waits for the disk any more. */
  end(): void {
    this.ending.abort();
  }

  /** Once more, at the end; it may never resolve. */
  async keepLast(): Promise<void> {
    this.end();
    if (this.mayWrite) await this.write((write) => write);
  }

  /** `wait` gives null when it does not wait any longer. */
  private async write(
    wait: (write: Promise<{ failure: string | null }>) => Promise<{ failure: string | null } | null>,
  ): Promise<void> {
    const used = this.usedNow();
    const written = await wait(this.file.write(() => this.state()).then((failure) => ({ failure })));
    if (written === null && this.ending.signal.aborted) return;
    const { failure } = written ?? { failure: 'the disk does not answer' };
    if (failure === null) {
      this.written = { atMs: monotonicMs(), used };
      this.trouble = null;
      return;
    }
    const isNew = this.trouble === null;
    this.trouble = `could not write ${this.file.path}, commands and quotas are not kept: ${failure}`;
    if (isNew) this.log.warn({ event: 'state-failed' }, this.trouble);
  }

  /** From time to time: writes when there is something that would be missed. */
  async keepIfDue(): Promise<void> {
    const { used, atMs } = this.written;
    const now = this.usedNow();
    const isOther = (name: string, least: number): boolean =>
      Math.abs((now.get(name) ?? 0) - (used.get(name) ?? 0)) > least;
    const isNoticed = this.config().routes.some(
      ({ name, quota }) => quota !== null && isOther(name, quota.bytes / NOTICEABLE),
    );
    const isDue = monotonicMs() - atMs >= EVERY_MS && [...now.keys()].some((name) => isOther(name, 0));
    if (this.trouble !== null || isNoticed || isDue) await this.keep();
  }

  /** What keeps new connections from a route, or not: a command, or its quota. */
  adminOf(name: string): Admin {
    const commanded = this.commands.of(name);
    return commanded === 'enabled' && this.spent.of(name) === 'down' ? 'disabled' : commanded;
  }

  /** Looks who has used up a quota; true: somebody has to choose anew. */
  follow(): boolean {
    const { accounts, spent } = this;
    return spent.follow(this.config().routes, (name) => accounts.of(name).used, this.log);
  }

  alarms(): string[] {
    return [this.lost, this.trouble].filter((alarm) => alarm !== null);
  }

  private async read(old: () => Promise<readonly OldRoute[]>): Promise<Found> {
    const found = await this.file.read();
    return found.kind === 'missing' ? { kind: 'old', routes: await old() } : found;
  }

  private take(found: Found): void {
    this.mayWrite = true;
    if (found.kind === 'state') return this.restore(found.state);
    if (found.kind === 'refused') {
      const { message, keptAs } = found;
      this.mayWrite = keptAs !== null;
      const aside = keptAs === null ? 'nothing is kept' : `it is kept as ${keptAs}`;
      this.lost = `${this.file.path} cannot be used, commands and quotas begin anew: ${message}; ${aside}`;
      this.log.warn({ event: 'state-refused' }, this.lost);
      return;
    }
    const { routes } = found;
    if (routes.length === 0) return;
    for (const { name, admin } of routes) this.command(name, admin, monotonicMs());
    const ledgers = new Map(routes.map(({ name, ledger }) => [name, ledger]));
    this.accounts.restore({ clock: { lastMs: 0, steadyMs: 0 }, boot: '', counters: {}, ledgers });
    this.log.info({ event: 'state-taken-over' }, 'commands and quotas are taken over from the store');
  }

  /** What has been commanded since the start is the newer word. */
  private command(name: string, admin: Admin, atMs: number): void {
    if (this.commands.since(name) === 0) this.commands.set(name, admin, atMs);
  }

  private usedNow(): Map<string, number> {
    return new Map(this.config().routes.map(({ name }) => [name, this.accounts.of(name).used]));
  }

  private restore({ clock, boot, counters, routes, pins }: State): void {
    for (const { name, admin, commandedMs } of routes) {
      const now = monotonicMs();
      this.command(name, admin, commandedMs === 0 ? now : Math.min(now, monotonicAt(commandedMs)));
    }
    const ledgers = new Map(routes.map(({ name, ledger }) => [name, ledger]));
    this.accounts.restore({ clock, boot, counters, ledgers });
    this.pins.restore(pinsKept(pins, boot !== '' && boot === this.boot, monotonicMs()));
  }

  private state(): State {
    const { routes } = this.config();
    const { ledgers, clock, boot, counters } = this.accounts.kept(routes.map((route) => route.interface));
    const names = new Set([...routes.map(({ name }) => name), ...this.commands.names(), ...ledgers.keys()]);
    return {
      clock: { lastMs: Math.max(0, clock.lastMs), steadyMs: clock.steadyMs },
      boot,
      counters: { ...counters },
      routes: [...names].slice(0, MAX_KEPT_ROUTES).map((name) => {
        const admin = this.commands.of(name);
        const commandedMs = admin === 'enabled' ? 0 : Math.max(0, wallAt(this.commands.since(name)));
        return { name, admin, commandedMs, ledger: plain(ledgers.get(name) ?? EMPTY_RECORD) };
      }),
      pins: pinsToKeep(this.pins.all(), monotonicMs(), (atMs) => this.accounts.dateAt(atMs)),
    };
  }
}

function plain({ days, ...rest }: LedgerRecord): State['routes'][number]['ledger'] {
  return { days: { ...days }, ...rest };
}

function bootName(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
