/** When a packet leaves the far end of a link, or that it never does: the same rules as the lab's emulator. */
import type { Micros } from '../core/engine-types.js';
import { type Random, random } from './random.js';
import type { Link } from './scenario.js';

/** Not a time: the packet is lost. */
export const LOST = -1;
const ETHERNET_BYTES = 14;

/** One direction of one provider's link. Every packet draws the same number of random values, whatever the settings. */
export class Shaper {
  private readonly random: Random;
  /** When the limited link has sent what it holds. */
  private busyUntil: Micros = 0;
  /** Per server: when its last packet is due, so that jitter does not reorder. BOUNDED: servers of the scenario. */
  private readonly lastDue = new Map<string, Micros>();

  constructor(seed: number) {
    this.random = random(seed);
  }

  due(link: Link, now: Micros, bytes: number, server: string, distanceMs: number): Micros {
    const luck = this.random();
    const jitter = this.random() * link.jitterMs;
    const heldBack = this.random() < link.reorder;
    if (luck < link.loss) return LOST;
    const sent = this.send(link, now, bytes + ETHERNET_BYTES);
    if (sent < 0) return LOST;
    const due = sent + (link.delayMs + distanceMs + jitter) * 1000;
    if (heldBack) return due + link.reorderMs * 1000;
    const inOrder = Math.max(due, this.lastDue.get(server) ?? 0);
    this.lastDue.set(server, inOrder);
    return inOrder;
  }

  /** After a change: a lowered delay takes effect at once, ahead of packets that are still on their way. */
  forgetOrder(): void {
    this.lastDue.clear();
    this.busyUntil = 0;
  }

  private send(link: Link, now: Micros, bytes: number): Micros {
    if (link.rateMbit === 0) return now;
    const begin = Math.max(now, this.busyUntil);
    if (begin - now > link.queueMs * 1000) return LOST;
    this.busyUntil = begin + (bytes * 8) / link.rateMbit;
    return this.busyUntil;
  }
}
