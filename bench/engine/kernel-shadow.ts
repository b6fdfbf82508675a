/** What the kernel's maps hold, as far as they were told; and that the engine knows it. */
import type { MemoryEntry } from '../../src/core/contract.js';
import type { Engine } from '../../src/core/engine.js';
import type { Micros } from '../../src/core/engine-types.js';
import { holds, same } from './invariants.js';

export class KernelShadow {
  /** Until when, by mask and destination. BOUNDED: what has timed out goes with each check. */
  private readonly held = new Map<string, Micros>();
  private isChecked = true;

  remember({ site }: Engine, entry: MemoryEntry, now: Micros): void {
    const { mask, route, family, ttl } = entry;
    holds(ttl > 0 && Number.isFinite(ttl), 'remembered for no time');
    holds(site.masks.includes(mask), 'remembered where the kernel has no map');
    holds((mask & (1 << route)) !== 0, 'remembered over a route of another set');
    const { usable, admin } = site.routes[route - 1];
    holds(usable[family] && admin === 'enabled', 'remembered over a route that cannot be used');
    holds(site.health.of(route, family) === 0, 'remembered over a route that is not up');
    this.held.set(keyOf(mask, entry.words, entry.at), now + ttl);
    this.isChecked = false;
  }

  unremember({ mask, words, at }: MemoryEntry): void {
    holds(this.held.delete(keyOf(mask, words, at)), 'taken back what was never said');
    this.isChecked = false;
  }

  /** The maps are new. */
  empty(): void {
    this.held.clear();
    this.isChecked = false;
  }

  /** Only the maps of these sets of routes are there now; what they hold stays. */
  keep(masks: readonly number[]): void {
    const prefixes = new Set(masks.map(String));
    for (const key of this.held.keys())
      if (!prefixes.has(key.slice(0, key.indexOf(' ')))) this.held.delete(key);
    this.isChecked = false;
  }

  /** The engine knows of everything that the kernel holds, and of nothing else. Looks only when something was said. */
  check({ site, shard }: Engine, now: Micros): void {
    const { memory, kernelCopy } = shard;
    holds(memory.destinations <= memory.size, 'more destinations than memory has room for');
    if (this.isChecked) return;
    this.isChecked = true;
    for (const [key, until] of this.held) if (until <= now) this.held.delete(key);
    let known = 0;
    for (let slot = 0; slot < memory.size; slot++) {
      for (let view = 0; view < site.masks.length; view++) {
        if (!kernelCopy.isHeld(slot, view, now)) continue;
        known++;
        holds(memory.isUsed(slot), 'the kernel holds what memory has forgotten');
        const until = this.held.get(keyOf(site.masks[view], memory.address, slot * 4));
        same(until, kernelCopy.untilOf(slot, view), 'until when the kernel holds it');
      }
    }
    same(this.held.size, known, 'what the kernel holds');
  }
}

function keyOf(mask: number, words: Int32Array, at: number): string {
  return `${mask} ${words[at]} ${words[at + 1]} ${words[at + 2]} ${words[at + 3]}`;
}
