/**
 * When the store is written. Flash wears out by writing, and the whole file is written each time with a sync. Numbers and
 * what paths carry are on the disk at once; what was learnt, some minutes later; what is only times (ages, round trips) every half hour; and what has
 * not changed at all, never. A clean stop writes everything. Pure: time comes in, of a clock that does not jump.
 */
import type { MemoryRows } from '../../core/memory/rows.js';
import { mix } from '../../model/mix.js';
import type { StoreContent } from './content.js';

/** Between two writes, at least. */
export const LEARNT_MS = 5 * 60_000;
export const TIMES_MS = 30 * 60_000;
/** Bytes that all writes of a day may have together: a large memory is written less often. */
export const BYTES_PER_DAY = 256 * 1024 * 1024;
const DAY_MS = 86_400_000;

interface Written {
  readonly atMs: number;
  readonly bytes: number;
  readonly facts: string;
  readonly learnt: number;
}

export class SavePolicy {
  private written: Written | null = null;

  /** Whether anything could be due, before all memory is read for it. `facts`: of factsOf. */
  mayBeDue(facts: string, nowMs: number): boolean {
    const { written } = this;
    return written === null || written.facts !== facts || nowMs >= written.atMs + restMs(LEARNT_MS, written);
  }

  /** Whether the content has to be written now. `isLast`: nobody will ask again. */
  isDue(content: StoreContent, nowMs: number, isLast: boolean): boolean {
    const { written } = this;
    if (written === null || written.facts !== factsOf(content.routes, content.services)) return true;
    const elapsedMs = nowMs - written.atMs;
    if (written.learnt !== learntOf(content.memory)) return isLast || elapsedMs >= restMs(LEARNT_MS, written);
    const isTouched = isYounger(content.memory, elapsedMs);
    return isTouched && (isLast || elapsedMs >= restMs(TIMES_MS, written));
  }

  wrote(content: StoreContent, nowMs: number, bytes: number): void {
    this.written = {
      atMs: nowMs,
      bytes,
      facts: factsOf(content.routes, content.services),
      learnt: learntOf(content.memory),
    };
  }
}

/** What must not be lost once it is so: what paths carry, and who has which number. Commands and quotas have a store of their own. */
export function factsOf(
  routes: readonly Pick<StoreContent['routes'][number], 'name' | 'pathMtu'>[],
  services: readonly string[],
): string {
  return JSON.stringify([routes.map(({ name, pathMtu }) => [name, pathMtu ?? null]), services]);
}

function restMs(leastMs: number, { bytes }: Written): number {
  return Math.max(leastMs, (bytes * DAY_MS) / BYTES_PER_DAY);
}

/** A hash of destinations and of what their routes have answered, without times. The order of rows says nothing. */
function learntOf({ count, routes, address, verdict, raced }: MemoryRows): number {
  let sum = count;
  for (let row = 0; row < count; row++) {
    let hash = raced[row];
    for (let i = 0; i < 4; i++) hash = mix(hash, address[row * 4 + i]);
    for (let n = 0; n < routes; n++) hash = mix(hash, verdict[row * routes + n]);
    sum = (sum + hash) | 0;
  }
  return sum;
}

/** Whether anything is younger than `elapsedMs`: it was used or measured since. */
function isYounger({ count, routes, usedAge, racedAge, age }: MemoryRows, elapsedMs: number): boolean {
  for (let row = 0; row < count; row++) {
    if (usedAge[row] < elapsedMs || racedAge[row] < elapsedMs) return true;
    for (let n = 0; n < routes; n++) if (age[row * routes + n] < elapsedMs) return true;
  }
  return false;
}
