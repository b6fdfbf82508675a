/**
 * Changes the kernel's table, in three steps: what is new is declared, the race thread goes over to it, what is old goes. The thread
 * writes elements all the time, so a map goes only when nothing is on its way to it; and it hears of services that are new
 * before there is a rule that asks about one. Every step may be repeated: what one call does not achieve, since a command failed
 * or the thread has just ended, is left to the next.
 */
import type { DesiredState } from '../kernel/desired.js';
import type { KernelPart, ServicesMessage } from '../kernel/race-messages.js';
import { Ruleset } from '../kernel/ruleset.js';
import { recordSettings } from '../kernel/sysctl.js';
import type { Log } from '../observe/log.js';
import { type EngineServices, servicesMessage } from './engine-routes.js';
import type { RaceClient } from './race-client.js';

/** Where the table is new, or nobody knows whose the numbers in it are. */
export const EVERYTHING: readonly KernelPart[] = ['open', 'memory', 'groups', 'domains'];
/** After another engine: what counts by the generations of routes, which begin anew with it, or is known to it alone. */
export const OF_ENGINE: readonly KernelPart[] = ['open', 'memory', 'groups'];

export interface ChangeoverContext {
  readonly log: Log;
  /** null: not started yet. */
  race(): RaceClient | null;
  /** Kernel settings as they were before us; a new table has them, too. */
  settings(): ReadonlyMap<string, string>;
  /** The table is a new one: nothing is in it but what has been declared. */
  renewed(): void;
}

export class Changeover {
  private readonly rules = new Ruleset();
  /** What the race thread goes by, as it was worked out and as it was told. */
  private services: EngineServices | null = null;
  private told: ServicesMessage | null = null;
  private complaint: string | null = null;
  /** The table is a new one, and what fills it has not been told so yet. */
  private isNew = false;

  constructor(private readonly context: ChangeoverContext) {}

  /** Brings the table to a state, if it differs. `lost`: somebody has removed the table. */
  async apply(desired: DesiredState, services: EngineServices, lost = false): Promise<void> {
    await this.declare(desired, services, lost);
    if (services !== this.services && !(await this.switchTo(desired, services))) return;
    if (this.isNew) await this.context.race()?.empty(EVERYTHING);
    this.isNew = false;
    this.complain(await this.rules.sweep());
  }

  /**
   * The first step alone: all that a state has is there, and nothing has gone, so that the state before can come back without a loss.
   */
  async declare(desired: DesiredState, services: EngineServices, lost = false): Promise<void> {
    if (services !== this.services) await this.introduce(services);
    if ((await this.rules.declare(desired, lost)) === 'anew') {
      this.isNew = true;
      this.context.renewed();
    }
    if (this.isNew) await recordSettings(this.context.settings());
  }

  /** A race thread has been started with these. */
  begun(services: EngineServices, told: ServicesMessage): void {
    this.services = services;
    this.told = told;
  }

  /** Tells the thread of the services that it does not know; all else stays. */
  private async introduce({ services }: EngineServices): Promise<void> {
    const { told } = this;
    if (told === null) return;
    const known = new Set(told.services.map(({ number }) => number));
    const added = services.filter(({ number }) => !known.has(number));
    if (added.length > 0) await this.tell({ ...told, services: [...told.services, ...added] });
  }

  /** False: the thread may still write to what only the state before had. */
  private async switchTo(desired: DesiredState, services: EngineServices): Promise<boolean> {
    if (this.context.race() === null) return true;
    if (!(await this.tell(servicesMessage(services, desired)))) return false;
    this.services = services;
    return true;
  }

  /** False: it has not answered. One that has ended and is being started again begins with what is wanted then. */
  private async tell(message: ServicesMessage): Promise<boolean> {
    const answered = await this.context
      .race()
      ?.setServices(message)
      .then(
        () => true,
        () => false,
      );
    if (answered !== true) return false;
    this.told = message;
    return true;
  }

  private complain(why: string | null): void {
    if (why !== null && why !== this.complaint)
      this.context.log.warn({ event: 'sweep-failed' }, `could not remove what is not needed: ${why}`);
    this.complaint = why;
  }
}
