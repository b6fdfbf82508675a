/** Which routes have used up their quota, and what they are until the period is over. The one who says so to all who choose. */
import type { QuotaConfig, RouteConfig } from '../model/config.js';
import type { Log } from '../observe/log.js';

export type Spent = QuotaConfig['action'];

export class SpentRoutes {
  // BOUNDED: by the routes of the configuration.
  private spent = new Map<string, Spent>();
  private readonly fallen = new Set<string>();

  /** null: its quota is not used up, or it has none. */
  of(name: string): Spent | null {
    return this.spent.get(name) ?? null;
  }

  /** True, once: it is down since its quota is used up. */
  takeFallen(name: string): boolean {
    return this.fallen.delete(name);
  }

  /** Compares what is used with what may be; true: somebody has to choose anew. What changes is said. */
  follow(routes: readonly RouteConfig[], usedOf: (name: string) => number, log: Log): boolean {
    const before = this.spent;
    this.spent = new Map(
      routes.flatMap(({ name, quota }): [string, Spent][] =>
        quota !== null && usedOf(name) >= quota.bytes ? [[name, quota.action]] : [],
      ),
    );
    let isOther = false;
    for (const { name, quota } of routes) {
      const now = this.of(name);
      if (now === (before.get(name) ?? null)) continue;
      isOther = true;
      if (now === 'down') this.fallen.add(name);
      else this.fallen.delete(name);
      const fields = { event: now === null ? 'quota-renewed' : 'quota-used-up', route: name };
      if (now === null) log.info(fields, `route ${name} has quota again`);
      else log.warn({ ...fields, bytes: quota?.bytes, action: now }, `route ${name} ${SPENT_WORDS[now]}`);
    }
    return isOther;
  }
}

export const SPENT_WORDS: Readonly<Record<Spent, string>> = {
  'last-resort': 'has used up its quota and is a last resort',
  down: 'has used up its quota and is down',
  alarm: 'has used up its quota',
};
