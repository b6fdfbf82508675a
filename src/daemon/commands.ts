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

  /** What was commanded of an old name holds for the new one. */
  follow(name: string, old: string): void {
    const given = this.given.get(old);
    if (given === undefined) this.given.delete(name);
    else this.given.set(name, given);
    this.given.delete(old);
  }

  /** All as it is now; call it to have that back. */
  keep(): () => void {
    const kept = [...this.given];
    return () => {
      this.given.clear();
      for (const [name, given] of kept) this.given.set(name, given);
    };
  }

  /** All as it is now, apart. */
  copy(): Commands {
    const copy = new Commands();
    for (const [name, given] of this.given) copy.given.set(name, given);
    return copy;
  }

  set(name: string, admin: Admin, nowMs: number): void {
    if (this.of(name) !== admin) this.given.set(name, { admin, atMs: nowMs });
  }
}
