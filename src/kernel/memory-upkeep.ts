/** Looks through memory a part at a time, so that no packet waits: forgets what nobody uses, counts, refills the kernel. */
import type { Engine } from '../core/engine.js';
import type { KernelMemory } from './kernel-memory.js';

/** Slots in one go: a tenth of a millisecond. */
const PART = 1024;

export class MemoryUpkeep {
  private next = 0;
  private readonly inKernel: Uint32Array;
  private readonly trusted: Uint32Array;
  /** Slot from which on the kernel has not heard of memory; -1: it knows all. */
  private unsaid = -1;

  constructor(
    private readonly engine: Engine,
    private readonly kernel: KernelMemory,
    private readonly clock: () => number,
  ) {
    const parts = Math.ceil(engine.memory.size / PART);
    this.inKernel = new Uint32Array(parts);
    this.trusted = new Uint32Array(parts);
  }

  /** The next part; call it ten times a second. */
  step(): void {
    const { engine } = this;
    const { memory } = engine;
    if (memory.destinations === 0 && this.next === 0 && this.inKernel[0] === 0) return;
    const now = this.clock();
    const part = this.next;
    engine.sweep(part * PART, PART, now);
    const { inKernel, trusted } = engine.countMemory(part * PART, PART, now);
    this.inKernel[part] = inKernel;
    this.trusted[part] = trusted;
    // Slots are taken in order while the table fills.
    const parts = memory.evicted > 0 ? this.inKernel.length : Math.ceil(memory.mostUsed / PART);
    this.next = part + 1 < parts ? part + 1 : 0;
  }

  /** What memory trusts and the kernel has not heard is said from the first slot on: `refill` until it says that it is done. */
  sayAgain(): void {
    this.unsaid = 0;
  }

  /** Tells the kernel of a further part; false when all is said. */
  refill(): boolean {
    if (this.unsaid < 0) return false;
    if (!this.kernel.hasRoom) return true;
    this.engine.refill(this.unsaid, PART, this.clock());
    this.unsaid += PART;
    if (this.unsaid >= this.engine.memory.mostUsed) this.unsaid = -1;
    return this.unsaid >= 0;
  }

  /** As of the last look at each part: seconds ago in a large memory. */
  counts(): { inKernel: number; trusted: number } {
    const sum = (counts: Uint32Array): number => counts.reduce((all, one) => all + one, 0);
    return { inKernel: sum(this.inKernel), trusted: sum(this.trusted) };
  }
}
