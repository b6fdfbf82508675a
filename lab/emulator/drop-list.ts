/** Losses of exactly chosen packets, each used up after its count. */
import type { Direction, PacketDrop } from '../../src/sim/scenario.js';
import { addressKey, type Packet } from './packet.js';

interface Pending {
  drop: PacketDrop;
  server: string | undefined;
  seen: number;
}

/** The drops of one provider. */
export class DropList {
  // BOUNDED: what tests install; used-up drops leave.
  #pending: Pending[] = [];

  add(drop: PacketDrop): void {
    const server = drop.server === undefined ? undefined : addressKey(drop.server);
    this.#pending.push({ drop, server, seen: 0 });
  }

  clear(): void {
    this.#pending = [];
  }

  get size(): number {
    return this.#pending.length;
  }

  /** Whether this packet is to be lost. Every drop that it matches counts it. */
  takes(packet: Packet, direction: Direction): boolean {
    if (this.#pending.length === 0) return false;
    let lost = false;
    for (const pending of this.#pending) {
      if (!matches(pending, packet, direction)) continue;
      pending.seen++;
      if (pending.seen >= (pending.drop.nth ?? 1)) lost = true;
    }
    this.#pending = this.#pending.filter(({ drop, seen }) => seen < (drop.nth ?? 1) + (drop.count ?? 1) - 1);
    return lost;
  }
}

function matches({ drop, server }: Pending, packet: Packet, direction: Direction): boolean {
  if (packet.kind !== drop.packet) return false;
  if (drop.direction !== undefined && drop.direction !== direction) return false;
  const out = direction === 'out';
  if (drop.port !== undefined && drop.port !== (out ? packet.destinationPort : packet.sourcePort))
    return false;
  return server === undefined || server === (out ? packet.destinationKey : packet.sourceKey);
}
