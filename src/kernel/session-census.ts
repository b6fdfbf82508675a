/** What lives in the connection table, by the kernel's ids: counted once each, whatever tells of it. */
import { IPCTNL_MSG_CT } from '../wire/netlink/ctnetlink.js';
import { createSessionEvent, decodeSession, isOver, pairOf } from '../wire/netlink/ctnetlink-events.js';
import { eachMessageInSlices } from './entry-slices.js';
import type { Marks } from './marks.js';

/** BOUNDED: by nf_conntrack_max. */
export class Census {
  private readonly marks = new Map<number, number>();
  private readonly ofMark = new Map<number, number>();
  private readonly ofPair: Map<number, number> | null;

  /** `countsPairs`: also how many flows each source address has towards each server. */
  constructor(readonly countsPairs: boolean) {
    this.ofPair = countsPairs ? new Map() : null;
  }

  get size(): number {
    return this.marks.size;
  }

  /** How many have each mark. */
  get byMark(): ReadonlyMap<number, number> {
    return this.ofMark;
  }

  /** `pair`: of pairOf, 0 where it has none. False: it was known. */
  add(id: number, mark: number, pair: number): boolean {
    if (this.marks.has(id)) return false;
    // As a small integer, which a map holds without a box.
    this.marks.set(id, mark | 0);
    this.ofMark.set(mark, (this.ofMark.get(mark) ?? 0) + 1);
    if (pair !== 0) this.ofPair?.set(pair, (this.ofPair.get(pair) ?? 0) + 1);
    return true;
  }

  /** The mark that it had, null: nobody knew it. */
  remove(id: number, pair: number): number | null {
    const kept = this.marks.get(id);
    if (kept === undefined) return null;
    const mark = kept >>> 0;
    this.marks.delete(id);
    lower(this.ofMark, mark);
    if (pair !== 0 && this.ofPair !== null) lower(this.ofPair, pair);
    return mark;
  }

  /** Flows of the source address and server that have most; two that share a hash count as one. Looks at all of them. */
  busiestPair(): number {
    let most = 0;
    for (const count of this.ofPair?.values() ?? []) if (count > most) most = count;
    return most;
  }
}

function lower(counts: Map<number, number>, key: number): void {
  const left = (counts.get(key) ?? 0) - 1;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}

/**
 * Counts the whole table into a census, piece by piece between other work. `ended`: ids of which it may still tell. False: `isOver` has
 * ended it. Throws E_NETLINK when the kernel does not tell all.
 */
export async function countTable(
  census: Census,
  ended: ReadonlySet<number>,
  marks: Pick<Marks, 'routeMask' | 'flowMask'>,
  families: readonly (4 | 6)[],
  isCut: () => boolean,
): Promise<boolean> {
  const event = createSessionEvent();
  return eachMessageInSlices(
    families,
    (message, view) => {
      if (message.type !== IPCTNL_MSG_CT.NEW || !decodeSession(event, view, message)) return;
      if ((event.mark & marks.routeMask) === 0 || isOver(event.tcpState) || ended.has(event.id)) return;
      const pair = census.countsPairs ? pairOf(view, message) : 0;
      // Others' bits would make many marks of one.
      census.add(event.id, (event.mark & marks.flowMask) >>> 0, pair);
    },
    isCut,
  );
}
