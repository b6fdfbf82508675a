/** Packets that say something which the kernel is to know before who waits for them: each goes on when it has heard of everything. */
import type { Boundary } from './boundary.js';
import type { KernelMemory } from './kernel-memory.js';
import type { Queue } from './queue.js';

/** At one time; more go on at once. */
const MOST_HELD = 128;

/** BOUNDED: MOST_HELD packets. */
export class HeldPackets {
  private held = 0;

  /** `what`: they are, for whoever reads of an error. */
  constructor(
    private readonly kernel: Pick<KernelMemory, 'idle'>,
    private readonly boundary: Pick<Boundary, 'caught'>,
    private readonly what: string,
  ) {}

  /** A packet of the queue goes on once the kernel has nothing left to hear; with the queue's next flush when too many wait already. */
  hold(queue: Queue, id: number): void {
    if (this.held >= MOST_HELD) return queue.accept(id);
    this.held++;
    this.kernel
      .idle()
      .then(() => {
        this.held--;
        if (queue.isClosed) return;
        queue.accept(id);
        queue.flush();
      })
      .catch((error: unknown) => this.boundary.caught(this.what, error));
  }
}
