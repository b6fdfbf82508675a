/** What an operator has commanded of each route, and when. */
import type { Admin } from './engine-routes.js';

export class Commands {
  // BOUNDED: by the routes of the configurations.
  private readonly given = new Map<string, { readonly admin: Admin; readonly atMs: number }>();

  of(name: string): Admin {
    return this.given.get(name)?.admin ?? 'enabled';
  }

  /** Routes that have been commanded something. */
  names(): string[] {
    return [...this.given.keys()];
  }

  /** Monotonic time, milliseconds; 0: nothing has been commanded. */
  since(name: string): number {
    return this.given.get(name)?.atMs ?? 0;
  }

  set(name: string, admin: Admin, nowMs: number): void {
    if (this.of(name) !== admin) this.given.set(name, { admin, atMs: nowMs });
  }
}
