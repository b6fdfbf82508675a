/** Memory in the words of the contract. */
import type { MemoryEntry, MemoryFilter, MemoryRoute } from '../api/contract.js';
import { addRows, createRows, type MemoryRows } from '../core/memory/rows.js';
import { TIMES, TIMES_NAMES, type Times } from '../core/memory/times.js';
import { VERDICT, VERDICT_NAMES } from '../core/memory/verdicts.js';
import {
  type AddressWords,
  type Family,
  familyOf,
  formatAddress,
  maskAddress,
  parseAddress,
  sameAddress,
} from '../model/address.js';
import type { RaceClient } from './race-client.js';

/** The name of a route by its number; null: it is not in the configuration, whatever is still remembered of it. */
export type RouteName = (number: number) => string | null;

type Lengths = { readonly [family in Family]: number };

export interface MemoryQuestion {
  readonly limit: number;
  readonly prefix: string | null;
  readonly filter?: MemoryFilter;
}

/** Destinations by last use, newest first: those within `prefix`, and the one that it is within. */
export async function memoryEntries(
  race: RaceClient,
  nameOf: RouteName,
  aggregate: Lengths,
  { limit, prefix, filter = {} }: MemoryQuestion,
): Promise<MemoryEntry[]> {
  const found: Row[] = [];
  const matches = prefixFilter(prefix, aggregate);
  for (let from = 0; from >= 0; ) {
    const part = await race.memory(from, PART_SLOTS, true);
    const { chunk, forgetMicros, best, trusted, next } = part;
    const rows = createRows(chunk.count, chunk.routes);
    const slots = addRows(chunk, forgetMicros, rows, 'all');
    for (let row = 0; row < rows.count; row++) {
      if (!matches(rows.address, row * 4)) continue;
      if (filter.trusted !== undefined && (trusted[slots[row]] === 1) !== filter.trusted) continue;
      if (filter.best !== undefined && nameOf(best[slots[row]]) !== filter.best) continue;
      const times = chunk.times[slots[row]] as Times;
      found.push({ rows, row, times, best: best[slots[row]], trusted: trusted[slots[row]] === 1 });
    }
    from = next;
  }
  found.sort((a, b) => a.rows.usedAge[a.row] - b.rows.usedAge[b.row]);
  return found.slice(0, limit).map((one) => toEntry(one, nameOf, aggregate));
}

/** What is remembered of one destination; null: nothing. */
export async function memoryEntry(
  race: Pick<RaceClient, 'memoryOf'>,
  nameOf: RouteName,
  aggregate: Lengths,
  destination: AddressWords,
): Promise<MemoryEntry | null> {
  const { chunk, forgetMicros, best, trusted } = await race.memoryOf(destination);
  const rows = createRows(chunk.count, chunk.routes);
  const slots = addRows(chunk, forgetMicros, rows);
  if (rows.count === 0) return null;
  const isTrusted = trusted[slots[0]] === 1;
  return toEntry(
    { rows, row: 0, times: TIMES.CONNECT, best: best[slots[0]], trusted: isTrusted },
    nameOf,
    aggregate,
  );
}

/** Slots asked for at a time: with what they would choose, a tenth of a millisecond of the race loop. */
const PART_SLOTS = 512;

interface Row {
  readonly rows: MemoryRows;
  readonly row: number;
  readonly times: Times;
  readonly best: number;
  readonly trusted: boolean;
}

function toEntry(
  { rows, row, times, best, trusted }: Row,
  nameOf: RouteName,
  aggregate: Lengths,
): MemoryEntry {
  const family = familyOf(rows.address, row * 4);
  const length = aggregate[family];
  const suffix = length === (family === 4 ? 32 : 128) ? '' : `/${length}`;
  const entries: [string, MemoryRoute][] = [];
  for (let route = 1; route <= rows.routes; route++) {
    const at = row * rows.routes + route - 1;
    const verdict = rows.verdict[at];
    const name = nameOf(route);
    if (verdict === VERDICT.NONE || name === null) continue;
    const rttMicros = rows.rtt[at] >= 0 ? rows.rtt[at] : null;
    entries.push([
      name,
      { rttMicros, ageSeconds: Math.floor(rows.age[at] / 1000), answer: VERDICT_NAMES[verdict] },
    ]);
  }
  return {
    destination: formatAddress(rows.address, row * 4) + suffix,
    of: TIMES_NAMES[times],
    routes: Object.fromEntries(entries),
    best: best === 0 ? null : nameOf(best),
    trusted,
  };
}

/** Whether a destination lies within the prefix, or the prefix within the destination. */
function prefixFilter(prefix: string | null, aggregate: Lengths): (words: Int32Array, at: number) => boolean {
  if (prefix === null) return () => true;
  const [address, bits] = prefix.split('/');
  const wanted = parseAddress(address);
  if (wanted === null) return () => false;
  const family = familyOf(wanted);
  const length = Math.min(Number(bits ?? 128), family === 4 ? 32 : 128, aggregate[family]);
  maskAddress(wanted, 0, family, length);
  const masked = new Int32Array(4);
  return (words, at) => {
    if (familyOf(words, at) !== family) return false;
    for (let i = 0; i < 4; i++) masked[i] = words[at + i];
    maskAddress(masked, 0, family, length);
    return sameAddress(masked, 0, wanted, 0);
  };
}
