/**
 * Numbers of routes and services. A number is in the mark of every flow, so it stays with its name: over a reload, and
 * over a restart as far as the store or the kernel (services) remembers. A new name takes the lowest number that is free and was not used before, if
 * there is one.
 */
export class Numbers {
  private readonly byName = new Map<string, number>();

  constructor(private readonly most: number) {}

  /** Names of an earlier run in the order of their numbers from 1; '' where there is none. */
  recall(names: readonly string[]): void {
    for (const [i, name] of names.entries()) if (i < this.most && name !== '') this.byName.set(name, i + 1);
  }

  /** Gives every name a number. Names that are gone keep theirs while there are others. */
  assign(names: readonly string[]): void {
    for (const name of names) {
      if (!this.byName.has(name)) this.byName.set(name, this.free(names));
    }
  }

  /** New names take over the numbers of old ones, all at once. */
  follow(renamed: ReadonlyMap<string, string>): void {
    const moved = [...renamed].map(([name, old]) => [name, this.byName.get(old)] as const);
    for (const old of renamed.values()) this.byName.delete(old);
    for (const [name, number] of moved) if (number !== undefined) this.byName.set(name, number);
  }

  /** All as it is now; call it to have that back. */
  keep(): () => void {
    const kept = [...this.byName];
    return () => {
      this.byName.clear();
      for (const [name, number] of kept) this.byName.set(name, number);
    };
  }

  /** All as it is now, apart. */
  copy(): Numbers {
    const copy = new Numbers(this.most);
    for (const [name, number] of this.byName) copy.byName.set(name, number);
    return copy;
  }

  of(name: string): number {
    return this.byName.get(name) ?? 0;
  }

  nameOf(number: number): string | null {
    for (const [name, own] of this.byName) if (own === number) return name;
    return null;
  }

  /** Names by number from 1; '' where there is none. */
  list(): string[] {
    const names: string[] = [];
    for (const [name, number] of this.byName) names[number - 1] = name;
    return Array.from(names, (name) => name ?? '');
  }

  private free(wanted: readonly string[]): number {
    const taken = new Set(this.byName.values());
    for (let number = 1; number <= this.most; number++) if (!taken.has(number)) return number;
    for (const [name, number] of this.byName) {
      if (wanted.includes(name)) continue;
      this.byName.delete(name);
      return number;
    }
    return 0;
  }
}
