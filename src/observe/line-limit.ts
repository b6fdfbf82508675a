/**
 * How many lines of one kind the log gets: so many at once, then a few in a minute. Nothing that happens often, or that a host can make
 * happen, fills a disk or hides the rest.
 */

/** A kind begins with so many, and gets this share of one back in a millisecond. */
const AT_ONCE = 60;
const PER_MS = 10 / 60_000;
/** Kinds are words of the code, some with the name of a route. */
const MOST_KINDS = 512;

interface Kind {
  left: number;
  atMs: number;
  untold: number;
}

export class LineLimit {
  // BOUNDED: MOST_KINDS; the one that was used longest ago gives way.
  private readonly kinds = new Map<string, Kind>();

  /** Takes note of a line of `kind`. -1: it is left out. Else how many of its kind were left out before it. */
  take(kind: string, nowMs: number): number {
    const found = this.kinds.get(kind) ?? { left: AT_ONCE, atMs: nowMs, untold: 0 };
    this.kinds.delete(kind);
    this.kinds.set(kind, found);
    if (this.kinds.size > MOST_KINDS) this.forgetOne();
    found.left = Math.min(AT_ONCE, found.left + Math.max(0, nowMs - found.atMs) * PER_MS);
    found.atMs = nowMs;
    if (found.left < 1) {
      found.untold++;
      return -1;
    }
    found.left--;
    const { untold } = found;
    found.untold = 0;
    return untold;
  }

  /** Kinds of which lines were left out since they had one, and how many; they count as told. */
  takeUntold(): (readonly [kind: string, count: number])[] {
    const untold: (readonly [string, number])[] = [];
    for (const [kind, found] of this.kinds) {
      if (found.untold === 0) continue;
      untold.push([kind, found.untold]);
      found.untold = 0;
    }
    return untold;
  }

  private forgetOne(): void {
    for (const kind of this.kinds.keys()) {
      this.kinds.delete(kind);
      return;
    }
  }
}
