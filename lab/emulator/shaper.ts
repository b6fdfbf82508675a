/** When a packet leaves the far end of a link, or that it never does. Pure: time and luck come in. */

import { type Random, random } from '../../src/sim/random.js';
import type { Link } from '../../src/sim/scenario.js';

/** Not a time: why the packet is lost. */
export const LOST = -1;
export const QUEUE_FULL = -2;

/** One direction of one provider's link. Every packet draws the same number of random values, whatever the settings. */
export class Shaper {
  readonly #random: Random;
  /** When the limited link has sent what it holds. */
  #busyUntil = 0;
  /** Per server: when its last packet is due, so that jitter does not reorder. */
  readonly #lastDue: Float64Array;

  constructor(seed: number, servers: number) {
    this.#random = random(seed);
    this.#lastDue = new Float64Array(servers + 1);
  }

  /** `server` is an index, -1 for none. Times in microseconds; `bytes` are those of the frame. */
  due(link: Link, arrival: number, bytes: number, server: number, distanceMs: number): number {
    const luck = this.#random();
    const jitter = this.#random() * link.jitterMs;
    const heldBack = this.#random() < link.reorder;
    if (luck < link.loss) return LOST;
    const sent = this.#send(link, arrival, bytes);
    if (sent < 0) return sent;
    const due = sent + (link.delayMs + distanceMs + jitter) * 1000;
    if (heldBack) return due + link.reorderMs * 1000;
    const inOrder = Math.max(due, this.#lastDue[server + 1] as number);
    this.#lastDue[server + 1] = inOrder;
    return inOrder;
  }

  /** After a change: a lowered delay takes effect at once, ahead of packets that are still on their way. */
  forgetOrder(): void {
    this.#lastDue.fill(0);
    this.#busyUntil = 0;
  }

  #send(link: Link, arrival: number, bytes: number): number {
    if (link.rateMbit === 0) return arrival;
    const begin = Math.max(arrival, this.#busyUntil);
    if (begin - arrival > link.queueMs * 1000) return QUEUE_FULL;
    this.#busyUntil = begin + (bytes * 8) / link.rateMbit;
    return this.#busyUntil;
  }
}
