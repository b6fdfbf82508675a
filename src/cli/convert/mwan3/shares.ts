/** One weight for each route, out of the shares that policies give to them. */
import type { Share } from './policies.js';

/** A part `weight` of `total`s: two routes of one set are to one another as these numbers are. */
interface Ratio {
  readonly up: bigint;
  readonly down: bigint;
}

/** Sets of routes whose weights hang together. Every share is kept that contradicts none before it. */
export class Shares {
  // BOUNDED: routes.
  private readonly sets = new Map<string, Map<string, Ratio>>();

  /** Takes over what a group says; false: it contradicts what is taken over, and nothing of it is. */
  add(group: readonly Share[]): boolean {
    for (const { route } of group)
      if (!this.sets.has(route)) this.sets.set(route, new Map([[route, { up: 1n, down: 1n }]]));
    if (!this.agrees(group)) return false;
    const [first, ...others] = group;
    for (const other of others) this.join(first, other);
    return true;
  }

  /** From 1 to 1000, as small as can be; `isExact` false: rounded, as they do not fit. */
  weights(): { readonly of: ReadonlyMap<string, number>; readonly isExact: boolean } {
    const of = new Map<string, number>(); // BOUNDED: routes.
    let isExact = true;
    for (const set of new Set(this.sets.values())) {
      const common = [...set.values()].reduce((all, { down }) => (all * down) / gcd(all, down), 1n);
      const whole = [...set].map(([route, { up, down }]) => ({ route, weight: (up * common) / down }));
      const divisor = whole.reduce((all, { weight }) => gcd(all, weight), 0n);
      const most = highest(whole.map(({ weight }) => weight)) / divisor;
      for (const { route, weight } of whole) {
        const exact = weight / divisor;
        if (most <= MOST) of.set(route, Number(exact));
        else {
          isExact = false;
          of.set(route, Math.max(1, Math.round((Number(exact) / Number(most)) * Number(MOST))));
        }
      }
    }
    return { of, isExact };
  }

  private agrees(group: readonly Share[]): boolean {
    for (const a of group) {
      for (const b of group) {
        const set = this.setOf(a.route);
        const [one, two] = [set.get(a.route), set.get(b.route)];
        if (one === undefined || two === undefined) continue;
        // one : two = a : b
        if (one.up * two.down * BigInt(b.weight) !== two.up * one.down * BigInt(a.weight)) return false;
      }
    }
    return true;
  }

  /** The set of `other` becomes a part of that of `first`. */
  private join(first: Share, other: Share): void {
    const [mine, theirs] = [this.setOf(first.route), this.setOf(other.route)];
    if (mine === theirs) return;
    const [one, two] = [mine.get(first.route)!, theirs.get(other.route)!];
    for (const [route, { up, down }] of theirs) {
      mine.set(
        route,
        reduced({
          up: up * one.up * BigInt(other.weight) * two.down,
          down: down * one.down * BigInt(first.weight) * two.up,
        }),
      );
      this.sets.set(route, mine);
    }
  }

  private setOf(route: string): Map<string, Ratio> {
    return this.sets.get(route)!;
  }
}

const MOST = 1000n;

function highest(numbers: readonly bigint[]): bigint {
  let top = 0n;
  for (const number of numbers) if (number > top) top = number;
  return top;
}

function reduced({ up, down }: Ratio): Ratio {
  const divisor = gcd(up, down);
  return { up: up / divisor, down: down / divisor };
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}
